"""Availability arithmetic (F-20, F-39): downtime, series, parallel, k of n."""

from __future__ import annotations

from collections.abc import Iterable
from math import comb, log10, prod

HOURS_PER_YEAR = 365 * 24
SECONDS_PER_YEAR = HOURS_PER_YEAR * 3600
SECONDS_PER_DAY = 24 * 3600


def downtime_s_per_year(availability: float) -> float:
    """F-20: seconds a year of 365 days in which the service is not there."""
    return (1 - availability) * SECONDS_PER_YEAR


def downtime_s_per_day(availability: float) -> float:
    """F-20: the same per day."""
    return (1 - availability) * SECONDS_PER_DAY


def nines(availability: float) -> float:
    """How many nines: 3.0 is 99.9 %; infinite for a perfect service."""
    return float("inf") if availability >= 1 else -log10(1 - availability)


def from_repair(mtbf_h: float, mttr_h: float) -> float:
    """F-39: availability of one thing that fails every `mtbf_h` hours and takes `mttr_h` to repair."""
    return mtbf_h / (mtbf_h + mttr_h)


def series(parts: Iterable[float]) -> float:
    """F-39: all of them are needed."""
    return prod(parts)


def parallel(parts: Iterable[float]) -> float:
    """F-39: one of them is enough."""
    return 1 - prod(1 - a for a in parts)


def k_of_n(k: int, n: int, availability: float) -> float:
    """F-39: at least `k` of `n` alike and independent parts work."""
    down = 1 - availability
    lost = sum(comb(n, f) * down**f * availability ** (n - f) for f in range(n - k + 1, n + 1))
    return 1 - lost


def with_common_cause(k: int, n: int, availability: float, beta: float) -> float:
    """F-39 with the beta-factor model: the share `beta` of each part's downtime strikes all parts together."""
    down = 1 - availability
    return (1 - beta * down) * k_of_n(k, n, 1 - (1 - beta) * down)
