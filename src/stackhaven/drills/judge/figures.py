"""What a client saw, as figures. Pure; times in seconds since the drill began."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from stackhaven.drills.history import Call, History

SLOW_S = 1.0
"""A call that takes longer than this, and three times the usual worst, is not full service."""
RESOLUTION_S = 0.5
"""What a rare probe's longest gap has of its own period beyond this is no outage: nothing was asked meanwhile."""
SETTLE_S = 2.0
"""Full service must have lasted so long at the end of a window to be believed."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of a drill, ends included as in ``[begin, end)``."""

    begin: float
    end: float

    def holds(self, at: float) -> bool:
        """Whether a moment lies in it."""
        return self.begin <= at < self.end


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Of calls that succeeded; None where there was none."""

    median_s: float | None
    p99_s: float | None


@dataclass(frozen=True, kw_only=True)
class ProbeFigures:
    """One probe.

    Args:
        calls: how many were made; `failed` and `unknown` of them ended so, `cured` succeeded at their one retry.
        gap_s: longest time without success that ends after the fault, from success to success; `gap_at` its begin.
        gap_in_fault_s: the longest that began before healing did.
        outage_s: the longest gap that began before healing did, less what the period of a rare probe makes of it
            (see `RESOLUTION_S`) or what lies before the fault: the API was not away then.
        return_s: the same of the gaps that began while what was broken came back.
        usual_gap_s: `gap_s` before the fault: what the probe's own period and the machine's noise make of it.
        unavailable_s: all gaps longer than twice the usual one, added up, each less the usual one.
        full_service_s: from the fault until the last call that was bad or slow had ended, before healing; 0 when
            there was none, None when the service was not full again when healing began.
        after_heal_s: the same from the beginning of healing to the end of the load.

    """

    probe: str
    calls: int
    failed: int
    unknown: int
    cured: int
    errors: Mapping[str, int] = field(default_factory=dict)
    gap_s: float = 0.0
    gap_at: float = 0.0
    gap_in_fault_s: float = 0.0
    outage_s: float = 0.0
    return_s: float = 0.0
    usual_gap_s: float = 0.0
    unavailable_s: float = 0.0
    latency: Mapping[str, Latency] = field(default_factory=dict)
    full_service_s: float | None = 0.0
    after_heal_s: float | None = 0.0


def windows_of(history: History) -> dict[str, Window]:
    """``before``, ``during`` and ``after`` the fault. A drill that broke nothing has ``before`` only."""
    begin = history.first("load-begins") or 0.0
    end = max([history.end, begin])
    inject = history.first("inject")
    if inject is None:
        return {"before": Window(begin=begin, end=end)}
    heal = history.first("heal")
    heal = end if heal is None else heal
    return {
        "before": Window(begin=begin, end=inject),
        "during": Window(begin=inject, end=heal),
        "after": Window(begin=heal, end=end),
    }


def gaps(calls: Sequence[Call]) -> list[tuple[float, float]]:
    """The times without success as (begin, end): between ends of successes, and at both edges of the series."""
    if not calls:
        return []
    successes = sorted(call.end for call in calls if call.outcome == "ok")
    begin = min(call.at for call in calls)
    end = max(call.end for call in calls)
    moments = [begin, *successes, end]
    return [(a, b) for a, b in pairwise(moments) if b > a]


def longest(gap_list: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The longest gap as (length, begin); (0, 0) when there is none."""
    return max(((b - a, a) for a, b in gap_list), default=(0.0, 0.0))


def outage_s(gap_list: Iterable[tuple[float, float]], inject: float, period_s: float) -> float:
    """What the longest gap after a fault says of the API itself, and not of how seldom it is asked."""
    idle_s = max(0.0, period_s - RESOLUTION_S)
    return max((max(0.0, min(b - a - idle_s, b - inject)) for a, b in gap_list if b > inject), default=0.0)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all are not above; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latency(calls: Iterable[Call]) -> Latency:
    """Median and 99th percentile of the successes."""
    took = [call.latency_s for call in calls if call.outcome == "ok"]
    return Latency(median_s=percentile(took, 0.5), p99_s=percentile(took, 0.99))


def figures(history: History, probe: str) -> ProbeFigures:
    """Everything about one probe."""
    calls = [call for call in history.calls if call.probe == probe]
    windows = windows_of(history)
    by_window = {name: [c for c in calls if window.holds(c.at)] for name, window in windows.items()}
    inject = windows["during"].begin if "during" in windows else math.inf
    all_gaps = gaps(calls)
    usual, _ = longest(gap for gap in all_gaps if gap[1] <= inject)
    gap_s, gap_at = longest(gap for gap in all_gaps if gap[1] > inject)
    heal = windows["during"].end if "during" in windows else math.inf
    period_s = history.header.periods_s[probe]
    in_fault, _ = longest(gap for gap in all_gaps if gap[1] > inject and gap[0] < heal)
    before = latency(by_window["before"])
    slow_s = max(SLOW_S, 3 * (before.p99_s or 0.0))
    return ProbeFigures(
        probe=probe,
        calls=len(calls),
        failed=sum(1 for call in calls if call.outcome == "fail"),
        unknown=sum(1 for call in calls if call.outcome == "unknown"),
        cured=sum(1 for call in calls if call.outcome == "ok" and call.first_error),
        errors=dict(Counter(call.error for call in calls if call.outcome != "ok").most_common()),
        gap_s=gap_s,
        gap_at=gap_at,
        gap_in_fault_s=in_fault,
        outage_s=outage_s((gap for gap in all_gaps if gap[0] < heal), inject, period_s),
        return_s=outage_s((gap for gap in all_gaps if gap[0] >= heal), inject, period_s),
        usual_gap_s=usual,
        unavailable_s=sum(b - a - usual for a, b in all_gaps if b > inject and b - a > 2 * usual),
        latency={name: latency(some) for name, some in by_window.items()},
        full_service_s=_settled(by_window.get("during", []), windows.get("during"), slow_s),
        after_heal_s=_settled(by_window.get("after", []), windows.get("after"), slow_s),
    )


def _settled(calls: Sequence[Call], window: Window | None, slow_s: float) -> float | None:
    """From the window's begin to the end of its last bad call; None when that is at the window's end."""
    if window is None:
        return 0.0
    bad = [call for call in calls if call.outcome != "ok" or call.latency_s > slow_s]
    if not bad:
        return 0.0
    last_due, last_end = max(call.at for call in bad), max(call.end for call in bad)
    good_after = any(call.outcome == "ok" and call.at > last_due for call in calls)
    if not good_after or last_due > window.end - SETTLE_S:
        return None
    return last_end - window.begin
