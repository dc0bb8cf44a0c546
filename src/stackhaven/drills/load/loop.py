"""The open loop: a call is due at fixed times whether or not the last one has come back.

A closed loop waits for a slow cloud and so counts one bad call where clients would have made fifty. Here a late answer
counts from when its call was due.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from stackhaven.drills.errors import DrillError
from stackhaven.drills.history import Call, Outcome, Recorder
from stackhaven.drills.load.client import Attempt, Client, ProbeFailed
from stackhaven.drills.load.place import there

OK: Outcome = "ok"
AfterHealing = Literal["all", "one", "none"]
RETRY_AFTER_S = 0.1
LEAST_S = 0.05
MARGIN_S = 10.0
FOLLOW_AFTER_S = 0.5
FOLLOW_UPS = 6
"""Calls besides the regular ones, from a failure to the next success of its probe: they find the end of a short outage
sooner than the next regular call of a rare probe, and are too few to weigh on a cloud that is long away."""
SOUGHT_AFTER_S = 2.0
"""Where the first success is what matters, a failure is followed by the next try for as long as that takes."""
PULSE_S = 0.1
STOOD_STILL_S = 1.0
"""A load that is this late itself measures the machine it runs on, not the cloud."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One kind of call.

    Args:
        name: as in records and drills.
        does: one line for `haven drill list`.
        period_s: time between two calls.
        deadline_s: from when a call is due to when it counts as failed.
        attempt: makes the call within the seconds it is given; raises ProbeFailed.
        retries: whether an attempt is repeated once, as a client's library would, when it surely did nothing or when
            the repeat cannot do it twice.
        patience_s: what the first attempt may take, where repeating is harmless.
        needs: services of the cloud without which it has nobody to call.
        after_healing: whether calls go on when healing has begun, until one that was due then has succeeded, or not
            at all. For calls that cost the cloud so much that more of them would measure themselves.

    """

    name: str
    does: str
    period_s: float
    deadline_s: float
    attempt: Attempt
    retries: bool = True
    patience_s: float = math.inf
    needs: tuple[str, ...] = ()
    after_healing: AfterHealing = "all"

    def is_over(self, healing_since: float | None, succeeded_due: float) -> bool:
        """Whether no call need follow; `succeeded_due` is when the last one that succeeded was due."""
        if self.after_healing == "all" or healing_since is None:
            return False
        return self.after_healing == "none" or succeeded_due >= healing_since


async def one_call(probe: Probe, client: Client, due: float, now: Callable[[], float]) -> Call:
    """Make one call to its end, with its one retry, in the time it has left since it was due."""
    ends = due + probe.deadline_s
    first: ProbeFailed | None = None
    attempt, outcome, error = probe.attempt, OK, ""
    while True:
        left = ends - now()
        if first is None:
            left = min(left, probe.patience_s)
        try:
            await _attempt(attempt, client, max(LEAST_S, left))
        except ProbeFailed as failed:
            repeat = failed.repeat if failed.outcome == "unknown" else probe.attempt
            if first is None and repeat and probe.retries and ends - now() > RETRY_AFTER_S + LEAST_S:
                first, attempt = failed, repeat
                await asyncio.sleep(RETRY_AFTER_S)
                continue
            unsure = first is not None and first.outcome == "unknown"
            outcome, error = "unknown" if unsure else failed.outcome, failed.kind
        return Call(
            probe=probe.name,
            at=due,
            end=now(),
            outcome=outcome,
            error=error,
            attempts=1 if first is None else 2,
            first_error="" if first is None else first.kind,
        )


async def _attempt(attempt: Attempt, client: Client, timeout_s: float) -> None:
    """One attempt; an answer of a shape that nobody expects is an outcome, not the end of the load."""
    try:
        await attempt(client, timeout_s)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ProbeFailed(f"strange answer: {type(error).__name__}", "unknown") from None


class Load:
    """Probes that run in a thread of their own, standing where clients stand."""

    def __init__(
        self, probes: Sequence[Probe], client: Client, recorder: Recorder, stand: Callable[[], None]
    ) -> None:
        self._probes = tuple(probes)
        self._client = client
        self._recorder = recorder
        self._stand = stand
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._succeeded_due: dict[str, float] = {}
        self._under_way: Counter[str] = Counter()
        self._follow_ups = {probe.name: FOLLOW_UPS for probe in self._probes}
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Begin to call; due times are spread so that probes do not call all at once."""
        self._thread.start()

    def stop(self) -> None:
        """Make no new call, and wait for those under way.

        Raises:
            DrillError: rule ``drill-load``, the load itself came to grief.

        """
        self._stop.set()
        longest = max((probe.deadline_s for probe in self._probes), default=0.0)
        self._thread.join(longest + MARGIN_S)
        if self._failure is not None or self._thread.is_alive():
            raise DrillError(
                f"the load came to grief: {self._failure or 'it does not end'}", rule="drill-load"
            )

    def _run(self) -> None:
        try:
            self._stand()
            asyncio.run(self._all())
        except BaseException as error:
            self._failure = error

    async def _all(self) -> None:
        begin = self._recorder.now()
        spread = {
            probe.name: number * 0.5 / max(1, len(self._probes)) for number, probe in enumerate(self._probes)
        }
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pulse())
            for probe in self._probes:
                group.create_task(self._series(probe, begin + spread[probe.name]))

    async def _pulse(self) -> None:
        """Write down when the load itself got no processor time: what failed then was not the cloud's fault."""
        while not self._stop.is_set():
            before = self._recorder.now()
            await asyncio.sleep(PULSE_S)
            late_s = self._recorder.now() - before - PULSE_S
            if late_s > STOOD_STILL_S:
                self._recorder.event("note", f"the load itself stood still for {late_s:.1f} s", late_s=late_s)

    async def _series(self, probe: Probe, first_due: float) -> None:
        number = 0
        async with asyncio.TaskGroup() as group:
            while not self._stop.is_set() and not self._is_over(probe):
                due = first_due + number * probe.period_s
                wait = due - self._recorder.now()
                if wait > 0:
                    await asyncio.sleep(min(wait, 0.5))
                    continue
                group.create_task(self._one(probe, due))
                number += 1

    def _is_over(self, probe: Probe) -> bool:
        return probe.is_over(self._recorder.first("heal"), self._succeeded_due.get(probe.name, -math.inf))

    async def _one(self, probe: Probe, due: float) -> None:
        self._under_way[probe.name] += 1
        call = await one_call(probe, self._client, due, self._recorder.now)
        self._under_way[probe.name] -= 1
        self._recorder.add(call)
        if call.outcome == OK:
            self._succeeded_due[probe.name] = max(due, self._succeeded_due.get(probe.name, due))
            self._follow_ups[probe.name] = FOLLOW_UPS
        elif probe.after_healing == "one":
            await self._seek(probe)
        elif probe.after_healing == "all" and probe.period_s > FOLLOW_AFTER_S:
            await self._follow(probe, due)

    async def _follow(self, probe: Probe, failed_due: float) -> None:
        """Call a rare probe again soon after a failure, if it has not succeeded meanwhile."""
        await asyncio.sleep(FOLLOW_AFTER_S)
        cured = self._succeeded_due.get(probe.name, -math.inf) > failed_due
        if self._follow_ups[probe.name] > 0 and not cured and not self._stop.is_set():
            self._follow_ups[probe.name] -= 1
            await self._one(probe, self._recorder.now())

    async def _seek(self, probe: Probe) -> None:
        """Try again for the first success, unless a try is under way already."""
        await asyncio.sleep(SOUGHT_AFTER_S)
        if not (self._under_way[probe.name] or self._stop.is_set() or self._is_over(probe)):
            await self._one(probe, self._recorder.now())


def rehearse(probes: Sequence[Probe], client: Client, stand: Callable[[], None]) -> dict[str, str]:
    """One call of every probe before anything is broken; gives those that failed, with why."""
    failed: dict[str, str] = {}

    async def one(probe: Probe) -> None:
        try:
            await _attempt(probe.attempt, client, probe.deadline_s)
        except ProbeFailed as error:
            failed[probe.name] = error.kind

    async def everyone() -> None:
        async with asyncio.TaskGroup() as group:
            for probe in probes:
                group.create_task(one(probe))

    longest = max((probe.deadline_s for probe in probes), default=0)
    there(stand, everyone, timeout_s=longest + MARGIN_S)
    return failed
