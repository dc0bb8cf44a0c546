from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.plan import Need, Step
from stackhaven.plan.graph import build_graph
from stackhaven.plan.schedule import Schedule, Stand

pytestmark = pytest.mark.unit

Work = tuple[str, str]
NODES = ("n1", "n2", "n3", "n4")


@st.composite
def plans(draw: st.DrawFn, *, most: int = 8) -> tuple[Step, ...]:
    """Acyclic, since a step only needs steps before it."""
    steps: list[Step] = []
    for number in range(draw(st.integers(1, most))):
        name = f"s{number}"
        nodes = draw(st.lists(st.sampled_from(NODES), unique=True, max_size=4))
        needs = [
            Need(name=earlier.name, everywhere=draw(st.booleans()))
            for earlier in steps
            if draw(st.integers(0, 3)) == 0
        ]
        steps.append(
            Step(
                name=name,
                title=name,
                nodes=tuple(nodes),
                resources=lambda _: (),
                needs=tuple(needs),
                serial=draw(st.booleans()),
                weight=draw(st.sampled_from((0.5, 1.0, 20.0))),
            )
        )
    return tuple(steps)


def must_precede(steps: tuple[Step, ...]) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """All pairs (before, after) of work that the needs demand, by their definition and nothing else."""
    by_name = {step.name: step for step in steps}
    pairs: set[tuple[tuple[str, str], tuple[str, str]]] = set()
    for step in steps:
        for node in step.nodes:
            for need in step.needs:
                provider = by_name[need.name]
                for other in provider.nodes:
                    if need.everywhere or other == node:
                        pairs.add(((provider.name, other), (step.name, node)))
        if step.serial:
            for i, after in enumerate(step.nodes):
                pairs |= {((step.name, before), (step.name, after)) for before in step.nodes[:i]}
    return pairs


def play(
    steps: tuple[Step, ...], failing: set[Work], seed: int, per_node: int
) -> tuple[list[Work], dict[Work, Stand]]:
    """Run a schedule in a random interleaving; returns the order of starts and where all work ended."""
    chance = random.Random(seed)
    schedule = Schedule(build_graph(steps), per_node=per_node)
    names = [(v.step, v.node or "") for v in schedule.graph.vertices]
    running: list[int] = []
    started: list[Work] = []
    finished: set[Work] = set()
    needs = must_precede(steps)
    while True:
        while (vertex := schedule.take()) is not None:
            running.append(vertex)
            started.append(names[vertex])
            assert all(before in finished for before, after in needs if after == names[vertex])
            nodes = [names[v][1] for v in running]
            assert all(nodes.count(node) <= per_node for node in nodes)
        if not running:
            break
        vertex = running.pop(chance.randrange(len(running)))
        if names[vertex] in failing:
            schedule.failed(vertex)
        else:
            finished.add(names[vertex])
            schedule.done(vertex)
    assert schedule.running == 0
    ends = {name: stand for name, stand in zip(names, schedule.stand, strict=True) if name[1]}
    return started, ends


@given(plans(), st.data(), st.integers(0, 2**16), st.integers(1, 3))
def test_nothing_starts_too_early_and_blocked_work_never(
    steps: tuple[Step, ...], data: st.DataObject, seed: int, per_node: int
) -> None:
    work = [(step.name, node) for step in steps for node in step.nodes]
    failing = {w for w in work if data.draw(st.integers(0, 5)) == 0}
    started, ends = play(steps, failing, seed, per_node)
    assert len(started) == len(set(started))
    assert set(ends.values()) <= {Stand.DONE, Stand.FAILED, Stand.BLOCKED}
    assert {w for w, stand in ends.items() if stand is Stand.BLOCKED}.isdisjoint(started)
    for before, after in must_precede(steps):
        if ends[before] is not Stand.DONE:
            assert ends[after] is Stand.BLOCKED


@given(plans(), st.data(), st.integers(0, 2**16), st.integers(0, 2**16))
def test_the_outcome_is_the_same_for_any_interleaving(
    steps: tuple[Step, ...], data: st.DataObject, one: int, other: int
) -> None:
    work = [(step.name, node) for step in steps for node in step.nodes]
    failing = {w for w in work if data.draw(st.integers(0, 5)) == 0}
    assert play(steps, failing, one, 2)[1] == play(steps, failing, other, 1)[1]


@given(plans())
def test_edges_mean_exactly_the_needs(steps: tuple[Step, ...]) -> None:
    graph = build_graph(steps)
    number = {(v.step, v.node): i for i, v in enumerate(graph.vertices)}
    for before, after in must_precede(steps):
        assert number[after] in graph.below([number[before]])


@given(plans())
def test_the_order_is_topological(steps: tuple[Step, ...]) -> None:
    graph = build_graph(steps)
    position = {v: i for i, v in enumerate(graph.order)}
    assert sorted(graph.order) == list(range(len(graph.vertices)))
    assert all(position[v] < position[d] for v in position for d in graph.dependents[v])


def simple(name: str, nodes: tuple[str, ...], weight: float = 1.0) -> Step:
    return Step(name=name, title=name, nodes=nodes, resources=lambda _: (), weight=weight)


def test_the_longest_path_starts_first() -> None:
    schedule = Schedule(build_graph([simple("short", ("a",)), simple("long", ("a",), 30.0)]), per_node=1)
    first = schedule.take()
    assert first is not None
    assert schedule.graph.vertices[first].step == "long"
    assert schedule.take() is None
    schedule.done(first)
    assert schedule.take() is not None


def test_ending_what_does_not_run_is_a_mistake() -> None:
    schedule = Schedule(build_graph([simple("x", ("a",))]))
    with pytest.raises(ValueError, match="ended without running"):
        schedule.done(0)
