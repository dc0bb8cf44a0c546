"""Every rule over designs is broken once by a small change to a sound design."""

from __future__ import annotations

from typing import Any

import pytest

from stackhaven.design.checks import PLAN_RULES, check
from stackhaven.design.plan_model import Design
from stackhaven.design.propose import propose
from stackhaven.design.topology import topology_of
from stackhaven.errors import InputError
from stackhaven.model.finding import Finding, Severity

pytestmark = pytest.mark.unit

CONTROL = ["haproxy", "keepalived", "mariadb", "rabbitmq", "memcached", "keystone"]
SOUND: dict[str, Any] = {
    "name": "sound",
    "sites": {"main": {"racks": {"r1": {}, "r2": {}, "r3": {}}}},
    "networks": {"management": {"cidr": "10.1.0.0/24", "purpose": "management", "gateway": "10.1.0.1"}},
    "nodes": {"controller": {"kind": "controller", "count": 3, "services": CONTROL}},
    "vips": {
        "api": {
            "address": "10.1.0.5",
            "network": "management",
            "services": ["keystone"],
            "holders": ["controller"],
        }
    },
}


def changed(path: str, value: Any) -> Design:
    data: Any = {key: dict(part) if isinstance(part, dict) else part for key, part in SOUND.items()}
    at, keys = data, path.split(".")
    for key in keys[:-1]:
        at[key] = dict(at.get(key, {}))
        at = at[key]
    at[keys[-1]] = value
    return Design.model_validate(data)


def findings(design: Design) -> tuple[Finding, ...]:
    return check(topology_of(propose(design)[0]))


def test_the_sound_design_is_sound() -> None:
    assert findings(Design.model_validate(SOUND)) == ()


TENANT = {"networks": {"net": {"cidr": "10.9.0.0/24"}}}
END = {"local": "net", "address": "192.0.2.1", "peer_address": "192.0.2.2"}
BROKEN: list[tuple[str, str, Any]] = [
    ("plan-vip-outside", "vips.api.address", "10.2.0.5"),
    ("plan-vip-outside", "vips.api.network", "nowhere"),
    ("plan-vip-outside", "nodes.controller.networks", ["storage"]),
    ("plan-vip-holder", "vips.api.holders", ["nobody"]),
    ("plan-vip-holder", "nodes.controller.count", 1),
    ("plan-net-overlap", "networks.other", {"cidr": "10.1.0.128/25", "purpose": "storage"}),
    ("plan-net-gateway", "networks.management.gateway", "10.1.1.1"),
    ("plan-net-public", "networks.admin", {"cidr": "47.147.0.0/16", "purpose": "admin"}),
    ("plan-net-public", "networks.storage", {"cidr": "172.17.0.0/16", "purpose": "storage"}),
    ("plan-address-outside", "nodes.controller.addresses", {"management": ["10.7.0.1"]}),
    ("plan-address-twice", "nodes.controller.addresses", {"management": ["10.1.0.7", "10.1.0.7"]}),
    ("plan-address-twice", "nodes.controller.addresses", {"management": ["10.1.0.5"]}),
    ("plan-quorum-even", "nodes.controller.count", 4),
    ("plan-quorum-domain", "nodes.controller.racks", ["main/r1"]),
    ("plan-service-retired", "nodes.controller.services", [*CONTROL, "nova-cert"]),
    ("plan-need-unmet", "nodes.controller.services", [*CONTROL, "glance"]),
    ("plan-need-unmet", "services.keystone", {"needs": ["ldap"]}),
    ("plan-tenant-network", "tenants.t", {"networks": {"net": {"cidr": "10.1.0.0/26"}}}),
    (
        "plan-tenant-network",
        "tenants.t",
        {"networks": {"net": {"cidr": "10.9.0.0/24", "gateway": "10.8.0.1"}}},
    ),
    (
        "plan-tenant-network",
        "tenants.t",
        TENANT | {"guests": {"g": {"network": "net", "address": "10.8.0.1"}}},
    ),
    ("plan-tenant-open-database", "tenants.t", {"openings": [{"port": 3306, "source": "0.0.0.0/0"}]}),
    ("plan-vpn-ends", "tenants.a", TENANT | {"vpns": {"v": END | {"peer": "b"}}}),
    ("plan-group-fixed", "tenants.t", {"groups": {"g": {"least": 3, "most": 3}}}),
    (
        "plan-balancer",
        "tenants.t",
        TENANT
        | {"balancers": {"lb": {"address": "10.8.0.9", "network": "net", "port": 80, "members": ["x"]}}},
    ),
]


@pytest.mark.parametrize(("rule", "path", "value"), BROKEN)
def test_a_change_breaks_its_rule(rule: str, path: str, value: Any) -> None:
    found = [f for f in findings(changed(path, value)) if f.rule == rule]
    assert found
    assert all(f.what and f.todo and f.path for f in found)


def test_a_dynamic_range_over_static_addresses() -> None:
    data = SOUND | {
        "networks": {"management": SOUND["networks"]["management"] | {"dhcp": ["10.1.0.1", "10.1.0.254"]}},
        "nodes": {"controller": SOUND["nodes"]["controller"] | {"addresses": {"management": ["10.1.0.9"]}}},
    }
    assert "plan-dhcp-static" in {f.rule for f in findings(Design.model_validate(data))}


def test_addresses_by_offset_collide_when_grown() -> None:
    rule = {"offsets": {"controller": 0, "compute": 3}, "networks": ["management"]}
    assert findings(changed("address_rule", rule)) == ()
    (found,) = findings(changed("address_rule", rule | {"grow_to": {"controller": 5, "compute": 10}}))
    assert found.rule == "plan-address-collision"
    assert "controller04 and compute01 both get .4" in found.what
    assert found.todo.endswith("controller: 0, compute: 10")


def test_storage_on_the_outside_and_too_few_copies() -> None:
    data = SOUND | {
        "networks": SOUND["networks"] | {"out": {"cidr": "10.3.0.0/24", "purpose": "external"}},
        "nodes": SOUND["nodes"]
        | {
            "bay": {
                "kind": "storage",
                "count": 4,
                "services": ["swift-storage"],
                "networks": ["management", "out"],
            }
        },
        "workload": {
            "flavors": {"f": {"count": 0, "vcpus": 1, "ram": "1 GB"}},
            "objects": {"usable": "50 TB", "replicas": 5},
        },
    }
    found = {f.rule: f for f in findings(Design.model_validate(data))}
    assert (
        found["plan-replicas-nodes"].what == "5 copies on 4 nodes of swift-storage: two copies share a node"
    )
    assert "plan-needless-network" in found


def test_fewer_hypervisors_than_the_workload_needs() -> None:
    server = {
        "cores_per_socket": 8,
        "clock": "2 GHz",
        "stick": "16 GB",
        "sticks": 4,
        "reserved_ram": "4 GB",
        "link_speed": "10 Gb/s",
    }
    data = SOUND | {
        "workload": {"flavors": {"f": {"count": 100, "vcpus": 1, "ram": "8 GB"}}},
        "hardware": {"servers": {"s": server}},
        "nodes": SOUND["nodes"] | {"com": {"kind": "compute", "count": 3, "services": ["nova-compute"]}},
    }
    found = {f.rule: f for f in findings(Design.model_validate(data))}
    assert "plan 16 of s" in found["plan-too-small"].todo


def test_pacemaker_needs_fencing_where_people_work() -> None:
    vip = SOUND["vips"]["api"] | {"provider": "pacemaker", "fencing": False}
    (found,) = [f for f in findings(changed("vips.api", vip)) if f.rule == "plan-fencing"]
    assert found.severity is Severity.ERROR
    data = SOUND | {"vips": {"api": vip}, "needs": {"production": False}}
    (found,) = [f for f in findings(Design.model_validate(data)) if f.rule == "plan-fencing"]
    assert found.severity is Severity.WARNING


def test_two_sites_cannot_both_keep_a_majority() -> None:
    sites = {"west": {"racks": {"r1": {}, "r2": {}}}, "east": {"racks": {"r1": {}, "r2": {}}}}
    (found,) = findings(changed("sites", sites))
    assert found.rule == "plan-quorum-domain"
    assert "site west holds 2 of 3 voters" in found.what
    assert "add a third with one voter" in found.todo


def test_an_unknown_rack_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="plan-rack-unknown") as caught:
        topology_of(changed("nodes.controller.racks", ["main/r9"]))
    assert "main/r1, main/r2, main/r3" in caught.value.todo


def test_every_rule_was_broken() -> None:
    elsewhere = {
        "plan-dhcp-static",
        "plan-address-collision",
        "plan-replicas-nodes",
        "plan-needless-network",
        "plan-too-small",
        "plan-fencing",
    }
    assert {rule for rule, _, _ in BROKEN} | elsewhere == set(PLAN_RULES)


def test_a_network_of_one_address_is_no_accident() -> None:
    data = SOUND | {
        "networks": {"management": {"cidr": "10.1.0.0/32", "purpose": "management", "gateway": "10.2.0.1"}},
        "vips": {},
    }
    found = {f.rule: f for f in findings(Design.model_validate(data))}
    assert found["plan-net-gateway"].todo == "write 10.1.0.0"
