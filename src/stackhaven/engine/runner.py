"""Runs a plan: starts what is ready, in parallel where nothing forbids it; a failure blocks only what depends on it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from stackhaven.engine.execute import converge, look
from stackhaven.engine.journal import Event, Journal
from stackhaven.engine.link import LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.result import RunResult
from stackhaven.engine.stop import Stop
from stackhaven.engine.turn import Turn
from stackhaven.errors import HavenError
from stackhaven.plan.forecast import Look, forecast
from stackhaven.plan.graph import Graph
from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import Outcome, State
from stackhaven.plan.plan import Plan
from stackhaven.plan.schedule import Schedule
from stackhaven.plan.step import OnFailure

GRACE_S = 30.0
"""How long running work may go on after a stop was asked for."""


class Mode(StrEnum):
    """Look only, or bring about."""

    PLAN = "plan"
    APPLY = "apply"


async def run(
    plan: Plan,
    pool: Pool,
    *,
    mode: Mode,
    journal: Journal,
    masker: Masker,
    stop: Stop | None = None,
    limits: Limits | None = None,
    deadline_s: float = 4 * 3600.0,
) -> RunResult:
    """Run to the end, whatever happens on the way; the pool is left open.

    In `Mode.PLAN` nothing is changed and order does not matter: all nodes are looked at together and `result.pending`
    says what a run would do. `deadline_s` bounds the whole run; when it has passed the run stops as by a second Ctrl-C.
    """
    started = _Run(
        plan=plan,
        pool=pool,
        mode=mode,
        journal=journal,
        masker=masker,
        stop=stop or Stop(),
        limits=limits or Limits(),
    )
    return await started.run(deadline_s)


@dataclass(frozen=True)
class _Ended:
    vertex: int
    outcome: Outcome


class _Run:
    def __init__(
        self,
        *,
        plan: Plan,
        pool: Pool,
        mode: Mode,
        journal: Journal,
        masker: Masker,
        stop: Stop,
        limits: Limits,
    ) -> None:
        self._plan = plan
        self._pool = pool
        self._mode = mode
        self._journal = journal
        self._masker = masker
        self._stop = stop
        graph = plan.graph if mode is Mode.APPLY else _without_order(plan.graph)
        self._schedule = Schedule(graph, per_node=limits.per_node)
        self._most = limits.nodes * limits.per_node
        self._events: asyncio.Queue[_Ended | None] = asyncio.Queue()
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        self._outcomes: dict[tuple[str, str], Outcome] = {}
        self._looks: dict[tuple[str, str], Look] = {}
        self._turns = {name: Turn(step.restarts_at_once) for name, step in plan.by_name.items()}
        self._stopped_by = ""

    async def run(self, deadline_s: float) -> RunResult:
        began = time.monotonic()
        self._journal.emit(
            Event(
                kind="run-started",
                text=self._mode,
                data={"work": self._plan.work, "nodes": len(self._plan.nodes)},
            )
        )
        async with asyncio.TaskGroup() as group:
            watchers = [
                group.create_task(self._watch_stop()),
                group.create_task(self._watch_deadline(deadline_s)),
            ]
            while True:
                self._start_ready(group)
                if self._schedule.running == 0:
                    break
                ended = await self._events.get()
                if ended is not None:
                    self._finish(ended)
            for watcher in watchers:
                watcher.cancel()
        self._account_for_the_rest()
        result = RunResult(
            mode=self._mode,
            outcomes=self._outcomes,
            pending=forecast(self._plan, self._looks) if self._mode is Mode.PLAN else (),
            seconds=time.monotonic() - began,
            stopped_by=self._stopped_by,
        )
        self._journal.emit(
            Event(kind="run-ended", seconds=result.seconds, state=result.verdict, data=result.totals)
        )
        return result

    def _start_ready(self, group: asyncio.TaskGroup) -> None:
        while not self._stopped_by and self._schedule.running < self._most:
            vertex = self._schedule.take()
            if vertex is None:
                return
            task = group.create_task(self._work(vertex))
            task.add_done_callback(partial(self._hear, vertex))
            self._tasks[vertex] = task

    def _hear(self, vertex: int, task: asyncio.Task[Outcome]) -> None:
        """A callback, because a task that is cancelled before its first line runs nothing of its own."""
        step, node = self._name(vertex)
        cut_off = Outcome(
            step=step, node=node, state=State.INTERRUPTED, error="interrupted; its end is unknown"
        )
        self._events.put_nowait(_Ended(vertex, cut_off if task.cancelled() else task.result()))

    async def _work(self, vertex: int) -> Outcome:
        step, node = self._name(vertex)
        self._journal.emit(Event(kind="started", step=step, node=node, title=self._plan.by_name[step].title))
        began = time.monotonic()
        state = State.FAILED
        try:
            outcome = await self._perform(step, node)
            return replace(outcome, seconds=time.monotonic() - began)
        except LinkLostError as error:
            state, text = State.LOST, str(error)
        except HavenError as error:
            text = str(error)
        except Exception as error:
            text = f"a mistake in step {step}: {type(error).__name__}: {error}"
        seconds = time.monotonic() - began
        return Outcome(step=step, node=node, state=state, seconds=seconds, error=self._masker(text))

    async def _perform(self, step_name: str, node: str) -> Outcome:
        resources = self._plan.by_name[step_name].resources(node)
        done = Outcome(step=step_name, node=node, state=State.OK)
        if not resources:
            return done
        async with self._pool.use(node) as channel:
            if self._mode is Mode.PLAN:
                self._looks[step_name, node] = await look(channel, resources, self._masker)
                return done

            def note(text: str) -> None:
                self._journal.emit(Event(kind="progress", step=step_name, node=node, text=self._masker(text)))

            turn = self._turns[step_name]
            converged = await converge(channel, resources, self._masker, note, node=node, turn=turn)
        state = State.FAILED if converged.error else State.CHANGED if converged.changes else State.OK
        return replace(done, state=state, changes=converged.changes, error=converged.error)

    def _finish(self, ended: _Ended) -> None:
        outcome = ended.outcome
        self._tasks.pop(ended.vertex)
        self._record(outcome, "lost" if outcome.state is State.LOST else "ended")
        if outcome.state in {State.OK, State.CHANGED}:
            self._schedule.done(ended.vertex)
            return
        for blocked in self._schedule.failed(ended.vertex):
            step, node = self._name(blocked)
            cause = f"{outcome.step} on {outcome.node}"
            self._record(Outcome(step=step, node=node, state=State.BLOCKED, cause=cause), "blocked")
        if (
            self._plan.by_name[outcome.step].on_failure is OnFailure.STOP
            and outcome.state is not State.INTERRUPTED
        ):
            self._stopped_by = (
                self._stopped_by or f"{outcome.step} on {outcome.node} failed, which stops the run"
            )

    def _record(self, outcome: Outcome, kind: str) -> None:
        self._outcomes[outcome.step, outcome.node] = outcome
        event = Event(
            kind="lost" if kind == "lost" else "blocked" if kind == "blocked" else "ended",
            step=outcome.step,
            node=outcome.node,
            title=self._plan.by_name[outcome.step].title,
            state=outcome.state,
            seconds=outcome.seconds if kind != "blocked" else None,
            text=outcome.error or outcome.cause,
            changes=outcome.changes,
        )
        self._journal.emit(event)

    def _account_for_the_rest(self) -> None:
        for vertex in self._schedule.waiting():
            step, node = self._name(vertex)
            self._outcomes[step, node] = Outcome(
                step=step, node=node, state=State.NOT_STARTED, cause=self._stopped_by or "the run ended early"
            )

    async def _watch_stop(self) -> None:
        await self._stop.soft.wait()
        self._stopped_by = self._stopped_by or self._stop.reason
        self._journal.emit(
            Event(
                kind="note",
                text=f"{self._stop.reason}: nothing new starts; running steps get {GRACE_S:.0f} s",
            )
        )
        self._events.put_nowait(None)
        try:
            async with asyncio.timeout(GRACE_S):
                await self._stop.hard.wait()
        except TimeoutError:
            pass
        for task in list(self._tasks.values()):
            task.cancel()

    async def _watch_deadline(self, deadline_s: float) -> None:
        await asyncio.sleep(deadline_s)
        self._stop.ask(f"the run took longer than {deadline_s:.0f} s")
        self._stop.ask()

    def _name(self, vertex: int) -> tuple[str, str]:
        found = self._plan.graph.vertices[vertex]
        assert found.node is not None
        return found.step, found.node


def _without_order(graph: Graph) -> Graph:
    count = len(graph.vertices)
    return replace(graph, dependents=((),) * count, indegree=(0,) * count)
