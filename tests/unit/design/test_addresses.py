from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.design.addresses import layout_of
from stackhaven.errors import InputError
from stackhaven.model.cloud import Cloud
from stackhaven.model.defaults import LAB_RANGE, lab_networks

pytestmark = pytest.mark.unit

NODES = {"c": {"roles": ["controller"], "count": 3}, "k": {"roles": ["compute", "network"], "count": 2}}
NETWORKS = {
    "management": {"cidr": "172.30.1.0/24"},
    "tunnel": {"cidr": "172.30.2.0/24"},
    "external": {"cidr": "172.30.3.0/24"},
}


def cloud(**parts: object) -> Cloud:
    return Cloud.model_validate({"name": "lab", "lab": {}, "networks": NETWORKS, "nodes": NODES, **parts})


def test_machines_count_from_eleven_in_file_order() -> None:
    layout = layout_of(cloud())
    assert [(n.name, n.management, n.tunnel) for n in layout.nodes] == [
        ("c1", "172.30.1.11", "172.30.2.11"),
        ("c2", "172.30.1.12", "172.30.2.12"),
        ("c3", "172.30.1.13", "172.30.2.13"),
        ("k1", "172.30.1.14", "172.30.2.14"),
        ("k2", "172.30.1.15", "172.30.2.15"),
    ]
    assert [n.ordinal for n in layout.nodes] == [0, 1, 2, 3, 4]


def test_taken_addresses_are_skipped() -> None:
    networks = {**NETWORKS, "management": {"cidr": "172.30.1.0/24", "gateway": "172.30.1.11"}}
    nodes = {**NODES, "x": {"roles": ["network"], "management": "172.30.1.13"}}
    layout = layout_of(cloud(networks=networks, vip={"internal": "172.30.1.12"}, nodes=nodes))
    assert [n.management for n in layout.nodes] == [f"172.30.1.{n}" for n in (14, 15, 16, 17, 18, 13)]
    assert layout.nodes[-1].tunnel == "172.30.2.16"


def test_a_machine_without_a_word_gets_the_defaults() -> None:
    layout = layout_of(cloud())
    assert layout.vip_internal == layout.vip_public == "172.30.1.5"
    assert layout.floating == ("172.30.3.128", "172.30.3.254")
    assert [n.memory_mb for n in layout.nodes] == [2560] * 3 + [1536] * 2
    assert layout.nodes[0].interfaces == {"management": "mgmt0", "tunnel": "tun0", "external": "ext0"}


def test_what_is_written_wins() -> None:
    nodes = {"c": {"roles": ["controller"], "memory_mb": 4096, "cores": 3, "interfaces": {"tunnel": "eno2"}}}
    networks = {**NETWORKS, "external": {"cidr": "172.30.3.0/24", "floating": ["172.30.3.9", "172.30.3.20"]}}
    layout = layout_of(cloud(nodes=nodes, networks=networks, vip={"public": "172.30.3.5", "router_id": 7}))
    (node,) = layout.nodes
    assert (node.memory_mb, node.cores) == (4096, 3)
    assert node.interfaces == {"management": "mgmt0", "tunnel": "eno2", "external": "ext0"}
    assert (layout.vip_public, layout.vrrp_router_id) == ("172.30.3.5", 7)
    assert layout.floating == ("172.30.3.9", "172.30.3.20")


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [("172.30.3.254", ("172.30.3.128", "172.30.3.253")), ("172.30.3.128", ("172.30.3.129", "172.30.3.254"))],
)
def test_the_default_floating_range_leaves_the_gateway_out(gateway: str, expected: tuple[str, str]) -> None:
    networks = {**NETWORKS, "external": {"cidr": "172.30.3.0/24", "gateway": gateway}}
    assert layout_of(cloud(networks=networks)).floating == expected


def test_hosts_of_one_entry_are_reached_by_their_number() -> None:
    nodes = {"k": {"roles": ["controller"], "count": 3, "ssh": {"address": "k{n}.example", "port": 2222}}}
    layout = layout_of(cloud(lab=None, nodes=nodes))
    assert [n.ssh.address for n in layout.nodes if n.ssh] == ["k1.example", "k2.example", "k3.example"]
    assert layout.nodes[0].memory_mb == 16384


def test_too_small_a_network_is_refused_with_the_numbers() -> None:
    nodes = {"k": {"roles": ["controller"], "count": 300}}
    with pytest.raises(InputError, match="has 244 addresses for 300 machines") as caught:
        layout_of(cloud(nodes=nodes))
    assert caught.value.rule == "addresses-exhausted"
    assert "172.30.0.0/23" in caught.value.todo


def test_a_thousand_computes_fit_a_larger_network() -> None:
    networks = {**NETWORKS, "management": {"cidr": "10.0.0.0/21"}, "tunnel": {"cidr": "10.1.0.0/21"}}
    nodes = {"c": {"roles": ["controller"], "count": 3}, "k": {"roles": ["compute"], "count": 1000}}
    layout = layout_of(cloud(networks=networks, nodes=nodes))
    assert layout.nodes[-1].management == "10.0.3.245"
    assert len({n.management for n in layout.nodes}) == 1003


def test_the_router_id_is_stable_and_in_range() -> None:
    assert layout_of(cloud()).vrrp_router_id == layout_of(cloud()).vrrp_router_id
    ids = {layout_of(cloud(name=f"n{i}")).vrrp_router_id for i in range(400)}
    assert len(ids) > 150
    assert min(ids) >= 1
    assert max(ids) <= 255


@given(name=st.from_regex(r"\A[a-z][a-z0-9-]{0,14}\Z"))
def test_lab_networks_follow_from_the_name(name: str) -> None:
    made = lab_networks(name)
    ranges = [IPv4Network(str(network["cidr"])) for network in made.values()]
    assert all(r.subnet_of(LAB_RANGE) for r in ranges)
    assert len({r.network_address for r in ranges}) == 3
    assert made == lab_networks(name)


def test_a_lab_may_write_one_network_and_derive_the_others() -> None:
    layout = layout_of(cloud(networks={"external": {"cidr": "192.168.77.0/24"}}))
    assert layout.floating[0] == "192.168.77.128"
    assert layout.cloud.networks.management.gateway == layout.cloud.networks.management.cidr[1]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 200),
    by_hand=st.sets(st.integers(6, 254), max_size=8),
    vip=st.integers(1, 254),
    gateway=st.integers(1, 254),
)
def test_no_two_things_ever_have_one_address(count: int, by_hand: set[int], vip: int, gateway: int) -> None:
    networks = {**NETWORKS, "management": {"cidr": "172.30.1.0/24", "gateway": f"172.30.1.{gateway}"}}
    nodes: dict[str, object] = {"c": {"roles": ["controller"], "count": count}}
    for number in by_hand - {vip, gateway}:
        nodes[f"x{number}"] = {"roles": ["compute"], "management": f"172.30.1.{number}"}
    layout = layout_of(cloud(networks=networks, nodes=nodes, vip={"internal": f"172.30.1.{vip}"}))
    addresses = [n.management for n in layout.nodes]
    assert len(set(addresses)) == len(addresses)
    assert not set(addresses) & {f"172.30.1.{vip}", f"172.30.1.{gateway}"}
    assert all(IPv4Address(a) in IPv4Network("172.30.1.0/24") for a in addresses)


def test_an_appended_machine_moves_no_other() -> None:
    before = layout_of(cloud())
    after = layout_of(cloud(nodes={**NODES, "z": {"roles": ["compute"], "count": 4}}))
    assert [n.management for n in after.nodes[:5]] == [n.management for n in before.nodes]
