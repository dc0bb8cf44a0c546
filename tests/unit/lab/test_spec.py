from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.design.addresses import layout_of
from stackhaven.lab.spec import (
    INTERFACE_NAME_LIMIT,
    LabSpec,
    cgroup_of,
    hub_of,
    interface_name,
    node_prefix,
    spec_of,
)
from stackhaven.model.cloud import Cloud

pytestmark = pytest.mark.unit

LAB_NAME = st.from_regex(r"[a-z][a-z0-9-]{0,14}", fullmatch=True)
NODE_NAME = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)


def spec(name: str = "demo", *, nodes: dict[str, object] | None = None) -> LabSpec:
    cloud = Cloud.model_validate(
        {
            "name": name,
            "lab": {},
            "networks": {
                "management": {"cidr": "172.30.1.0/24"},
                "tunnel": {"cidr": "172.30.2.0/24", "mtu": 1600},
                "external": {"cidr": "172.30.3.0/24", "gateway": "172.30.3.254"},
            },
            "nodes": nodes
            or {
                "c": {"roles": ["controller"], "count": 3},
                "k1": {"roles": ["compute"], "memory_mb": 1024},
                "metal": {"roles": ["compute"], "ssh": {"address": "metal.example"}},
            },
        }
    )
    return spec_of(layout_of(cloud))


@given(st.sampled_from(["mgmt", "tun", "ext"]), NODE_NAME)
def test_interface_names_fit_the_kernel(prefix: str, name: str) -> None:
    assert len(interface_name(prefix, name)) <= INTERFACE_NAME_LIMIT


@given(st.lists(NODE_NAME, min_size=2, max_size=30, unique=True))
def test_interface_names_stay_apart_when_shortened(names: list[str]) -> None:
    assert len({interface_name("mgmt", name) for name in names}) == len(names)


@given(LAB_NAME, LAB_NAME, NODE_NAME, NODE_NAME)
def test_no_two_labs_share_a_name(one: str, other: str, node: str, other_node: str) -> None:
    if one == other:
        return
    of_one = {hub_of(one), cgroup_of(one), node_prefix(one) + node}
    of_other = {hub_of(other), cgroup_of(other), node_prefix(other) + other_node}
    assert not of_one & of_other
    assert not (node_prefix(other) + other_node).startswith(node_prefix(one))
    assert hub_of(one) != node_prefix(one) + node


def test_existing_hosts_are_not_machines_of_the_lab() -> None:
    assert [node.name for node in spec().nodes] == ["c1", "c2", "c3", "k1"]


def test_addresses_gateways_and_mtu_come_from_the_layout() -> None:
    lab = spec()
    assert [n.gateway for n in lab.networks] == ["172.30.1.1/24", "172.30.2.1/24", "172.30.3.254/24"]
    assert [n.bridge for n in lab.networks] == ["br-mgmt", "br-tun", "br-ext"]
    nics = {nic.network: nic for nic in lab.node("c1").nics}
    assert (nics["management"].interface, nics["management"].address) == ("mgmt0", "172.30.1.11/24")
    assert (nics["tunnel"].address, nics["tunnel"].mtu) == ("172.30.2.11/24", 1600)
    assert (nics["external"].interface, nics["external"].address) == ("ext0", "")
    assert ipaddress.ip_address(lab.node("c1").address) in lab.networks[0].cidr


def test_every_mac_of_two_labs_is_its_own_unicast_and_locally_administered() -> None:
    macs = [
        mac
        for lab in (spec("one"), spec("two"))
        for mac in (*(n.mac for n in lab.networks), *(nic.mac for node in lab.nodes for nic in node.nics))
    ]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)


def test_the_same_cloud_is_the_same_lab() -> None:
    assert spec() == spec()


def test_unknown_node() -> None:
    with pytest.raises(KeyError):
        spec().node("c9")
