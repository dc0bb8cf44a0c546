"""Every layout of the requirements is planned without an error, and what can be built makes a valid cloud.yaml."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stackhaven.design.addresses import layout_of
from stackhaven.design.checks import check
from stackhaven.design.from_cloud import design_of
from stackhaven.design.plan_load import parse_design
from stackhaven.design.plan_model import Design
from stackhaven.design.propose import propose
from stackhaven.design.to_cloud import cloud_of
from stackhaven.design.topology import Topology, topology_of
from stackhaven.model.finding import Severity
from stackhaven.model.load import check_text, parse_cloud

pytestmark = pytest.mark.unit

FOLDER = Path(__file__).parents[3] / "examples" / "layouts"
FILES = sorted(FOLDER.glob("a-*.yaml"))
PAPER = {"a-03", "a-08", "a-10", "a-24"}


def load(path: Path) -> tuple[Design, Topology]:
    design, _ = propose(parse_design(path.read_text(encoding="utf-8"), path.name))
    return design, topology_of(design)


def test_there_are_twenty_four() -> None:
    assert [p.stem for p in FILES] == [f"a-{n:02d}" for n in range(1, 25)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_it_is_planned_without_an_error(path: Path) -> None:
    design, topology = load(path)
    assert design.source == path.stem.upper()
    assert design.notes, "what differs from the source is said"
    assert [f for f in check(topology) if f.severity is Severity.ERROR] == []
    assert topology.machines
    assert all(service.reason for service in topology.services.values())


@pytest.mark.parametrize("path", [p for p in FILES if p.stem not in PAPER], ids=lambda p: p.stem)
def test_its_cloud_is_valid(path: Path) -> None:
    _, topology = load(path)
    written = cloud_of(topology)
    assert written is not None
    stream = io.StringIO()
    YAML(typ="safe").dump(written.data, stream)
    checked = check_text(stream.getvalue())
    assert [f for f in checked.findings if f.severity is Severity.ERROR] == []
    assert checked.cloud is not None
    kinds = {"controller", "compute", "network"}
    built = {m.name: m.place for m in topology.machines if m.kind in kinds}
    assert {n.name: n.domain for n in layout_of(checked.cloud).nodes} == built


@pytest.mark.parametrize("stem", sorted(PAPER))
def test_what_is_on_paper_makes_no_cloud(stem: str) -> None:
    assert cloud_of(load(FOLDER / f"{stem}.yaml")[1]) is None


def test_the_starter_cloud_follows_from_demand_alone() -> None:
    design, topology = load(FOLDER / "a-05.yaml")
    assert len(topology.of_kind("compute")) == 9
    assert len({m.place for m in topology.of_kind("controller")}) == 3
    assert propose(design)[0] == design, "proposing twice changes nothing"


def test_a_cloud_seen_as_a_design_has_the_same_machines_in_the_same_places() -> None:
    _, topology = load(FOLDER / "a-22.yaml")
    written = cloud_of(topology)
    assert written is not None
    stream = io.StringIO()
    YAML(typ="safe").dump(written.data, stream)
    back = topology_of(design_of(layout_of(parse_cloud(stream.getvalue()))))
    there = {m.name: m.place for m in topology.machines if m.kind != "deployer"}
    assert {m.name: m.place for m in back.machines if m.kind != "deployer"} == there
    assert back.services["mariadb"].required == 2
