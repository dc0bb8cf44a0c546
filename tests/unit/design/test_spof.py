"""Single points of failure: cut sets against plain evaluation, known risks, and a thousand hypervisors in time."""

from __future__ import annotations

import time
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from stackhaven.design.cutsets import cut_sets
from stackhaven.design.faulttree import BOOT, TOKEN, FaultTree, fault_tree
from stackhaven.design.plan_load import parse_design
from stackhaven.design.plan_model import Design
from stackhaven.design.propose import propose
from stackhaven.design.spof import find_spofs
from stackhaven.design.topology import Topology, topology_of
from stackhaven.errors import InputError

pytestmark = pytest.mark.unit

FOLDER = Path(__file__).parents[3] / "examples" / "layouts"


def layout(stem: str) -> Topology:
    text = (FOLDER / f"{stem}.yaml").read_text(encoding="utf-8")
    return topology_of(propose(parse_design(text))[0])


def small(**changes: Any) -> Topology:
    data: dict[str, Any] = {
        "name": "small",
        "sites": {"main": {"racks": {"r1": {}, "r2": {}, "r3": {}}, "core": ["c1", "c2"]}},
        "networks": {"management": {"cidr": "10.0.0.0/24", "purpose": "management"}},
        "nodes": {
            "ctl": {
                "kind": "controller",
                "count": 3,
                "services": ["haproxy", "keepalived", "mariadb", "rabbitmq", "keystone"],
            }
        },
        "vips": {
            "api": {
                "address": "10.0.0.5",
                "network": "management",
                "services": ["keystone", "mariadb"],
                "holders": ["ctl"],
            }
        },
    }
    return topology_of(Design.model_validate(data | changes))


def brute(tree: FaultTree, top: str, order: int) -> set[frozenset[str]]:
    """Every minimal set up to `order`, by trying all."""
    found: set[frozenset[str]] = set()
    for size in range(1, order + 1):
        for chosen in combinations(sorted(tree.elements), size):
            if not any(f <= set(chosen) for f in found) and top in tree.fails(chosen):
                found.add(frozenset(chosen))
    return found


@pytest.mark.parametrize(
    "topology",
    [
        small(),
        small(sites={"main": {"racks": {"r1": {"feeds": ["a"], "switches": ["s"]}, "r2": {}}}}),
        small(sites={"a": {"racks": {"r1": {}}}, "b": {"racks": {"r1": {}}}, "c": {"racks": {"r1": {}}}}),
        layout("a-06"),
    ],
    ids=["three-racks", "one-feed", "three-sites", "test-bed"],
)
def test_cut_sets_are_what_trying_everything_finds(topology: Topology) -> None:
    tree = fault_tree(topology)
    for service in ("keystone", "mariadb", TOKEN):
        top = tree.services[service]
        cuts = cut_sets(tree)[top]
        composed = {frozenset((e,)) for e in cuts.singles} | cuts.pairs
        assert composed == brute(tree, top, 2 if len(tree.elements) < 80 else 1), service


def test_three_racks_leave_the_building_and_nothing_else() -> None:
    report = find_spofs(small())
    assert {s.element for s in report.critical} == {"main"}


def test_one_rack_one_switch_one_feed_are_all_found() -> None:
    sites = {"main": {"racks": {"r1": {"switches": ["sw"], "feeds": ["only"]}}, "uplinks": 1}}
    found = {(s.kind, s.element) for s in find_spofs(small(sites=sites)).critical}
    assert {
        ("site", "main"),
        ("rack", "main/r1"),
        ("switch", "main/r1/sw"),
        ("feed", "main/only"),
        ("line", "main/1"),
    } == found


def test_three_sites_lose_one_and_go_on() -> None:
    sites = {name: {"racks": {"r1": {}}} for name in ("a", "b", "c")}
    assert find_spofs(small(sites=sites)).critical == ()


def test_two_sites_have_one_that_must_not_be_lost() -> None:
    sites = {name: {"racks": {"r1": {}, "r2": {}}} for name in ("a", "b")}
    assert {s.element for s in find_spofs(small(sites=sites)).critical} == {"a"}


def test_the_deployer_is_known_and_harms_no_user() -> None:
    (found,) = [
        s for s in find_spofs(layout("a-18")).singles if s.element == "deployer" and s.kind == "machine"
    ]
    assert found.stops == ("deployer",)
    assert not found.api
    assert found.store
    assert "the cloud runs without it" in found.todo


def test_a_single_instance_store_is_named() -> None:
    nodes = {"mongo": {"kind": "other", "services": ["redis"]}}
    found = {s.element: s for s in find_spofs(small(nodes=nodes, vips={})).singles}
    assert found["redis@mongo"].store


def test_pairs_are_grouped_and_two_voters_are_among_them() -> None:
    pairs = find_spofs(small(), order=2).pairs
    machines = next(g for g in pairs if g.kinds == ("machine", "machine"))
    assert machines.count == 3
    assert ("ctl1", "ctl2") in machines.examples
    assert "mariadb" in machines.stops
    assert any(g.kinds == ("feed", "feed") for g in pairs)
    assert any(g.kinds == ("core", "core") for g in pairs)


def test_a_circle_of_needs_is_refused_by_name() -> None:
    services = {"keystone": {"needs": ["mariadb"]}, "mariadb": {"needs": ["keystone"]}}
    with pytest.raises(InputError, match="plan-needs-cycle") as caught:
        find_spofs(small(services=services))
    assert "keystone" in caught.value.what
    assert "mariadb" in caught.value.what


def test_the_reference_layout_has_no_single_point_but_its_building() -> None:
    report = find_spofs(layout("a-15"))
    assert {s.element for s in report.critical} == {"main"}


def test_a_rack_of_hypervisors_is_the_blast() -> None:
    blast = find_spofs(layout("a-22")).blast
    assert (blast[0].kind, blast[0].hypervisors) == ("site", 84)


def thousand() -> Topology:
    racks = [f"s{s}/r{r}" for s in range(3) for r in range(4)][:10]
    sites: dict[str, Any] = {}
    for place in racks:
        site, rack = place.split("/")
        sites.setdefault(site, {"racks": {}, "core": ["c1", "c2"]})["racks"][rack] = {}
    compute = {
        "kind": "compute",
        "count": 100,
        "services": ["nova-compute", "ovn-controller", "metadata-agent"],
    }
    base = small().design
    control = base.nodes["ctl"].services
    extra = (
        "placement",
        "nova-api",
        "nova-conductor",
        "nova-scheduler",
        "glance",
        "neutron-server",
        "ovn-db",
        "ovn-northd",
    )
    nodes: dict[str, Any] = {"ctl": {"kind": "controller", "count": 3, "services": [*control, *extra]}}
    nodes |= {f"com-{p.replace('/', '-')}-": compute | {"racks": [p]} for p in racks}
    return small(sites=sites, nodes=nodes)


def test_a_thousand_hypervisors_in_time() -> None:
    topology = thousand()
    assert len(topology.of_kind("compute")) == 1000
    begin = time.process_time()
    report = find_spofs(topology, order=2)
    assert time.process_time() - begin < 5
    assert report.critical == ()
    assert report.pairs
    assert BOOT in fault_tree(topology).services


def test_copies_kept_apart_by_rack_survive_a_rack_of_two_nodes() -> None:
    topology = layout("a-05")
    stores = [topology.by_name[m].rack for m in topology.services["ceph-osd"].members]
    assert sorted(stores) == ["r1", "r1", "r2", "r3"]
    assert {s.element for s in find_spofs(topology).critical} == {"main"}


def test_copies_kept_apart_by_site_survive_a_site() -> None:
    sites = {name: {"racks": {"r1": {}, "r2": {}}} for name in ("a", "b", "c")}
    nodes = {"bay": {"kind": "storage", "count": 6, "services": ["swift-storage"]}}
    topology = small(sites=sites, nodes=nodes, vips={}, services={"swift-storage": {"minimum": 5}})
    assert [s.element for s in find_spofs(topology).singles if "swift-storage" in s.stops] == []
