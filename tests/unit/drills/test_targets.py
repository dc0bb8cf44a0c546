from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.drills.errors import DrillError
from stackhaven.drills.ground import Ground
from stackhaven.drills.scene import most_queues, roles_in_facts
from stackhaven.drills.targets import ROLES, Scene, busiest, bystander, victim_of
from stackhaven.observe.status.facts import NodeFacts, RaftFact

pytestmark = pytest.mark.unit

CONTROLLERS = ("c1", "c2", "c3")


@pytest.fixture
def scene(lab: Ground) -> Scene:
    holders = {"vip-holder": "c2", "db-writer": "c2", "ovn-leader": "c1"}
    return Scene(layout=lab.layout, declared=lab.site.declared, holders=holders, seed=7)


@pytest.mark.parametrize(
    ("where", "nodes"),
    [
        ("vip-holder", ("c2",)),
        ("ovn-leader", ("c1",)),
        ("busiest", ("c2",)),
        ("bystander", ("c3",)),
        ("controller:3", ("c3",)),
        ("compute:1", ("k1",)),
        ("k2", ("k2",)),
        ("all-controllers", CONTROLLERS),
        ("all", (*CONTROLLERS, "k1", "k2")),
    ],
)
def test_a_role_is_found_where_it_is_played(scene: Scene, where: str, nodes: tuple[str, ...]) -> None:
    assert victim_of(scene, where).nodes == nodes


def test_chance_is_repeatable_by_its_seed(scene: Scene) -> None:
    chosen = {victim_of(replace(scene, seed=seed), "random").nodes for seed in range(50)}
    assert victim_of(scene, "random") == victim_of(scene, "random")
    assert chosen == {(name,) for name in CONTROLLERS}


def test_a_program_is_its_services_units_on_that_machine(scene: Scene) -> None:
    victim = victim_of(scene, "db-writer", "mariadb")
    assert "mariadb.service" in victim.units
    assert victim.says == "mariadb on c2 (db-writer)"


def test_one_unit_may_be_named_alone(scene: Scene) -> None:
    assert victim_of(scene, "c1", "nova-conductor").units == ("nova-conductor.service",)


def test_a_program_that_does_not_run_there_is_refused_with_those_that_do(scene: Scene) -> None:
    with pytest.raises(DrillError, match="does not run on k1") as raised:
        victim_of(scene, "k1", "mariadb")
    assert "nova-compute" in raised.value.todo


@pytest.mark.parametrize("where", ["gateway", "nobody", "controller:9", "controller:0", "controller:x"])
def test_a_role_that_nobody_plays_is_an_error_of_the_drill(scene: Scene, where: str) -> None:
    with pytest.raises(DrillError) as raised:
        victim_of(scene, where)
    assert raised.value.rule == "drill-victim"


HOLDERS = st.dictionaries(st.sampled_from(sorted(ROLES)), st.sampled_from(CONTROLLERS))


@given(HOLDERS)
def test_the_busiest_has_no_fewer_roles_than_any_and_the_bystander_no_more(holders: dict[str, str]) -> None:
    roles = {name: list(holders.values()).count(name) for name in CONTROLLERS}
    assert roles[busiest(holders, CONTROLLERS)] == max(roles.values())
    assert roles[bystander(holders, CONTROLLERS)] == min(roles.values())
    assert busiest(holders, CONTROLLERS) != bystander(holders, CONTROLLERS)


def test_roles_that_the_status_tells() -> None:
    leader = RaftFact(database="sb", member=True, role="leader", leader="self", term=3, servers=3)
    nodes = (
        NodeFacts(name="c1", reachable=True, raft=(leader,)),
        NodeFacts(name="c2", reachable=True, holds={"10.0.0.5": "52:00"}),
        NodeFacts(name="c3", reachable=False),
    )
    assert roles_in_facts("10.0.0.5", nodes) == {"vip-holder": "c2", "ovn-leader": "c1"}


def test_the_queue_leader_leads_most_queues() -> None:
    answer = '[{"leader":"rabbit@c1"},{"leader":"rabbit@c3"},{"leader":"rabbit@c3"},{"leader":""}]'
    assert most_queues(answer) == "c3"
    with pytest.raises(ValueError, match="no queue"):
        most_queues("[]")
