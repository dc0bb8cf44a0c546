"""The recorded cases, restated: which files break which rule, and the same files put right."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """`wrong` breaks `rule`; `right`, when given, does not."""

    case: str
    rule: str
    wrong: dict[str, str]
    right: dict[str, str] = field(default_factory=dict)


KEEPALIVED = """
vrrp_script alive {
  script "/usr/bin/pgrep haproxy"
  interval 1
}
vrrp_instance api {
  state STATE
  virtual_router_id 47
  priority PRIORITY
  advert_int 1
  unicast_src_ip 192.168.56.101
  unicast_peer { 192.168.56.102 }
  virtual_ipaddress { ADDRESS }
  TRACK
}
"""


def keepalived(
    address: str = "192.168.56.32/24",
    state: str = "BACKUP",
    priority: str = "100",
    track: str = "track_script { alive }",
) -> str:
    text = KEEPALIVED.replace("ADDRESS", address).replace("STATE", state).replace("PRIORITY", priority)
    return text.replace("TRACK", track)


def database(options: str, second: str, bind: str = "192.168.47.47:3306") -> str:
    return f"""
listen mysql
  bind {bind}
  mode tcp
  {options}
  server db1 192.168.47.125:3306 check port 9200
  server db2 192.168.47.126:3306 check port 9200 {second}
"""


WATCHED = database("option httpchk", "backup")
RING = """object.builder, build version 5
16384 partitions, {replicas}.000000 replicas, 1 regions, {zones} zones, {count} devices, 0.10 balance
Devices: id region zone ip address:port replication ip:port name weight partitions balance flags meta
{devices}"""


def ring(replicas: int, nodes: list[str], partitions: int = 16384, zones: int = 0) -> str:
    rows = "\n".join(
        f"  {n}  1  {1 if not zones else n % zones + 1}  {address}:6200  {address}:6200  sdb1 100.00 4096 0.00"
        for n, address in enumerate(nodes)
    )
    text = RING.format(replicas=replicas, zones=max(1, zones), count=len(nodes), devices=rows)
    return text.replace("16384 partitions", f"{partitions} partitions")


NODES = ["192.168.1.37", "192.168.1.38", "192.168.1.40"]
HOT = """heat_template_version: 2013-05-23
parameters:
  private_net: {type: string}
  cluster_size: {type: number}
  pool_id: {type: string}
resources:
  pool: {type: "OS::Octavia::Pool", properties: {protocol: HTTP}}
  web_group:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 3
      max_size: 3
      resource: {type: web.yaml, properties: {net: {get_param: private_network}, pool: {get_param: pool_id}}}
  member:
    type: OS::Octavia::PoolMember
    properties:
      pool: {get_resource: pol}
      address: {get_attr: [web_group, first_address]}
"""
HOT_RIGHT = """heat_template_version: 2021-04-16
parameters:
  private_net: {type: string}
resources:
  pool: {type: "OS::Octavia::Pool", properties: {protocol: HTTP}}
  web_group:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 2
      max_size: 6
      resource: {type: web.yaml, properties: {net: {get_param: private_net}, pool: {get_resource: pool}}}
"""

CASES: tuple[Case, ...] = (
    Case(
        "E-01",
        "vip-outside-network",
        {"keepalived.conf": keepalived("192.168.1.32/24")},
        {"keepalived.conf": keepalived("192.168.56.32/24")},
    ),
    Case(
        "E-02",
        "address-unknown",
        {"object.builder": ring(3, NODES), "copy.sh": "scp *.ring.gz 192.168.1.42:/etc/swift/\n"},
        {"object.builder": ring(3, NODES), "copy.sh": "scp *.ring.gz 192.168.1.40:/etc/swift/\n"},
    ),
    Case(
        "E-02",
        "address-two-values",
        {"a/hosts": "192.168.1.40 swift-3\n", "b/hosts": "192.168.1.42 swift-3\n"},
        {"a/hosts": "192.168.1.40 swift-3\n", "b/hosts": "192.168.1.40 swift-3\n"},
    ),
    Case(
        "E-02",
        "swift-ring-differs",
        {"n1/object.builder": ring(3, NODES), "n2/object.builder": ring(3, [*NODES[:2], "192.168.1.42"])},
        {"n1/object.builder": ring(3, NODES), "n2/object.builder": ring(3, NODES)},
    ),
    Case(
        "E-03",
        "quorum-even",
        {
            "corosync.conf": (
                "totem { version: 2 }\nnodelist { node { ring0_addr: c1 }\n node { ring0_addr: c2 } }\n"
            )
        },
        {
            "corosync.conf": (
                "totem { version: 2 }\nnodelist {\n node { ring0_addr: c1 }\n"
                " node { ring0_addr: c2 }\n"
                " node { ring0_addr: c3 } }\n"
            )
        },
    ),
    Case(
        "E-04",
        "memcached-bind",
        {"memcached.conf": "-l 192.168.1.32\n", "keepalived.conf": keepalived("192.168.1.32/24")},
        {"memcached.conf": "-l 192.168.1.11\n", "keepalived.conf": keepalived("192.168.1.32/24")},
    ),
    Case(
        "E-04",
        "cache-balanced",
        {
            "haproxy.cfg": (
                "listen memcached\n bind 10.0.0.1:11211\n server a 10.0.0.2:11211 check\n"
                " server b 10.0.0.3:11211 check\n"
            )
        },
    ),
    Case(
        "E-05",
        "secret-differs",
        {
            "galera.cnf": "[mysqld]\nwsrep_sst_auth=sst:onething\n",
            "setup.sql": "GRANT ALL ON *.* TO 'sst'@'localhost' IDENTIFIED BY 'another';\n",
        },
        {
            "galera.cnf": "[mysqld]\nwsrep_sst_auth=sst:onething\n",
            "setup.sql": "GRANT RELOAD ON *.* TO 'sst'@'localhost' IDENTIFIED BY 'onething';\n",
        },
    ),
    Case(
        "E-06",
        "galera-member-list",
        {
            "db1/galera.cnf": "[mysqld]\nwsrep_cluster_address=gcomm://\n",
            "db2/galera.cnf": "[mysqld]\nwsrep_cluster_address=gcomm://192.168.47.125\n",
            "db3/galera.cnf": "[mysqld]\nwsrep_cluster_address=gcomm://192.168.1.140,192.168.47.126\n",
        },
        {f"db{n}/galera.cnf": "[mysqld]\nwsrep_cluster_address=gcomm://a,b,c\n" for n in (1, 2, 3)},
    ),
    Case("E-06", "option-misspelt", {"galera.cnf": "[mysqld]\nwsrep_cluster_adress=gcomm://a,b,c\n"}),
    Case(
        "E-07",
        "port-no-listener",
        {
            "haproxy.cfg": "listen rabbit\n bind 192.168.47.47:5670\n server r1 192.168.47.100:5672 check\n",
            "nova.conf": "[DEFAULT]\nrabbit_host = 192.168.47.47\nrabbit_port = 5470\n",
        },
        {
            "haproxy.cfg": "listen rabbit\n bind 192.168.47.47:5672\n server r1 192.168.47.100:5672 check\n",
            "nova.conf": "[DEFAULT]\ntransport_url = rabbit://nova:x1y2@192.168.47.47:5672/\n",
        },
    ),
    Case("E-07", "option-misspelt", {"glance-api.conf": "[DEFAULT]\nrabbit_rabbit_host = 192.168.47.47\n"}),
    Case(
        "E-08",
        "rabbit-policy-void",
        {"queue.sh": "rabbitmqctl set_policy HA '^(!amq\\.)\\.*' '{\"ha-mode\": \"all\"}'\n"},
        {"queue.sh": "rabbitmqctl set_policy TTL '^(?!amq\\.).*' '{\"expires\": 1800000}'\n"},
    ),
    Case(
        "E-09",
        "pcs-setup-twice",
        {"ha.sh": "pcs cluster setup --name lb c1 c2 c3\npcs cluster setup --name db c1 c2 c3\n"},
        {"ha.sh": "pcs cluster setup one c1 c2 c3\n"},
    ),
    Case(
        "E-10",
        "service-stopped-after-start",
        {"q.sh": "systemctl start rabbitmq-server\nsystemctl stop rabbitmq-server\n"},
    ),
    Case(
        "E-10",
        "vip-name-unknown",
        {
            "ha.sh": "pcs resource create vip-db IPaddr2 ip=10.0.0.9\n",
            "keystone.conf": "[database]\nconnection = mysql://k:x@vip-mysql/k\n",
        },
        {
            "ha.sh": "pcs resource create vip-db IPaddr2 ip=10.0.0.9\n",
            "keystone.conf": "[database]\nconnection = mysql://k:x@vip-db/k\n",
        },
    ),
    Case(
        "E-10",
        "copy-missing-member",
        {
            "k.sh": (
                "scp /root/admin_token root@c2:/root/\nscp /etc/ring root@c2:/etc/\n"
                "scp /etc/ring root@c3:/etc/\n"
            )
        },
        {"k.sh": "scp /root/admin_token root@c2:/root/\nscp /root/admin_token root@c3:/root/\n"},
    ),
    Case(
        "E-10",
        "retired-part",
        {"keystone.conf": "[token]\nprovider = keystone.token.providers.KPI.Provider\nprovider = pki\n"},
    ),
    Case(
        "E-11",
        "galera-many-writers",
        {"haproxy.cfg": database("balance roundrobin", "")},
        {"haproxy.cfg": WATCHED},
    ),
    Case(
        "E-12",
        "pacemaker-unbound",
        {
            "crm.sh": "crm configure primitive p_vip ocf:heartbeat:IPaddr2 params ip=10.0.0.9\n"
            "crm configure primitive p_api systemd:nova-api\n"
        },
        {
            "crm.sh": "crm configure primitive p_vip ocf:heartbeat:IPaddr2 params ip=10.0.0.9\n"
            "crm configure primitive p_api systemd:nova-api\ncrm configure group g p_vip p_api\n"
        },
    ),
    Case("E-12", "fencing-off", {"crm.sh": "pcs property set stonith-enabled=false\n"}),
    Case(
        "E-13",
        "galera-tcp-check",
        {"haproxy.cfg": database("balance leastconn", "")},
        {"haproxy.cfg": WATCHED},
    ),
    Case(
        "E-13",
        "haproxy-unchecked",
        {"haproxy.cfg": "listen api\n bind 10.0.0.1:8774\n server a 10.0.0.2:8774\n"},
        {"haproxy.cfg": WATCHED},
    ),
    Case(
        "E-14",
        "haproxy-bind-clash",
        {
            "haproxy.cfg": (
                "listen stats\n bind *:80\nlisten horizon\n bind 192.168.47.47:80\n"
                " server a 10.0.0.2:80 check\n"
            )
        },
        {"haproxy.cfg": "listen stats\n bind 127.0.0.1:9000\nlisten horizon\n bind 192.168.47.47:80\n"},
    ),
    Case("E-14", "haproxy-stats-open", {"haproxy.cfg": "listen stats\n bind *:80\n stats admin if TRUE\n"}),
    Case(
        "E-15",
        "haproxy-cookie-void",
        {
            "haproxy.cfg": (
                "listen horizon\n bind 10.0.0.1:80\n mode tcp\n server a 10.0.0.2:80 check cookie control01\n"
            )
        },
        {
            "haproxy.cfg": "listen horizon\n bind 10.0.0.1:80\n mode http\n cookie SRV insert\n"
            " server a 10.0.0.2:80 check cookie control01\n"
        },
    ),
    Case(
        "E-16",
        "port-not-usual",
        {"haproxy.cfg": database("option httpchk", "backup", "172.16.50.47:3360")},
        {"haproxy.cfg": WATCHED},
    ),
    Case(
        "E-16",
        "port-no-listener",
        {
            "haproxy.cfg": database("option httpchk", "backup", "172.16.50.47:3360"),
            "nova.conf": "[database]\nconnection = mysql+pymysql://nova:x@172.16.50.47/nova\n",
        },
    ),
    Case(
        "E-17",
        "keepalived-untracked",
        {"keepalived.conf": keepalived(track="")},
        {"keepalived.conf": keepalived()},
    ),
    Case(
        "E-17",
        "keepalived-two-masters",
        {
            "lb1/keepalived.conf": keepalived(state="MASTER"),
            "lb2/keepalived.conf": keepalived(state="MASTER"),
        },
        {"lb1/keepalived.conf": keepalived(), "lb2/keepalived.conf": keepalived(priority="99")},
    ),
    Case(
        "E-17",
        "keepalived-open",
        {
            "keepalived.conf": "vrrp_instance a {\n virtual_router_id 47\n virtual_ipaddress { 10.0.0.1/24 }\n}\n"
        },
    ),
    Case(
        "E-17",
        "vrrp-priority-equal",
        {"lb1/keepalived.conf": keepalived(), "lb2/keepalived.conf": keepalived()},
    ),
    Case(
        "E-17",
        "timers-inconsistent",
        {"keepalived.conf": keepalived().replace("interval 1", "interval 60")},
        {"keepalived.conf": keepalived()},
    ),
    Case(
        "E-18",
        "vip-all-eggs",
        {
            "haproxy.cfg": WATCHED
            + "listen rabbit\n bind 192.168.47.47:5672\nlisten web\n bind 192.168.47.47:80\n"
        },
        {"haproxy.cfg": WATCHED},
    ),
    Case(
        "E-19",
        "command-misspelt",
        {"q.sh": "rabbitmqctl join-cluster rabbit@c1\ncrm_mon -l\n"},
        {"q.sh": "rabbitmqctl join_cluster rabbit@c1\n"},
    ),
    Case(
        "E-20",
        "service-argument-order",
        {"restore.sh": "service start mysql\n"},
        {"restore.sh": "service mysql start\n"},
    ),
    Case(
        "E-20",
        "backup-incomplete",
        {
            "backup.sh": (
                "#!/bin/sh\n# backup of the controller\n"
                "tar cf /backup/etc.tar /etc/keystone /etc/glance /etc/cinder\n"
            )
        },
        {
            "backup.sh": (
                "#!/bin/sh\n# backup\n"
                "tar cf /b.tar /etc/keystone /etc/glance /etc/cinder /etc/nova /etc/neutron /etc/rabbitmq\n"
            )
        },
    ),
    Case(
        "E-22",
        "swift-part-power",
        {"object.builder": ring(3, NODES, partitions=128)},
        {"object.builder": ring(3, NODES)},
    ),
    Case(
        "E-24",
        "fstab-nobarrier",
        {"fstab": "UUID=1 /srv/node xfs noatime,nobarrier 0 0\n"},
        {"fstab": "UUID=1 /srv/node xfs noatime 0 0\n"},
    ),
    Case(
        "E-24",
        "fstab-device-name",
        {"fstab": "/dev/sdb1 /srv/node/sdb1 xfs noatime 0 0\n"},
        {"fstab": "UUID=1 /srv xfs noatime 0 0\n"},
    ),
    Case(
        "E-25",
        "swift-replicas-nodes",
        {"object.builder": ring(5, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"])},
        {"object.builder": ring(3, NODES)},
    ),
    Case(
        "E-25",
        "swift-one-zone",
        {"object.builder": ring(3, NODES)},
        {"object.builder": ring(3, NODES, zones=3)},
    ),
    Case(
        "E-26",
        "ceph-network-mask",
        {"ceph.conf": "[global]\npublic network = 172.16.24.0/8\n"},
        {"ceph.conf": "[global]\npublic network = 172.16.24.0/24\n"},
    ),
    Case(
        "E-26",
        "ceph-option-unknown",
        {"ceph.conf": "[global]\nstorage network = 192.168.47.0/24\n"},
        {"ceph.conf": "[global]\ncluster network = 192.168.47.0/24\n"},
    ),
    Case("E-26", "ceph-journal-shared", {"ceph.conf": "[osd]\nosd journal size = 1000\n"}),
    Case(
        "E-27",
        "image-format",
        {"img.sh": "openstack image create --disk-format qcow2 --file fedora.qcow2.xz fedora\n"},
        {"img.sh": "openstack image create --disk-format qcow2 --file fedora.qcow2 fedora\n"},
    ),
    Case(
        "E-27",
        "image-not-raw",
        {
            "glance-api.conf": "[DEFAULT]\n[glance_store]\ndefault_store = rbd\n",
            "img.sh": "openstack image create --disk-format qcow2 --file fedora.qcow2 fedora\n",
        },
    ),
    Case(
        "E-28",
        "vpn-ends-differ",
        {
            "dc1.sh": "neutron vpn-ipsecpolicy-create --lifetime units=seconds,value=36000 p\n",
            "dc2.sh": "neutron vpn-ipsecpolicy-create --lifetime units=seconds,value=3600 p\n",
        },
        {
            "dc1.sh": "neutron vpn-ipsecpolicy-create --lifetime units=seconds,value=3600 p\n",
            "dc2.sh": "neutron vpn-ipsecpolicy-create --lifetime units=seconds,value=3600 p\n",
        },
    ),
    Case(
        "E-28",
        "vpn-ends-differ",
        {"dc1.sh": "neutron ipsec-site-connection-create --peer-address 192.168.48.0/24 c\n"},
    ),
    Case(
        "E-28",
        "crypto-weak",
        {"dc1.sh": "neutron vpn-ikepolicy-create --auth-algorithm sha1 --pfs group5 p\n"},
    ),
    Case(
        "E-29",
        "sg-open-database",
        {"sg.sh": "nova secgroup-add-rule DMZ tcp 3306 3306 0.0.0.0/0\n"},
        {"sg.sh": "openstack security group rule create --dst-port 3306 --remote-group app db\n"},
    ),
    Case(
        "E-29",
        "sg-open-database-hot",
        {
            "sg.yaml": (
                "heat_template_version: 2021-04-16\nresources:\n  g:\n"
                "    type: OS::Neutron::SecurityGroup\n"
                "    properties: {rules: [{port_range_min: 3306, port_range_max: 3306}]}\n"
            )
        },
    ),
    Case(
        "E-30",
        "net-gateway-outside",
        {"net.sh": "openstack subnet create --subnet-range 172.16.17.0/24 --gateway 94.49.50.1 s\n"},
        {"net.sh": "openstack subnet create --subnet-range 172.16.17.0/24 --gateway 172.16.17.1 s\n"},
    ),
    Case(
        "E-30",
        "net-overlap",
        {
            "net.sh": (
                "# management is 172.16.0.0/16\nopenstack subnet create --subnet-range 172.16.17.0/24 s\n"
            )
        },
        {"net.sh": "# management is 172.16.0.0/16\nopenstack subnet create --subnet-range 10.17.0.0/24 s\n"},
    ),
    Case(
        "E-30",
        "net-public-range",
        {"hosts": "47.147.50.1 controller01\n"},
        {"hosts": "10.47.50.1 controller01\n"},
    ),
    Case("E-30", "net-public-range", {"hosts": "172.17.50.1 storage01\n"}),
    Case(
        "E-30",
        "net-pool-outside",
        {
            "net.sh": "openstack subnet create --subnet-range 10.0.0.0/24"
            " --allocation-pool start=10.0.1.2,end=10.0.1.9 s\n",
        },
    ),
    Case(
        "E-31",
        "dhcp-range-static",
        {"dhcpd.conf": "range 10.47.50.1 10.47.50.254;\n", "hosts": "10.47.50.14 chefserver\n"},
        {"dhcpd.conf": "range 10.47.51.1 10.47.51.254;\n", "hosts": "10.47.50.14 chefserver\n"},
    ),
    Case(
        "E-31",
        "lease-twice",
        {
            "dhcpd.conf": (
                "DHCPACK on 10.47.50.14 to 00:16:3e:00:00:01 via eth0\n"
                "DHCPACK on 10.47.50.15 to 00:16:3e:00:00:01 via eth0\n"
            )
        },
    ),
    Case(
        "E-32",
        "vlan-too-few",
        {"ml2.ini": "[DEFAULT]\n[ml2_type_vlan]\nnetwork_vlan_ranges = physnet1:7:16\n"},
        {"ml2.ini": "[DEFAULT]\n[ml2_type_vlan]\nnetwork_vlan_ranges = physnet1:1000:2999\n"},
    ),
    Case(
        "E-33",
        "attribute-misspelt",
        {"nodes.txt": "chdef -t node controller promethod=install cfgmgtrules=base\n"},
    ),
    Case(
        "E-33",
        "nodes-planned-differ",
        {"nodes.txt": "chdef storage[01-05] mgt=ipmi\nchdef storage[01-03] netboot=pxe\n"},
    ),
    Case("E-35", "hot-parameter-unknown", {"stack.yaml": HOT}, {"stack.yaml": HOT_RIGHT}),
    Case("E-35", "hot-parameter-unused", {"stack.yaml": HOT}, {"stack.yaml": HOT_RIGHT}),
    Case("E-35", "hot-resource-unknown", {"stack.yaml": HOT}, {"stack.yaml": HOT_RIGHT}),
    Case("E-35", "hot-group-attribute", {"stack.yaml": HOT}, {"stack.yaml": HOT_RIGHT}),
    Case("E-35", "hot-parameter-shadows", {"stack.yaml": HOT}, {"stack.yaml": HOT_RIGHT}),
    Case("E-36", "hot-group-fixed", {"stack.yaml": HOT}, {"stack.yaml": HOT_RIGHT}),
    Case(
        "E-37",
        "url-space",
        {
            "ceilometer.conf": "[database]\nconnection = mongodb://ceilometer: x1 @controller:27017/ceilometer\n"
        },
        {"ceilometer.conf": "[database]\nconnection = mysql+pymysql://ceilometer:x1@controller/ceilometer\n"},
    ),
    Case(
        "E-37",
        "secret-differs",
        {
            "ceilometer.conf": "[keystone_authtoken]\nadmin_user = ceilometer\nadmin_password = one\n",
            "users.sh": "keystone user-create --name ceilometer --pass two\n",
        },
    ),
    Case("E-37", "section-unknown", {"ceilometer.conf": "[DEFAULT]\n[publisher_rpc]\nmetering_secret = x\n"}),
    Case(
        "E-37",
        "members-differ",
        {
            "c1/nova.conf": "[DEFAULT]\ntransport_url = rabbit://n:x@a,n:x@b\n",
            "c2/nova.conf": "[DEFAULT]\ntransport_url = rabbit://n:x@a\n",
        },
    ),
    Case(
        "E-38",
        "secret-differs",
        {
            "zabbix_server.conf": "[a]\nDBUser=zabbix\nDBPassword=Zabbix\n",
            "z.sql": "GRANT ALL ON zabbix.* TO zabbix@localhost IDENTIFIED BY 'zabbix';\n",
        },
    ),
    Case(
        "E-38",
        "firewall-rule-deleted",
        {"fw.sh": "iptables -D INPUT -p tcp --dport 10050 -j ACCEPT\n"},
        {"fw.sh": "iptables -A INPUT -p tcp --dport 10050 -j ACCEPT\n"},
    ),
    Case(
        "E-39",
        "cert-path-differs",
        {
            "cert.sh": "openssl req -x509 -keyout private/l.key -out certs/logstash-forwarder.crt\n",
            "logstash.conf": 'input { lumberjack {\n ssl_certificate => "/etc/pki/tls/certs/server.crt"\n} }\n',
        },
        {
            "cert.sh": "openssl req -x509 -keyout private/l.key -out certs/logstash-forwarder.crt\n",
            "logstash.conf": (
                'input { lumberjack {\n ssl_certificate => "/etc/pki/tls/certs/logstash-forwarder.crt"\n} }\n'
            ),
        },
    ),
    Case(
        "E-39",
        "san-space",
        {"openssl.cnf": "subjectAltName = IP: 47.147.50.240\n"},
        {"openssl.cnf": "subjectAltName = IP:10.0.0.1\n"},
    ),
    Case(
        "E-39",
        "copy-from-itself",
        {"cert.sh": "[root@controller01 ~]# scp root@controller01:/etc/l.crt /etc/\n"},
    ),
    Case(
        "E-40",
        "port-taken-twice",
        {
            "xinetd.d/galera": "service mysqlchk\n{\n port = 9200\n}\n",
            "elasticsearch.yml": "http.port: 9200\n",
        },
        {
            "xinetd.d/galera": "service mysqlchk\n{\n port = 9201\n}\n",
            "elasticsearch.yml": "http.port: 9200\n",
        },
    ),
    Case(
        "E-41",
        "grok-alternation",
        {"patterns/openstack": "AUDITLOGLEVEL ([D|d]ebug|INFO|CRITICAL[A|a]udit|ERROR)\n"},
        {"patterns/openstack": "AUDITLOGLEVEL (DEBUG|INFO|AUDIT|WARNING|ERROR|CRITICAL|TRACE)\n"},
    ),
    Case(
        "E-41",
        "grok-level",
        {"patterns/openstack": "AUDITLOGLEVEL (DEBUG|INFO|CRITICAL[A|a]udit|ERROR)\n"},
        {"patterns/openstack": "AUDITLOGLEVEL (DEBUG|INFO|AUDIT|WARNING|ERROR|CRITICAL|TRACE)\n"},
    ),
    Case(
        "E-41",
        "multiline-after-grok",
        {"logstash.conf": 'filter {\n grok {\n match => "x"\n }\n multiline {\n what => "previous"\n }\n}\n'},
    ),
    Case(
        "E-41",
        "grok-field-name",
        {"logstash.conf": 'filter {\n grok {\n "%{TIMESTAMP_ISO8601:t} %{NUMBER:response} x"\n }\n}\n'},
    ),
    Case(
        "E-42",
        "memcached-size",
        {"memcached": 'CACHESIZE="2048"\nOPTIONS="-l 10.0.0.1"\nSTAT limit_maxbytes 4294967296\n'},
    ),
    Case("E-42", "retired-part", {"keystone.conf": "[cache]\n[DEFAULT]\nbackend = dogpile.cache.memcache\n"}),
    Case("E-43", "command-misspelt", {"rally.sh": "openstack x\nrally task report 1 - -out r.html\n"}),
    Case(
        "E-43",
        "rally-task",
        {"task.json": '{"Authenticate.key-stone": [{"sla": {"failure_rate": {"max": 50}}}]}\n'},
    ),
    Case(
        "E-44",
        "sysctl-somaxconn",
        {"sysctl.conf": "net.core.somaxconn=150000\n"},
        {"sysctl.conf": "net.core.somaxconn=4096\n"},
    ),
    Case(
        "E-45",
        "secret-default",
        {"openrc": "export OS_PASSWORD=password\n"},
        {"openrc": "export OS_PASSWORD=b71ce2a9\n"},
    ),
    Case(
        "E-45", "sql-grant-wildcard", {"s.sql": "GRANT ALL PRIVILEGES ON *.* TO sst@'%' IDENTIFIED BY 'x';\n"}
    ),
    Case("E-45", "hardening-off", {"s.sh": "#!/bin/sh\nsetenforce 0\n"}),
    Case("E-45", "endpoint-http", {"e.sh": "keystone endpoint-create --publicurl http://10.0.0.1:5000/v3\n"}),
    Case("E-45", "backup-login-root", {"b.sh": "#!/bin/sh\nrsync -a root@cc01:/backup /srv\n"}),
    Case(
        "E-46",
        "hot-floating-router-port",
        {
            "f.yaml": "heat_template_version: 2021-04-16\nresources:\n  rp: {type: 'OS::Neutron::Port'}\n"
            "  ri: {type: 'OS::Neutron::RouterInterface', properties: {port: {get_resource: rp}}}\n"
            "  fip: {type: 'OS::Neutron::FloatingIP', properties: {port_id: {get_resource: rp}}}\n"
        },
    ),
    Case(
        "E-47",
        "retired-part",
        {"i.sh": "openstack image create --copy-from http://x/y.img --is-public True y\n"},
    ),
    Case(
        "E-48",
        "endpoint-not-vip",
        {
            "bundle.yaml": "services:\n  swift-proxy:\n    options:\n      vip: 10.204.128.8\n",
            "e.sh": "openstack endpoint create swift public http://10.204.1.235:8080/v1\n",
        },
        {
            "bundle.yaml": "services:\n  swift-proxy:\n    options:\n      vip: 10.204.128.8\n",
            "e.sh": "openstack endpoint create swift public http://10.204.128.8:8080/v1\n",
        },
    ),
    Case(
        "E-49",
        "auth-url-not-identity",
        {
            "ha.sh": "juju set percona vip=10.204.128.1\njuju set keystone vip=10.204.128.2\n",
            "openrc": "export OS_AUTH_URL=http://10.204.128.1:5000/v3\n",
        },
        {
            "ha.sh": "juju set percona vip=10.204.128.1\njuju set keystone vip=10.204.128.2\n",
            "openrc": "export OS_AUTH_URL=http://10.204.128.2:5000/v3\n",
        },
    ),
    Case("E-49", "command-misspelt", {"r.sh": "#!/bin/sh\nsystemctl restart rabbitmg-server\n"}),
    Case(
        "E-50",
        "juju-machine-shared",
        {
            "bundle.yaml": 'services:\n  keystone:\n    to: ["lxc:6"]\n  nova-compute:\n    to: ["4", "5", "6"]\n'
        },
        {
            "bundle.yaml": 'services:\n  keystone:\n    to: ["lxc:3"]\n  nova-compute:\n    to: ["4", "5", "6"]\n'
        },
    ),
    Case(
        "E-52",
        "statistic-sum",
        {"s.json": '{"avg": 24.0135914798, "count": 200, "sum": 4962.71829597}\n'},
        {"s.json": '{"avg": 24.0, "count": 200, "sum": 4800.0}\n'},
    ),
    Case(
        "E-53",
        "json-broken",
        {"base.json": '{"name": "base", "run_list": ["a"]\n'},
        {"base.json": '{"name": "base"}\n'},
    ),
    Case("E-53", "json-broken", {"base.rb": '{"name": "base"}\n'}),
    Case(
        "E-53",
        "ruby-end",
        {"Vagrantfile": "Vagrant.configure(2) do |config|\nend\nend\n"},
        {"Vagrantfile": "Vagrant.configure(2) do |config|\nend\n"},
    ),
    Case("E-53", "ruby-variable", {"Vagrantfile": '(1..5).each do |i|\n node.vm.box = "x"\nend\n'}),
    Case(
        "E-55",
        "test-only-setting",
        {"nova.conf": "[DEFAULT]\nram_allocation_ratio = 5.0\n[libvirt]\nvirt_type = qemu\n"},
    ),
    Case("E-55", "rc-name", {"openrc": "export OSPASSWORD=x\n"}, {"openrc": "export OS_PASSWORD=x\n"}),
    Case(
        "E-10",
        "rabbit-nodes-differ",
        {
            "r1/rabbitmq.conf": "cluster_formation.classic_config.nodes.1 = rabbit@a\n",
            "r2/rabbitmq.conf": "cluster_formation.classic_config.nodes.1 = rabbit@b\n",
        },
    ),
)
