"""The least that a drill's gap can be: what detection takes by the cloud's own settings (F-21, F-22). Pure.

A measured gap contains more: the way of the call, the probe's period, and what a new holder needs to begin. A figure
near the floor says that only other settings would make it shorter; one far above it says that something else waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stackhaven.design.formulas.platform import check_times, vrrp_takeover_s
from stackhaven.design.layout import Layout
from stackhaven.services.base import Listener
from stackhaven.services.contents import declarations_of
from stackhaven.services.haproxy import CONNECT_TIMEOUT_S
from stackhaven.services.keepalived import HIGHEST_PRIORITY
from stackhaven.services.mariadb import inactive_check_s

CONSENSUS = 1.2
"""Corosync agrees on who is left in so many tokens (`services.pacemaker`)."""
SILENT = frozenset({"power-off", "reset", "freeze-node", "cut-link", "partition", "partition-one-way"})
"""Faults after which a machine says nothing any more to some of the others."""
HOLDS_VIP = frozenset({"vip-holder", "busiest"})
WRITES = frozenset({"db-writer", "busiest"})


@dataclass(frozen=True, kw_only=True)
class Floor:
    """`says` how it comes about. `seconds` is None where a sentence is all there is."""

    seconds: float | None
    says: str


def floor_of(layout: Layout, do: str, *, writes: bool = True, said: str = "") -> Floor | None:
    """The floor of a drill's ``gap_s`` by its sentence.

    Args:
        layout: the cloud.
        do: the sentence.
        writes: whether a probe writes: while the database's members wait for a lost one they still answer reads.
        said: what the drill itself says of its floor.

    """
    parts = list(_parts(layout, do, writes=writes))
    if not parts:
        return Floor(seconds=None, says=said) if said else None
    seconds = max(part.seconds or 0.0 for part in parts)
    together = "; at the same time, so the longest counts" if len(parts) > 1 else ""
    says = "; ".join(part.says for part in parts) + together
    return Floor(seconds=round(seconds, 3), says=f"{says}. {said}" if said else says)


def floor_s(layout: Layout, do: str, *, writes: bool = True) -> float | None:
    """Only the seconds, None where no formula says."""
    found = floor_of(layout, do, writes=writes)
    return found.seconds if found else None


def _parts(layout: Layout, do: str, *, writes: bool) -> Iterator[Floor]:
    if len(layout.controllers) < 2:
        return
    match do.split():
        case [fault, target] if fault in SILENT:
            if target in HOLDS_VIP:
                yield vip_floor(layout)
            if target in WRITES:
                if writes:
                    yield _galera(layout)
                yield _writer_check(layout, "frozen" if fault == "freeze-node" else "silent")
        case ["freeze", "mariadb", "on", "db-writer"]:
            if writes:
                yield _galera(layout)
            yield _writer_check(layout, "failing")
        case ["kill" | "stop", "mariadb", "on", "db-writer"]:
            yield _writer_check(layout, "failing")


def vip_floor(layout: Layout) -> Floor:
    """Until another controller may take the VIP of one that is silent."""
    vip = layout.cloud.vip
    if vip.provider == "pacemaker":
        fenced = "" if vip.test_without_fencing else ", and what fencing takes"
        return Floor(
            seconds=vip.token_s * (1 + CONSENSUS),
            says=f"VIP: token {vip.token_s:g} s + consensus {CONSENSUS * vip.token_s:g} s{fenced}",
        )
    seconds = float(vrrp_takeover_s(vip.advert_interval_s, HIGHEST_PRIORITY, version=3))
    return Floor(
        seconds=seconds,
        says=f"VIP: 3 adverts of {vip.advert_interval_s:g} s + skew at priority {HIGHEST_PRIORITY} = {seconds:.3g} s "
        "from the last advert (F-21)",
    )


def _galera(layout: Layout) -> Floor:
    suspect = layout.cloud.database.suspect_timeout_s
    period = inactive_check_s(suspect)
    return Floor(
        seconds=suspect + period,
        says=f"Galera: suspect_timeout {suspect:g} s + inactive_check_period {period:g} s before the others commit",
    )


def _writer_check(layout: Layout, how: str) -> Floor:
    """Until the balancer takes the writer out; `how` its check ends: failing at once, silent or frozen."""
    listener = _writer(layout)
    inter_s = listener.inter_ms / 1000
    wait_s = {
        "failing": 0.0,
        "silent": min(CONNECT_TIMEOUT_S, inter_s),
        "frozen": listener.check_timeout_ms / 1000,
    }[how]
    waiting = f" + {wait_s:g} s for the last check's {'answer' if how == 'frozen' else 'connection'}"
    seconds = float(check_times(inter_s, fall=listener.fall).down_s) + wait_s
    return Floor(
        seconds=seconds,
        says=f"HAProxy: {listener.fall} checks of the writer every {inter_s:g} s{waiting if wait_s else ''} "
        f"= {seconds:.3g} s (F-22)",
    )


def _writer(layout: Layout) -> Listener:
    """The one listener behind which only one member is used."""
    return next(
        listener
        for declaration in declarations_of(layout)
        for listener in declaration.listeners
        if listener.single_writer
    )
