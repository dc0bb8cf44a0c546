from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.engine.journal import Event, Journal
from stackhaven.engine.link import AgentFailedError, LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.result import RunResult
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.ssh import LocalTarget, Target
from stackhaven.engine.stop import Stop
from stackhaven.plan import Command, File, Need, OnFailure, Resource, Step, Unit, everywhere
from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import State
from stackhaven.plan.plan import Plan

pytestmark = pytest.mark.unit

NODES = ("n1", "n2", "n3")
Work = tuple[str, str]


@dataclass
class World:
    """Nodes as a fake link shows them: what is done, what fails, and in which order things were begun and ended."""

    seed: int = 0
    fails: set[Work] = field(default_factory=set)
    loses: set[Work] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    hangs: set[Work] = field(default_factory=set)
    done: set[Work] = field(default_factory=set)
    log: list[tuple[str, Work]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    async def open(self, target: Target) -> FakeLink:
        await self.pause()
        self.opened.append(target.name)
        if target.name in self.refuses:
            raise LinkLostError(target.name, "unreachable: no answer")
        return FakeLink(self, target.name)

    async def pause(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)


@dataclass
class FakeLink:
    world: World
    node: str
    lost: bool = False

    async def call(self, operation: str, *, timeout_s: float, progress: Any = None, **arguments: Any) -> Any:
        await self.world.pause()
        if self.lost:
            raise LinkLostError(self.node, "the connection was lost")
        if operation == "check":
            return [self.check(resource) for resource in arguments["resources"]]
        work = (arguments["resource"]["what"], self.node)
        self.world.log.append(("begun", work))
        await self.world.pause()
        if work in self.world.hangs:
            await asyncio.sleep(3600)
        if work in self.world.loses:
            self.lost = True
            raise LinkLostError(self.node, "the connection was lost")
        if work in self.world.fails:
            raise AgentFailedError("exit code 1: hunter22 was wrong")
        self.world.done.add(work)
        self.world.log.append(("done", work))
        return {"changed": True, "did": "done", "verb": "run", "before": None}

    def check(self, resource: dict[str, Any]) -> dict[str, Any]:
        if (resource["what"], self.node) in self.world.done:
            return {"holds": True}
        return {"holds": False, "why": "exit code 1", "verb": "run", "before": None, "known": True}

    async def close(self, *, grace_s: float = 0) -> None:
        self.lost = True


def step(name: str, *needs: str, nodes: tuple[str, ...] = NODES, **more: Any) -> Step:
    return Step(
        name=name,
        title=name.title(),
        nodes=nodes,
        resources=lambda _: (Command(what=name, check=("c",), apply=("a",)),),
        needs=tuple(everywhere(need) for need in needs),
        **more,
    )


def go(
    world: World, *steps: Step, mode: Mode = Mode.APPLY, stop: Stop | None = None,
    hear: Callable[[Event], None] | None = None, limits: Limits | None = None, deadline_s: float = 60,
) -> RunResult:  # fmt: skip
    async def main() -> RunResult:
        bounds = limits or Limits()
        pool = Pool({name: LocalTarget(name=name) for name in NODES}, bounds, opener=world.open)
        masker = Masker(["hunter22"])
        with Journal(None, masker) as journal:
            if hear:
                journal.subscribe(hear)
            async with asyncio.timeout(20):
                return await run(
                    Plan.of(steps), pool, mode=mode, journal=journal, masker=masker, stop=stop, limits=bounds,
                    deadline_s=deadline_s,
                )  # fmt: skip

    return asyncio.run(main())


def states(result: RunResult) -> dict[Work, State]:
    return {work: outcome.state for work, outcome in result.outcomes.items()}


def test_a_first_run_changes_and_a_second_does_nothing() -> None:
    world = World()
    first = go(world, step("a"), step("b", "a"))
    second = go(world, step("a"), step("b", "a"))
    assert (first.totals["changed"], first.exit_code) == (6, 0)
    assert second.totals == {"ok": 6, "changes": 0}


def test_a_plan_changes_nothing_and_says_what_a_run_would_do() -> None:
    world = World(done={("a", "n1")})
    result = go(world, step("a"), step("b", "a"), mode=Mode.PLAN)
    assert world.log == []
    assert result.exit_code == 3
    assert [(p.step, p.node, p.findings[0].known) for p in result.pending] == [
        ("a", "n2", True), ("a", "n3", True), ("b", "n1", False), ("b", "n2", False), ("b", "n3", False),
    ]  # fmt: skip
    assert go(World(done={("a", n) for n in NODES}), step("a"), mode=Mode.PLAN).exit_code == 0


def test_a_failure_blocks_only_what_depends_on_it_and_shows_no_secret() -> None:
    world = World(fails={("a", "n2")})
    result = go(world, step("a"), step("b", "a"), step("c"))
    assert states(result)["a", "n1"] is State.CHANGED
    assert states(result)["a", "n2"] is State.FAILED
    assert {states(result)["b", n] for n in NODES} == {State.BLOCKED}
    assert {states(result)["c", n] for n in NODES} == {State.CHANGED}
    assert result.outcomes["b", "n1"].cause == "a on n2"
    assert result.outcomes["a", "n2"].error == "action a: exit code 1: **** was wrong"
    assert result.exit_code == 1


def test_a_rolling_step_stops_at_the_first_failure() -> None:
    world = World(fails={("a", "n2")})
    result = go(world, step("a", serial=True))
    assert [states(result)["a", n] for n in NODES] == [State.CHANGED, State.FAILED, State.BLOCKED]


def test_on_failure_stop_starts_nothing_more() -> None:
    world = World(fails={("a", "n1")})
    steps = (
        step("a", nodes=("n1",), on_failure=OnFailure.STOP, weight=9.0),
        step("b", nodes=("n2",)),
        step("c", "b"),
    )
    result = go(world, *steps)
    assert {states(result)["c", n] for n in NODES} <= {State.NOT_STARTED, State.CHANGED}
    assert "a on n1 failed" in result.stopped_by
    assert result.verdict == "stopped"


def test_an_unreachable_node_is_tried_once_and_the_rest_goes_on() -> None:
    world = World(refuses={"n3"})
    result = go(world, step("a"), step("b"), step("c", "a"))
    assert states(result)["a", "n3"] is State.LOST
    assert states(result)["b", "n3"] is State.LOST
    assert states(result)["b", "n1"] is State.CHANGED
    assert world.opened.count("n3") == 1


def test_a_link_lost_in_a_step_is_opened_once_more_for_independent_work() -> None:
    world = World(loses={("a", "n2")})
    result = go(world, step("a", nodes=("n2",)), step("b", nodes=("n2",)), limits=Limits(per_node=1))
    assert states(result) == {("a", "n2"): State.LOST, ("b", "n2"): State.CHANGED}
    assert world.opened.count("n2") == 2


def test_a_mistake_in_a_step_fails_that_step_only() -> None:
    def broken(_: str) -> tuple[Resource, ...]:
        raise KeyError("hunter22")

    bad = Step(name="bad", title="Bad", nodes=("n1",), resources=broken)
    result = go(World(), bad, step("a"))
    assert result.outcomes["bad", "n1"].error == "a mistake in step bad: KeyError: '****'"
    assert result.totals["changed"] == 3


def test_a_soft_stop_lets_running_work_end_and_starts_nothing() -> None:
    world, stop = World(), Stop()

    def hear(event: Event) -> None:
        if event.kind == "started" and event.step == "a":
            stop.ask()

    result = go(world, step("a", nodes=("n1",)), step("b", "a"), stop=stop, hear=hear)
    assert states(result)["a", "n1"] is State.CHANGED
    assert {states(result)["b", n] for n in NODES} == {State.NOT_STARTED}
    assert (result.stopped_by, result.exit_code) == ("interrupted", 130)
    assert go(world, step("a", nodes=("n1",)), step("b", "a")).ok


def test_a_second_stop_lets_go_at_once() -> None:
    world, stop = World(hangs={("a", "n1")}), Stop()

    def hear(event: Event) -> None:
        if event.kind == "progress":
            stop.ask()
            stop.ask()

    result = go(world, step("a", nodes=("n1",)), step("b", "a"), stop=stop, hear=hear)
    assert states(result)["a", "n1"] is State.INTERRUPTED
    assert result.exit_code == 130


def test_work_that_was_never_scheduled_is_accounted_for_when_stopped_hard_at_once() -> None:
    stop = Stop()

    def hear(event: Event) -> None:
        if event.kind == "run-started":
            stop.ask()
            stop.ask()

    result = go(World(), *(step(f"s{i}") for i in range(5)), stop=stop, hear=hear)
    assert len(result.outcomes) == 15
    assert not result.ok


def test_a_run_has_a_limit() -> None:
    result = go(World(hangs={("a", "n1")}), step("a"), deadline_s=0.2)
    assert states(result)["a", "n1"] is State.INTERRUPTED
    assert "longer than" in result.stopped_by


def test_a_subscriber_that_fails_does_not_reach_the_run() -> None:
    def broken(_: Event) -> None:
        raise RuntimeError("view")

    assert go(World(), step("a"), hear=broken).ok


def test_no_more_than_the_limits_at_once() -> None:
    running: dict[str, int] = dict.fromkeys(NODES, 0)
    most: dict[str, int] = dict.fromkeys(NODES, 0)

    def hear(event: Event) -> None:
        if event.kind == "started":
            running[event.node] += 1
            most[event.node] = max(most[event.node], running[event.node])
        elif event.kind == "ended":
            running[event.node] -= 1

    assert go(World(seed=3), *(step(f"s{i}") for i in range(20)), hear=hear, limits=Limits(per_node=2)).ok
    assert set(most.values()) == {2}


def test_fewer_links_than_nodes_are_enough() -> None:
    result = go(World(seed=5), *(step(f"s{i}") for i in range(4)), limits=Limits(nodes=1, per_node=1))
    assert result.totals["changed"] == 12


@st.composite
def random_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 6))):
        earlier = [s.name for s in steps if draw(st.integers(0, 2)) == 0]
        nodes = tuple(draw(st.lists(st.sampled_from(NODES), unique=True, min_size=1)))
        made = step(f"s{number}", nodes=nodes, serial=draw(st.booleans()))
        needs = tuple(Need(name=name, everywhere=draw(st.booleans())) for name in earlier)
        steps.append(Step(**{**made.__dict__, "needs": needs}))
    return tuple(steps)


@given(random_steps(), st.data(), st.integers(0, 999), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_any_interleaving_keeps_the_order_and_ends_the_same(
    steps: tuple[Step, ...], data: st.DataObject, one: int, other: int
) -> None:
    work = [(s.name, node) for s in steps for node in s.nodes]
    fails = {w for w in work if data.draw(st.integers(0, 6)) == 0}
    first, second = World(seed=one, fails=fails), World(seed=other, fails=fails)
    results = [go(world, *steps) for world in (first, second)]
    assert states(results[0]) == states(results[1])
    for world, result in zip((first, second), results, strict=True):
        begun = [w for what, w in world.log if what == "begun"]
        assert {w for w, o in result.outcomes.items() if o.state is State.BLOCKED}.isdisjoint(begun)
        by_name = {s.name: s for s in steps}
        for name, node in begun:
            before = world.log[: world.log.index(("begun", (name, node)))]
            for need in by_name[name].needs:
                for provider in by_name[need.name].nodes:
                    if need.everywhere or provider == node:
                        assert ("done", (need.name, provider)) in before
            if by_name[name].serial:
                nodes = by_name[name].nodes
                assert all(("done", (name, n)) in before for n in nodes[: nodes.index(node)])


class OrderedLink(FakeLink):
    """Remembers requests; a file differs, everything else holds."""

    async def call(self, operation: str, *, timeout_s: float, progress: Any = None, **arguments: Any) -> Any:
        if operation == "check":
            self.world.log.append((f"check {len(arguments['resources'])}", ("", self.node)))
            answers: list[dict[str, Any]] = [{"holds": True} for _ in arguments["resources"]]
            for answer, resource in zip(answers, arguments["resources"], strict=True):
                if resource["kind"] == "file" and not self.world.done:
                    answer.update(holds=False, why="content differs", verb="update", before="a", known=True)
            return answers
        kind = arguments["resource"]["kind"]
        self.world.log.append((f"apply {kind}", ("", self.node)))
        changed = kind in {"file", "unit"}
        return {"changed": changed, "did": kind, "verb": "update", "before": "a" if kind == "file" else None}


def test_one_round_trip_where_all_holds_and_all_after_a_change_is_looked_at_again() -> None:
    resources = (
        Command(what="first", check=("c",), apply=("a",)),
        File(path="/etc/x", content="b"),
        Unit(name="x", watches=("/etc/x",)),
    )
    whole = Step(name="a", title="A", nodes=("n1",), resources=lambda _: resources)
    world = World()

    async def opener(target: Target) -> OrderedLink:
        return OrderedLink(world, target.name)

    world.open = opener  # type: ignore[method-assign]
    result = go(world, whole)
    assert [what for what, _ in world.log] == ["check 3", "apply file", "apply unit"]
    assert [change.label for _, change in result.changes()] == ["file /etc/x", "unit x"]
    assert "+b" in next(result.changes())[1].diff
    world.log.clear()
    world.done.add(("", ""))
    assert go(world, whole).totals == {"ok": 1, "changes": 0}
    assert [what for what, _ in world.log] == ["check 3"]
