from __future__ import annotations

import pytest

from stackhaven.model.cloud import Cloud
from stackhaven.model.fencing import lab_bmc_network
from stackhaven.model.load import check_text
from stackhaven.model.rules import RULES, Facts, PortClaim, explain, rule_ids

pytestmark = pytest.mark.unit

NETWORKS = """\
networks:
  management: {cidr: 172.30.1.0/24, gateway: 172.30.1.1}
  tunnel: {cidr: 172.30.2.0/24}
  external: {cidr: 172.30.3.0/24, gateway: 172.30.3.1}
"""
NODES = """\
nodes:
  c: {roles: [controller], count: 3}
  k: {roles: [compute, network], count: 2}
"""
HEAD = "name: lab\nlab: {}\n"
GOOD = HEAD + NETWORKS + NODES


def rules_of(text: str, facts: Facts | None = None) -> set[str]:
    return {f.rule for f in check_text(text, facts=facts).findings}


def with_nodes(nodes: str, head: str = HEAD) -> str:
    return head + NETWORKS + "nodes:\n" + nodes


CONTROLLERS = "  c: {roles: [controller], count: 3}\n"
REST = CONTROLLERS + "  k: {roles: [compute, network], count: 2}\n"

PACEMAKER = "vip: {provider: pacemaker}\n"
HOSTS = NETWORKS + NODES.replace("count: 3", "count: 3, ssh: {address: 'c{n}'}").replace(
    "count: 2", "count: 2, ssh: {address: 'k{n}'}"
)
FENCED = "name: x\nimages: {shared: true}\n" + HOSTS + PACEMAKER

CASES = [
    ("service-needs", GOOD + "services: [keystone, neutron]\n"),
    ("fencing-none", FENCED),
    ("fencing-address", FENCED + "fencing: {user: operator}\n"),
    ("bmc-twice", FENCED + "fencing: {address: bmc.example.org}\n"),
    ("bmc-twice", FENCED.replace("count: 3,", "count: 3, bmc: {address: 10.9.0.1},") + "fencing: {}\n"),
    ("bmc-lab", GOOD + PACEMAKER + "fencing: {address: '{name}.bmc'}\n"),
    ("bmc-lab", GOOD.replace("count: 3", "count: 3, bmc: {address: 'bmc{n}'}") + PACEMAKER),
    ("bmc-overlap", GOOD.replace("172.30.2.0/24", str(lab_bmc_network("lab"))) + PACEMAKER),
    ("fencing-test", GOOD + "vip: {provider: pacemaker, test_without_fencing: true}\n"),
    ("fencing-two", GOOD.replace("count: 3", "count: 2") + PACEMAKER),
    ("net-overlap", GOOD.replace("172.30.2.0/24", "172.30.1.128/25")),
    ("addresses-exhausted", GOOD.replace("172.30.2.0/24", "172.30.2.0/28")),
    ("gateway-outside", GOOD.replace("gateway: 172.30.1.1", "gateway: 172.30.4.1")),
    ("gateway-outside", GOOD.replace("gateway: 172.30.1.1", "gateway: 172.30.1.255")),
    ("vip-outside", GOOD + "vip: {internal: 192.168.1.32}\n"),
    ("vip-outside", GOOD + "vip: {public: 172.30.2.9}\n"),
    ("vip-interface", "name: x\nimages: {shared: true}\n" + HOSTS + "vip: {public: 172.30.3.5}\n"),
    ("vip-taken", GOOD + "vip: {internal: 172.30.1.1}\n"),
    ("vip-taken", GOOD.replace("  k:", "  n: {roles: [network], management: 172.30.1.5}\n  k:")),
    ("vip-taken", GOOD + "vip: {public: 172.30.3.1}\n"),
    (
        "address-duplicate",
        with_nodes(
            REST
            + "  a: {roles: [network], tunnel: 172.30.2.77}\n  b: {roles: [network], tunnel: 172.30.2.77}\n"
        ),
    ),
    ("address-duplicate", with_nodes(REST + "  a: {roles: [network], management: 172.30.1.1}\n")),
    ("address-outside", with_nodes(REST + "  a: {roles: [network], management: 172.30.2.77}\n")),
    ("floating-outside", GOOD.replace("gateway: 172.30.3.1", "floating: [172.30.3.10, 172.30.9.10]")),
    ("floating-outside", GOOD.replace("gateway: 172.30.3.1", "floating: [172.30.3.90, 172.30.3.10]")),
    (
        "floating-taken",
        GOOD.replace("gateway: 172.30.3.1", "gateway: 172.30.3.60, floating: [172.30.3.50, 172.30.3.90]"),
    ),
    ("floating-few", GOOD.replace("gateway: 172.30.3.1", "floating: [172.30.3.50, 172.30.3.53]")),
    ("net-public", GOOD.replace("172.30.1.0/24, gateway: 172.30.1.1", "47.147.50.0/24")),
    ("net-docker", GOOD.replace("172.30.2.0/24", "172.17.0.0/16")),
    ("mtu-tunnel", GOOD.replace("{cidr: 172.30.2.0/24}", "{cidr: 172.30.2.0/24, mtu: 1300}")),
    ("controllers-none", with_nodes("  k: {roles: [compute, network], count: 2}\n")),
    ("controllers-even", GOOD.replace("count: 3", "count: 2")),
    ("controllers-one", GOOD.replace(", count: 3", "")),
    ("computes-none", with_nodes(CONTROLLERS + "  n: {roles: [network], count: 2}\n")),
    ("gateways-none", with_nodes(CONTROLLERS + "  k: {roles: [compute]}\n")),
    ("gateways-one", GOOD.replace(", count: 2", "")),
    ("name-twice", with_nodes(REST + "  c2: {roles: [compute]}\n")),
    ("count-address", GOOD.replace("count: 2", "count: 2, tunnel: 172.30.2.44")),
    ("count-ssh", GOOD.replace("count: 2", "count: 2, ssh: {address: host}").replace("lab: {}\n", "")),
    (
        "host-twice",
        with_nodes(
            "  a: {roles: [controller], ssh: {address: h}}\n  b: {roles: [compute, network], ssh: {address: h}}\n",
            "name: x\n",
        ),
    ),
    ("lab-mixed", GOOD.replace("count: 2", "ssh: {address: h}")),
    ("lab-mixed", GOOD.replace("lab: {}\n", "")),
    ("memory-small", GOOD.replace("count: 3", "count: 3, memory_mb: 1024")),
    ("overcommit-high", GOOD + "overcommit: {cpu: 16}\n"),
    ("overcommit-high", GOOD + "overcommit: {ram: 3.0}\n"),
    ("images-local", GOOD + "images: {shared: false}\n"),
    ("database-volatile", GOOD + "database: {durable: false}\n"),
    ("secret-in-model", GOOD + "settings: {nova.conf: {vmware: {host_password: swordfish}}}\n"),
    ("secret-in-model", GOOD + "settings: {nova.conf: {DEFAULT: {transport_url: 'rabbit://h/'}}}\n"),
    ("secret-in-model", GOOD + "settings: {nova.conf: {DEFAULT: {my_ip: 'http://u:pw1@h/'}}}\n"),
    ("secret-in-model", GOOD + "region: a3f9c2e17b604d58931e7f0ac2b4d65e\n"),
    ("settings-file", GOOD + "settings: {nova.cfg: {DEFAULT: {debug: true}}}\n"),
    ("settings-file", GOOD + "settings: {nova-apii-uwsgi.ini: {uwsgi: {harakiri: 60}}}\n"),
    ("settings-section", GOOD + "settings: {nova.conf: {default: {debug: true}}}\n"),
    ("settings-option", GOOD + "settings: {nova.conf: {DEFAULT: {debugg: true}}}\n"),
    ("settings-option", GOOD + "settings: {glance-api.conf: {DEFAULT: {rabbit_rabbit_host: x}}}\n"),
    ("settings-value", GOOD + "settings: {nova.conf: {DEFAULT: {debug: perhaps}}}\n"),
    ("settings-value", GOOD + "settings: {nova.conf: {libvirt: {cpu_mode: fast}}}\n"),
    ("settings-value", GOOD + "settings: {nova.conf: {DEFAULT: {reserved_host_memory_mb: -1}}}\n"),
    ("settings-renamed", GOOD + "settings: {nova.conf: {DEFAULT: {config_drive_skip_versions: x}}}\n"),
]


@pytest.mark.parametrize(("rule", "text"), CASES)
def test_each_rule_finds_its_mistake(rule: str, text: str) -> None:
    assert rule in rules_of(text)


def test_a_good_cloud_offends_no_rule() -> None:
    assert rules_of(GOOD) == set()


@pytest.mark.parametrize(
    "text",
    [
        GOOD + PACEMAKER,
        FENCED + "fencing: {address: '{name}.bmc.example.org'}\n",
        FENCED.replace("count: 3,", "count: 3, bmc: {address: '10.9.0.{n}'},") + "fencing: {kind: redfish}\n",
    ],
)
def test_pacemaker_with_a_way_to_fence_every_controller_is_accepted(text: str) -> None:
    assert rules_of(text) == set()


def test_every_rule_has_a_case_that_offends_it() -> None:
    told_by_facts = {"service-unknown", "port-twice"}
    modules = {"choices", "fencing", "networks", "nodes", "secrets", "settings"}
    here = {r.id for r in RULES.values() if r.check.__module__.rpartition(".")[2] in modules}
    assert {rule for rule, _ in CASES} | told_by_facts == here


def test_every_rule_explains_itself() -> None:
    assert set(RULES) <= set(rule_ids())
    for rule_id in rule_ids():
        assert len(explain(rule_id) or "") > 20, rule_id
    assert explain("no-such-rule") is None


def test_every_error_says_what_to_write() -> None:
    silent = [(rule, f.what) for rule, text in CASES for f in check_text(text).findings if not f.todo]
    assert silent == []


def test_findings_point_at_the_key_that_is_wrong() -> None:
    (finding,) = check_text(GOOD.replace("172.30.2.0/24", "172.30.1.128/25")).findings
    assert (finding.line, finding.column) == (5, 18)
    assert GOOD.splitlines()[finding.line - 1][finding.column - 1 :].startswith("172.30.2.0/24")


def test_services_are_known_by_what_is_told() -> None:
    facts = Facts(services=frozenset({"keystone", "nova"}))
    findings = check_text(GOOD + "services: [keystne]\n", facts=facts).findings
    (finding,) = [f for f in findings if f.rule == "service-unknown"]
    assert "`keystone`" in finding.todo


def test_computes_are_not_asked_of_a_cloud_without_nova() -> None:
    assert rules_of(HEAD + "services: [keystone]\nnodes:\n" + CONTROLLERS) == set()


def test_one_port_is_not_taken_twice_on_a_machine() -> None:
    def claims(cloud: Cloud) -> tuple[PortClaim, ...]:
        return (
            PortClaim(node="c", port=80, owner="dashboard", address="10.0.0.1"),
            PortClaim(node="c", port=80, owner="statistics"),
            PortClaim(node="c", port=81, owner="one", address="10.0.0.1"),
            PortClaim(node="c", port=81, owner="two", address="10.0.0.2"),
        )

    findings = check_text(GOOD, facts=Facts(ports=claims)).findings
    assert [f.rule for f in findings] == ["port-twice"]
    assert "statistics and dashboard would both listen on 10.0.0.1:80" in findings[0].what


@pytest.mark.parametrize(
    "setting",
    [
        "nova.conf: {DEFAULT: {debug: true, reserved_host_memory_mb: 512}, keystone_authtoken: {username: nova}}",
        "nova.conf: {DEFAULT: {cpu-allocation-ratio: 2.5}}",
        "nova.conf: {cinder: {project_id: 0123456789abcdef0123456789abcdef}}",
        "neutron.conf: {DEFAULT: {dhcp_agents_per_network: 2}, oslo_messaging_rabbit: {heartbeat_rate: 3}}",
        "ml2_conf.ini: {ovn: {ovsdb_connection_timeout: 60}}",
        "glance-api.conf: {DEFAULT: {enabled_backends: 'fast:file'}, fast: {filesystem_store_datadir: /srv/x}}",
        "keystone.conf: {token: {expiration: 3600}, security_compliance: {minimum_password_age: 1}}",
        "99-stackhaven.cnf: {mariadbd: {max-allowed-packet: 64M, innodb_io_capacity: 500}}",
        "keystone-uwsgi.ini: {uwsgi: {harakiri: 60}}",
    ],
)
def test_real_settings_are_accepted(setting: str) -> None:
    assert check_text(GOOD + "settings:\n  " + setting + "\n").findings == ()


def test_an_option_in_the_wrong_section_is_told_the_right_one() -> None:
    findings = check_text(GOOD + "settings: {nova.conf: {DEFAULT: {virt_type: qemu}}}\n").findings
    assert "belongs to [libvirt]" in findings[0].todo


def test_the_mistakes_of_real_documents_are_caught_together() -> None:
    """E-01, E-03, E-06, E-30, E-45 and a host with two names, as they stood in print."""
    text = """\
name: seed
networks:
  management: {cidr: 172.16.0.0/16, gateway: 172.16.0.1}
  tunnel: {cidr: 172.17.0.0/16}
  external: {cidr: 94.49.0.0/24, gateway: 94.49.50.1}
vip: {internal: 192.168.1.32}
nodes:
  c1: {roles: [controller], ssh: {address: 192.168.56.101}}
  c2: {roles: [controller, compute, network], ssh: {address: 192.168.56.101}}
settings:
  glance-api.conf: {DEFAULT: {rabbit_rabbit_host: 192.168.47.48, rabbit_rabbit_password: packtpub}}
"""
    expected = {
        "vip-outside",
        "controllers-even",
        "settings-option",
        "gateway-outside",
        "net-docker",
        "host-twice",
    }
    assert expected | {"secret-in-model"} <= rules_of(text)


def test_a_controller_without_a_way_to_the_public_vip_is_named_with_its_line() -> None:
    interfaces = "interfaces: {management: eno1, external: eno3}"
    text = "name: x\nimages: {shared: true}\nvip: {public: 172.30.3.5}\n" + HOSTS.replace(
        "count: 3", f"count: 3, {interfaces}"
    )
    assert "vip-interface" not in rules_of(text)
    assert "vip-interface" not in rules_of(GOOD + "vip: {public: 172.30.3.5}\n"), (
        "the lab makes the interfaces"
    )
    found = [
        f for f in check_text(text.replace(", external: eno3", "")).findings if f.rule == "vip-interface"
    ]
    assert [(f.path, f.line) for f in found] == [(("nodes", "c", "interfaces"), 9)]
    assert "172.30.3.5" in found[0].what
