"""From a record to its result: figures, what held, and which promises were kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stackhaven.drills.drill import AT_LEAST, PROMISES
from stackhaven.drills.history import History, Sample
from stackhaven.drills.judge.figures import ProbeFigures, Window, figures, windows_of
from stackhaven.drills.judge.invariants import Invariants, invariants, longest_s
from stackhaven.drills.judge.ledger import LedgerVerdict, audit

HANDOVER_S = 0.5
"""A holder lets go when it hears the advert of one that goes before it: for that moment both have the address."""
API_PROBES_EXCEPT = ("ping", "guest-", "boot")
"""How the names of probes begin that do not ask an API."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One promise. `measured` is None where nothing was measured, which is not kept either."""

    what: str
    measured: float | None
    must: float
    aim: float | None = None
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether it was."""
        if self.measured is None:
            return False
        return self.measured >= self.must if self.at_least else self.measured <= self.must

    @property
    def in_each(self) -> bool:
        """Whether every repeat must keep it: what must never happen is not excused by a median."""
        return never(self.what, self.must)


def never(what: str, must: float) -> bool:
    """Whether a promise says that something never happens: it allows nothing, or every drill promises it."""
    return must == 0.0 or what not in PROMISES


@dataclass(frozen=True, kw_only=True)
class Load:
    """How hard the machine worked in a window, in percent of its time. None where it was not watched."""

    waited: float | None
    busy: float | None
    steal: float | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything that a record says. `measured`: by the names of `drill.PROMISES`, promised or not."""

    drill: Mapping[str, Any]
    cloud: str
    began: float
    strike: str
    probes: tuple[ProbeFigures, ...]
    invariants: Invariants
    ledger: LedgerVerdict
    redundancy_s: float | None
    machine: Mapping[str, Load] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    measured: Mapping[str, float | None] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(line.kept for line in self.lines)

    def as_data(self) -> dict[str, Any]:
        """JSON-safe, with the verdict."""
        data = asdict(self)
        for line, written in zip(self.lines, data["lines"], strict=True):
            written |= {"kept": line.kept, "in_each": line.in_each}
        return {"kept": self.kept, **data}


def judge(history: History) -> Result:
    """The result of a record."""
    drill = history.header.drill
    probes = tuple(figures(history, name) for name in history.probes())
    seen = invariants(history)
    ledger = audit(history.writes, history.found)
    redundancy = redundancy_s(history)
    measured = measures(history, probes, seen, redundancy)
    inject = next((event for event in history.events if event.kind == "inject"), None)
    return Result(
        drill=drill,
        cloud=history.header.cloud,
        began=history.header.began,
        strike=inject.text if inject else "nothing was broken",
        probes=probes,
        invariants=seen,
        ledger=ledger,
        redundancy_s=redundancy,
        machine={name: machine_load(history, window) for name, window in windows_of(history).items()},
        lines=tuple(_lines(drill, measured, seen, ledger)),
        measured={what: None if value is None else round(value, 3) for what, value in measured.items()},
        remarks=tuple(event.text for event in history.events if event.kind == "note"),
    )


def redundancy_s(history: History) -> float | None:
    """Until every member was back: from healing, or from the fault where the cloud mends itself. None: never seen.

    The status is asked every few seconds, so this is late by up to that much, never early.
    """
    start = next((e.at for e in history.events if e.kind == "repair-begins"), history.first("heal"))
    told = [event.at for event in history.events if event.kind == "whole"]
    if start is None or not told:
        return None
    asked = [
        sample
        for sample in history.samples
        if sample.what == "status" and float(sample.data["asked"]) >= start and sample.at <= told[-1]
    ]
    last_degraded = max((sample.at for sample in asked if sample.data["degraded"]), default=start)
    whole = [sample.at for sample in asked if sample.at > last_degraded and not sample.data["degraded"]]
    return whole[0] - start if whole else told[-1] - start


def measures(
    history: History, probes: tuple[ProbeFigures, ...], seen: Invariants, redundancy: float | None
) -> dict[str, float | None]:
    """By the names of `drill.PROMISES`; absent where nothing measures it."""
    apis = api_probes(probes)
    found: dict[str, float | None] = {"redundancy_s": redundancy}
    if apis:
        found["gap_s"] = max(probe.outage_s for probe in apis)
        found["return_gap_s"] = max(probe.return_s for probe in apis)
        found["failed_calls"] = float(sum(probe.failed + probe.unknown for probe in apis))
    if seen.watched:
        found["vip_gap_s"] = longest_s(seen.no_holder)
    for probe in probes:
        if probe.probe == "ping":
            found["floating_gap_s"] = probe.gap_s
    found |= boots(history)
    for event in history.events:
        if event.kind == "measured":
            found[str(event.data["what"])] = float(event.data["value"])
    return found


def api_probes(probes: Iterable[ProbeFigures]) -> list[ProbeFigures]:
    """Those that ask an API."""
    return [probe for probe in probes if not probe.probe.startswith(API_PROBES_EXCEPT)]


def boots(history: History) -> dict[str, float | None]:
    """How many servers asked for during the fault became ACTIVE, and when the first did after healing began."""
    calls = [call for call in history.calls if call.probe == "boot"]
    windows = windows_of(history)
    if not calls or "during" not in windows:
        return {}
    asked = [call for call in calls if windows["during"].holds(call.at)]
    good = sum(1 for call in asked if call.outcome == "ok")
    heal = windows["after"].begin
    first = min((call.end for call in calls if call.outcome == "ok" and call.end > heal), default=None)
    return {
        "boot_share": round(100 * good / len(asked), 1) if asked else None,
        "boot_s": None if first is None else first - heal,
    }


def machine_load(history: History, window: Window) -> Load:
    """Shares of the window, from the counters at its ends."""
    samples = [s for s in history.samples if s.what == "cpu" and window.holds(s.at)]
    if len(samples) < 2 or samples[-1].at <= samples[0].at:
        return Load(waited=None, busy=None, steal=None)
    first, last = samples[0], samples[-1]
    total = _grown(first, last, "total") or 1
    return Load(
        waited=round(_grown(first, last, "waited_us") / (last.at - first.at) / 1e4, 1),
        busy=round(100 * _grown(first, last, "busy") / total, 1),
        steal=round(100 * _grown(first, last, "steal") / total, 1),
    )


def _grown(first: Sample, last: Sample, key: str) -> float:
    return float(last.data[key]) - float(first.data[key])


def _lines(
    drill: Mapping[str, Any], measured: Mapping[str, float | None], seen: Invariants, ledger: LedgerVerdict
) -> Iterator[Line]:
    aims = drill.get("aim", {})
    for what, must in drill.get("must", {}).items():
        value = measured.get(what)
        yield Line(
            what=what,
            measured=None if value is None else round(value, 3),
            must=must,
            aim=aims.get(what),
            at_least=what in AT_LEAST,
        )
    if seen.watched:
        yield Line(what="two VIP holders, s", measured=round(longest_s(seen.two_holders), 3), must=HANDOVER_S)
        yield Line(what="two primary components, s", measured=round(longest_s(seen.split_brain), 3), must=0.0)
    if ledger.acknowledged:
        unread = None if ledger.unread else float(ledger.wrong)
        yield Line(what="acknowledged writes not kept", measured=unread, must=0.0)
