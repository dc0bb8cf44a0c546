"""The recovery of a cloud: look, say, ask where something is at stake, make one move, look again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from stackhaven.engine.journal import Event, Journal, journal_path
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.screen import View
from stackhaven.engine.stop import Stop, stop_on_signals
from stackhaven.errors import HavenError
from stackhaven.observe.status.facts import ServiceFact
from stackhaven.observe.status.outside import look as look_from_outside
from stackhaven.operate.client_side import as_client
from stackhaven.operate.recover.database import broken_rule
from stackhaven.operate.recover.facts import CloudFacts
from stackhaven.operate.recover.gather import gather
from stackhaven.operate.recover.judge import Memory, Wishes, diagnose, diagnose_clients
from stackhaven.operate.recover.move import Diagnosis, Health, Move
from stackhaven.operate.recover.steps import steps_of
from stackhaven.operate.session import Session
from stackhaven.plan.outcome import State
from stackhaven.plan.plan import Plan

WAIT_S = 600.0
POLL_S = 1.0
SERVICES_S = 12.0
MOST_REPEATS = 3

Say = Callable[[tuple[Diagnosis, ...]], None]
Agree = Callable[[Move], bool]


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """How it ended. `seconds`: from the first look to the last; `silent`: nodes that did not answer, with why."""

    diagnoses: tuple[Diagnosis, ...]
    moves: tuple[Move, ...]
    silent: tuple[tuple[str, str], ...]
    seconds: float
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything that answers is healthy."""
        return not self.problem and all(d.health is Health.HEALTHY for d in self.diagnoses)


def propose(session: Session, wishes: Wishes) -> Recovered:
    """What would be done first, as if everything had been waited for; changes nothing."""
    began = time.time()
    memory = Memory(began=began, wishes=Wishes(take=wishes.take, forget=wishes.forget, patience_s=0))
    facts = asyncio.run(gather(session.site, session.targets))
    found = judge(session, facts, memory)
    return Recovered(
        diagnoses=found, moves=(), silent=tuple(facts.silent.items()), seconds=time.time() - began
    )


def recover(session: Session, wishes: Wishes, *, view: View, say: Say, agree: Agree) -> Recovered:
    """Bring everything back that can be. Safe to interrupt and to call again: it looks at what is there and goes on.

    Args:
        session: the cloud.
        wishes: what the operator chose beforehand.
        view: shows each move's run.
        say: hears the diagnoses whenever they change.
        agree: asked before a move that has something at stake.

    Raises:
        HavenError: another run holds this cloud (``busy``), or a rule would be broken (``recover-rule``).

    """
    with session.state.lock("haven recover"):
        return asyncio.run(_Recovery(session, wishes, view, say, agree).run())


def judge(session: Session, facts: CloudFacts, memory: Memory) -> tuple[Diagnosis, ...]:
    """The diagnoses now; OpenStack is asked for its services only when what it stands on is healthy."""
    clusters = diagnose(facts, session.layout, session.site.declared, memory=memory, now=time.time())
    if any(d.health is not Health.HEALTHY for d in clusters):
        return clusters
    services = services_of(session)
    if not services:
        return clusters
    last = diagnose_clients(services, facts, session.site.declared, memory=memory, now=time.time())
    return (*clusters, last)


def services_of(session: Session) -> tuple[ServiceFact, ...] | None:
    """What OpenStack says of its own programs; None where it cannot be asked."""
    try:
        outside = as_client(session.cloud, lambda: look_from_outside(session.site)).result(SERVICES_S)
    except (FutureTimeoutError, HavenError):
        return None
    return outside.services


class _Recovery:
    def __init__(self, session: Session, wishes: Wishes, view: View, say: Say, agree: Agree) -> None:
        self._session, self._view, self._say, self._agree = session, view, say, agree
        self._memory = Memory(began=time.time(), wishes=wishes)
        self._moves: list[Move] = []
        self._said: tuple[str, ...] = ()
        self._stop = Stop()

    async def run(self) -> Recovered:
        path = journal_path(self._session.state.runs, "recover")
        with Journal(path, self._session.masker) as journal, stop_on_signals(self._stop):
            while True:
                ended = await self._turn(journal)
                if ended is not None:
                    return ended

    async def _turn(self, journal: Journal) -> Recovered | None:
        """One look and at most one move; the end, when it is one."""
        facts = await gather(self._session.site, self._session.targets)
        found = await asyncio.to_thread(judge, self._session, facts, self._memory)
        self._tell(found, journal)
        if self._stop.soft.is_set():
            return self._end(facts, found, "interrupted; the same command goes on from here")
        move = next((d.move for d in found if d.move is not None), None)
        if move is not None:
            problem = self._allowed(move, facts) or await self._make(move, journal)
            return self._end(facts, found, problem) if problem else None
        waiting = [d for d in found if d.health is Health.WAITING]
        if waiting and time.time() - self._memory.began < WAIT_S:
            await asyncio.sleep(POLL_S)
            return None
        problem = f"still waiting after {WAIT_S:.0f} s: {waiting[0].sentence}" if waiting else ""
        return self._end(facts, found, problem)

    def _tell(self, found: tuple[Diagnosis, ...], journal: Journal) -> None:
        for diagnosis in found:
            journal.emit(
                Event(kind="note", text=f"{diagnosis.area}: {diagnosis.sentence}", state=diagnosis.health)
            )
        said = tuple("" if d.health is Health.WAITING else d.sentence for d in found)
        if said != self._said:
            self._said = said
            self._say(found)

    def _allowed(self, move: Move, facts: CloudFacts) -> str:
        """Why the move is not made; empty if it is."""
        rule = broken_rule(move, facts.database, self._memory.wishes.take) if move.area == "database" else ""
        if rule:
            raise HavenError(
                f"refusing to {move.sentence}: {rule}",
                why="this would break a rule that keeps commits safe",
                todo="haven recover --dry-run shows who has what",
                rule="recover-rule",
            )
        repeats = Counter((m.name, m.nodes, tuple(m.details.items())) for m in self._moves)
        if repeats[move.name, move.nodes, tuple(move.details.items())] >= MOST_REPEATS:
            return f"made {MOST_REPEATS} times without effect: {move.sentence}"
        if move.stake and not self._agree(move):
            return f"not agreed: {move.sentence}"
        return ""

    async def _make(self, move: Move, journal: Journal) -> str:
        """Carry it out; why it failed, or nothing."""
        limits = Limits()
        pool = Pool(self._session.targets, limits)
        # A stage of its own for each move, so that the view shows this one only; the journal hears it all.
        stage = Journal(None, self._session.masker)
        stage.subscribe(journal.emit)
        with self._view.shown(stage):
            try:
                result = await run(
                    Plan.of(steps_of(move, self._session.layout)),
                    pool,
                    mode=Mode.APPLY,
                    journal=stage,
                    masker=self._session.masker,
                    stop=self._stop,
                    limits=limits,
                )
            finally:
                await pool.close()
        self._moves.append(move)
        self._memory.moved(move)
        if result.ok:
            return ""
        bad = result.having(State.FAILED, State.LOST, State.INTERRUPTED, State.NOT_STARTED)
        return f"{move.sentence}: " + "; ".join(f"{o.node}: {o.error or o.cause}" for o in bad)

    def _end(self, facts: CloudFacts, found: tuple[Diagnosis, ...], problem: str) -> Recovered:
        return Recovered(
            diagnoses=found,
            moves=tuple(self._moves),
            silent=tuple(facts.silent.items()),
            seconds=time.time() - self._memory.began,
            problem=problem,
        )
