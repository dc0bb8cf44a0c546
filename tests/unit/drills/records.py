"""Small histories, for tests."""

from __future__ import annotations

from collections.abc import Iterable

from stackhaven.drills.history import Call, Entry, Event, Header, History, Outcome, Sample, history_of

DRILL = {"name": "test", "why": "a test", "do": "power-off vip-holder", "must": {"gap_s": 3.0}, "aim": {}}


def header(**changes: object) -> Header:
    fields: dict[str, object] = {
        "cloud": "lab",
        "drill": DRILL,
        "began": 0.0,
        "periods_s": {"token": 1.0, "servers": 1.0},
        "machine": {"nodes": ["c1", "c2", "c3"]},
    }
    return Header(**{**fields, **changes})  # type: ignore[arg-type]


def call(
    at: float, took: float = 0.1, outcome: Outcome = "ok", *, probe: str = "token", error: str = ""
) -> Call:
    return Call(probe=probe, at=at, end=at + took, outcome=outcome, error=error)


def event(at: float, kind: str, **data: object) -> Event:
    return Event(at=at, kind=kind, text=kind, data=data)


def vip(at: float, *holders: str, arp: str = "") -> Sample:
    return Sample(
        at=at, what="vip", data={"holders": list(holders), "arp": arp or (holders[0] if holders else "")}
    )


def member(at: float, node: str, *component: str, state: str = "synced") -> Sample:
    data = {"node": node, "state": state, "primary": bool(component), "component": list(component)}
    return Sample(at=at, what="member", data=data)


def status(asked: float, at: float, *degraded: str) -> Sample:
    return Sample(at=at, what="status", data={"asked": asked, "degraded": list(degraded), "nodes": {}})


def faulty(*entries: Entry, inject: float = 10.0, heal: float = 40.0, end: float = 60.0) -> History:
    """Load from 0 to `end`, broken from `inject` to `heal`, and the given entries."""
    return history_of(
        [
            header(),
            event(0.0, "load-begins"),
            event(inject, "inject", fault="power-off", nodes=["c1"]),
            event(inject, "injected"),
            event(heal, "heal"),
            event(heal, "healed"),
            event(end, "load-ends"),
            *entries,
        ]
    )


def series(dues: Iterable[float], bad: range | tuple[()] = ()) -> list[Call]:
    """A call at each time; those due within `bad` failed."""
    found = []
    for at in dues:
        failed = bool(bad) and bad.start <= at < bad.stop
        found.append(call(at, outcome="fail" if failed else "ok", error="refused" if failed else ""))
    return found
