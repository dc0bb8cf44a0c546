"""Three members whose power and processes come and go in any order: never two clusters, nothing acknowledged lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.services.galera_world import World

pytestmark = pytest.mark.unit

NAMES = ("a", "b", "c")
ROUNDS = 300
faults = st.tuples(st.sampled_from(("on", "cut", "kill", "stop", "begin", "write")), st.sampled_from(NAMES))
moves = st.lists(st.one_of(faults, st.tuples(st.just("tick"), st.sampled_from(NAMES))), max_size=120)
BLACKOUT = [("write", "a"), *(("cut", n) for n in NAMES), *(("on", n) for n in NAMES)]


def settled() -> World:
    world = World.of(*NAMES)
    calm(world)
    assert sorted(world.primary) == list(NAMES)
    return world


def calm(world: World) -> None:
    """Everything has power and is started, and nobody disturbs any more."""
    for name in NAMES:
        world.act("on", name)
        world.act("begin", name)
    for _ in range(ROUNDS):
        for name in NAMES:
            world.act("tick", name)


@settings(max_examples=200, deadline=None)
@given(moves)
@example(BLACKOUT)
@example([("write", "a"), ("cut", "b"), ("cut", "a"), ("write", "c"), ("on", "a"), ("cut", "c"), ("on", "b")])
def test_whatever_happens_one_cluster_of_all_comes_back_with_every_commit(
    schedule: list[tuple[str, str]],
) -> None:
    world = settled()
    for what, name in schedule:
        world.act(what, name)
    before = world.acknowledged
    calm(world)
    said = {name: member.said for name, member in world.members.items()}
    assert sorted(world.primary) == list(NAMES), said
    assert world.acknowledged >= before
    assert {m.data["seqno"] for m in world.members.values()} == {world.acknowledged}
    assert world.clusters == 1


@given(st.permutations(NAMES), st.lists(st.sampled_from(NAMES), max_size=60))
def test_a_first_start_in_any_order_founds_one_cluster(order: list[str], ticks: list[str]) -> None:
    world = World.of(*NAMES)
    for name in order:
        world.act("on", name)
        for other in ticks:
            world.act("tick", other)
    calm(world)
    assert sorted(world.primary) == list(NAMES)
    assert world.clusters == 1


@given(moves, st.sampled_from(NAMES))
def test_a_member_that_stays_away_after_a_blackout_is_waited_for(
    schedule: list[tuple[str, str]], dead: str
) -> None:
    world = settled()
    for what, name in schedule:
        world.act(what, name)
    for name in NAMES:
        world.act("cut", name)
    for name in NAMES:
        if name != dead:
            world.act("on", name)
    for _ in range(ROUNDS):
        for name in NAMES:
            world.act("tick", name)
    assert world.primary == []
    assert {world.members[name].said for name in NAMES if name != dead} == {f"no answer from {dead}"}
