"""Retired options, services and commands, each with what took its place (as of OpenStack 2025.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stackhaven.model.finding import Severity
from stackhaven.model.lint.rule import ERROR, WARNING, Hit, in_file
from stackhaven.model.lint.sources import Source


@dataclass(frozen=True)
class Retired:
    """Something that was, told by a pattern, and what to use today."""

    what: str
    regex: str
    instead: str
    severity: Severity = ERROR


RETIRED: tuple[Retired, ...] = (
    Retired("nova-cert", r"\bnova-cert\b", "nothing: removed in Pike"),
    Retired(
        "nova-consoleauth", r"\bnova-consoleauth\b", "nothing: tokens are in the cell database since Train"
    ),
    Retired("nova-network", r"\bnova-network\b|nova\.network\.manager", "Neutron"),
    Retired("nova-volume", r"\bnova-volume\b", "Cinder"),
    Retired("cells v1", r"^\s*\[cells\]", "cells v2 (nova-manage cell_v2), or regions"),
    Retired("EC2 API of Nova", r"^\s*(ec2_\w+|enabled_apis\s*=.*\bec2\b)|:8773\b", "nothing; remove it"),
    Retired(
        "hypervisor driver",
        r"compute_driver\s*=\s*\S*(xenapi|hyperv|novadocker|VMwareESXDriver)",
        "libvirt.LibvirtDriver, vmwareapi.VMwareVCDriver, ironic or Zun",
    ),
    Retired(
        "core, RAM and disk filters",
        r"\b(CoreFilter|RamFilter|DiskFilter|AggregateCoreFilter)\b",
        "Placement; drop them",
    ),
    Retired("scheduler", r"nova\.scheduler\.(simple|chance|caching)", "filter_scheduler with Placement"),
    Retired("glance-registry", r"\bglance-registry\b|^\s*registry_host\b|:9191\b", "glance-api alone"),
    Retired("image API v1", r"/v1/images\b|enable_v1_api", "image API v2"),
    Retired(
        "option of image API v1",
        r"--(copy-from|is-public)\b",
        "`openstack image create --public`, web-download import",
    ),
    Retired("Keystone v2.0", r"/v2\.0/?(?=[\s\"']|$)", "v3: http://VIP:5000/v3"),
    Retired("Keystone's admin port", r":35357\b|\badmin_port\b", "port 5000"),
    Retired("admin_token", r"^\s*admin_token\s*=|OS_SERVICE_TOKEN", "keystone-manage bootstrap"),
    Retired(
        "token format",
        r"provider\s*=\s*(\S*\.)?(pki|pkiz|uuid|kpi)\b|token_format\s*=\s*(PKI|UUID|KPI)|keystone-manage pki_setup",
        "provider = fernet (or jws), with the keys on every member",
    ),
    Retired(
        "token backend memcache",
        r"driver\s*=\s*\S*token\S*memcache|keystone\.token\.backends",
        "Fernet: nothing is stored",
    ),
    Retired(
        "cache backend",
        r"backend\s*=\s*dogpile\.cache\.memcache\b|keystone\.common\.cache\.backends",
        "dogpile.cache.pymemcache",
    ),
    Retired(
        "tenant",
        r"\bOS_TENANT_NAME\b|\badmin_tenant_name\b|keystone tenant-create",
        "project and domain",
        WARNING,
    ),
    Retired(
        "LBaaS of Neutron",
        r"\bneutron lb-|neutron-lbaas|lbaas_agent|OS::Neutron::(Pool|LoadBalancer|PoolMember|HealthMonitor)\b",
        "Octavia",
    ),
    Retired("FWaaS v1", r"\bneutron firewall-|driver\s*=\s*neutron_fwaas\S*iptables", "FWaaS v2"),
    Retired("Openswan", r"OpenSwanDriver|\bopenswan\b", "strongSwan, or the OVN VPN agent"),
    Retired(
        "LinuxBridge", r"mechanism_drivers\s*=.*linuxbridge|linuxbridge_agent", "ML2/OVN; removed in 2025.1"
    ),
    Retired("GRE tenant networks", r"tenant_network_types?\s*=.*\bgre\b", "geneve", WARNING),
    Retired(
        "command line client",
        r"^\s*[$#]?\s*(neutron (net|subnet|router|port|floatingip|security|agent|vpn|ipsec)-"
        r"|keystone (user|role|endpoint|service|catalog)|glance image-|nova (boot|list|image)|cinder (create|list))",
        "the openstack client",
        WARNING,
    ),
    Retired("mirrored queues", r"ha-mode|rabbit_ha_queues", "quorum queues: rabbit_quorum_queue = true"),
    Retired("RAM nodes", r"join_cluster\s+--ram|cluster_nodes.*\bram\b", "every node a disc node"),
    Retired(
        "rabbit_host and rabbit_port",
        r"^\s*rabbit_(hosts?|port|userid|password)\s*=",
        "transport_url with every broker",
    ),
    Retired(
        "pcs before 0.10",
        r"\bpcs cluster auth\b|pcs cluster setup --name|--master\b|master-max",
        "pcs host auth, pcs cluster setup NAME, promotable",
    ),
    Retired("OCF agents of OpenStack", r"ocf:openstack:", "systemd units behind the balancer", WARNING),
    Retired(
        "Corosync multicast",
        r"\bmcastaddr\b|corosync_mcastaddr|corosync_transport=multicast",
        "transport: knet with a nodelist",
    ),
    Retired("xinetd", r"\bxinetd\b", "a systemd socket", WARNING),
    Retired("query cache", r"^\s*query_cache_(size|type)\s*=\s*(?!0\b)\S", "nothing; drop it", WARNING),
    Retired(
        "Galera option",
        r"innodb_locks_unsafe_for_binlog|wsrep_drupal_282555_workaround|wsrep_convert_LOCK_to_trx",
        "nothing; drop it",
    ),
    Retired("wsrep_causal_reads", r"wsrep_causal_reads", "wsrep_sync_wait"),
    Retired(
        "wsrep_sst_method rsync",
        r"wsrep_sst_method\s*=\s*rsync",
        "mariabackup: the donor keeps serving",
        WARNING,
    ),
    Retired(
        "Ceilometer's API, collector and MongoDB",
        r"ceilometer-(api|collector|alarm)|:8777\b|mongodb://",
        "Gnocchi or Prometheus, Aodh",
    ),
    Retired("cpu_util meter", r"\bcpu_util\b", "the rate of `cpu`"),
    Retired("heat-api-cloudwatch", r"heat-api-cloudwatch|OS::Ceilometer::Alarm", "Aodh (OS::Aodh::...)"),
    Retired(
        "Chef for OpenStack",
        r"\bknife (cookbook|role|node)\b|StackForge|openstack-chef",
        "Kolla, OpenStack-Ansible, or this tool",
        WARNING,
    ),
    Retired("xCAT", r"\b(chdef|mkdef|rinstall|nodeset)\s+-", "MAAS or Ironic", WARNING),
    Retired(
        "charm",
        r"\b(percona-cluster|quantum-gateway|quantum-security-groups|juju-quickstart)\b",
        "mysql-innodb-cluster, ovn-central, ovn-chassis",
    ),
    Retired("Logstash forwarder", r"logstash-forwarder|\blumberjack\b", "Filebeat or Vector", WARNING),
    Retired("SMI-S driver", r"emc_smis|EMCSMISISCSIDriver", "the vendor's driver of the support matrix"),
    Retired("qpid", r"rpc_backend\s*=\s*\S*(qpid|impl_kombu)|qpid_hostname", "transport_url"),
)

_COMPILED = tuple((re.compile(r.regex), r) for r in RETIRED)


@in_file(
    "retired-part",
    kinds=(),
    catches=("E-10", "E-42", "E-47"),
    title="Something that no longer exists",
    why="Old pages live longer than the software they describe. A retired option is without effect, a retired service "
    "does not start, and a retired protocol does not answer.",
)
def _retired(source: Source) -> Iterator[Hit]:
    if not source.kinds:
        return
    for number, line in enumerate(source.lines, 1):
        if line.lstrip().startswith("#"):
            continue
        for regex, part in _COMPILED:
            if regex.search(line):
                yield Hit(source, number, f"{part.what} is retired", f"use {part.instead}", part.severity)
