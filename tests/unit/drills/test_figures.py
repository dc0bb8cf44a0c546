from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.drills.history import Call
from stackhaven.drills.judge.figures import figures, gaps, longest, outage_s, percentile, windows_of
from tests.unit.drills.records import call, event, faulty, header, history_of, series

pytestmark = pytest.mark.unit

CALLS = st.lists(
    st.builds(
        call,
        at=st.integers(0, 60).map(float),
        took=st.integers(0, 20).map(float),
        outcome=st.sampled_from(["ok", "fail", "unknown"]),
    ),
    min_size=1,
    max_size=30,
)


def brute_longest(calls: list[Call]) -> float:
    """Walk second by second: how long at most nothing succeeded, within the series."""
    begin, end = int(min(c.at for c in calls)), int(max(c.end for c in calls))
    successes = {int(c.end) for c in calls if c.outcome == "ok"}
    best, since = 0, begin
    for second in range(begin, end + 1):
        if second in successes:
            best, since = max(best, second - since), second
    return max(best, end - since)


@given(CALLS)
def test_longest_time_without_success_is_what_a_clock_would_count(calls: list[Call]) -> None:
    assert longest(gaps(calls))[0] == brute_longest(calls)


@given(CALLS)
def test_gaps_cover_the_whole_series_without_overlap(calls: list[Call]) -> None:
    found = gaps(calls)
    assert sum(b - a for a, b in found) == max(c.end for c in calls) - min(c.at for c in calls)
    assert all(a[1] == b[0] for a, b in pairwise(found))


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_percentile_is_a_value_with_enough_values_not_above_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(1 for value in values if value <= found) >= share * len(values) - 1e-6


def test_a_late_answer_counts_from_when_its_call_was_due() -> None:
    slow = [call(float(at)) for at in range(10)] + [call(10.0, 5.0), call(11.0, 4.0), call(12.0, 3.1)]
    found = figures(faulty(*slow, inject=9.5, heal=15.5, end=16.0), "token")
    assert found.failed == 0
    assert found.gap_s == pytest.approx(15.0 - 9.1)


def test_an_outage_is_told_with_its_length_kinds_and_end() -> None:
    found = figures(faulty(*series(map(float, range(60)), range(12, 20))), "token")
    assert found.failed == 8
    assert found.errors == {"refused": 8}
    assert found.gap_s == pytest.approx(9.0)
    assert found.gap_at == pytest.approx(11.1)
    assert found.usual_gap_s == pytest.approx(1.0)
    assert found.unavailable_s == pytest.approx(8.0)
    assert found.full_service_s == pytest.approx(19.1 - 10.0)
    assert found.after_heal_s == 0.0


def test_service_that_is_not_full_until_healing_has_no_time_to_full_service() -> None:
    found = figures(faulty(*series(map(float, range(60)), range(12, 40))), "token")
    assert found.full_service_s is None


def test_a_gap_that_begins_with_healing_is_told_apart() -> None:
    found = figures(faulty(*series(map(float, range(60)), range(41, 50))), "token")
    assert (found.gap_s, found.gap_in_fault_s) == (pytest.approx(10.0), pytest.approx(1.0))


def test_what_is_slow_while_a_machine_comes_back_is_told_apart_from_its_loss() -> None:
    calls = (*series(map(float, range(30)), range(12, 15)), *series(map(float, range(30, 60)), range(45, 52)))
    lost = figures(faulty(*calls), "token")
    assert lost.gap_s == pytest.approx(8.0)
    assert lost.outage_s == pytest.approx(4.0 - 0.5)
    assert lost.return_s == pytest.approx(8.0 - 0.5)
    spanning = figures(faulty(*series(map(float, range(60)), range(35, 50))), "token")
    assert (spanning.outage_s, spanning.return_s) == (pytest.approx(15.5), pytest.approx(0.5))


def test_gaps_before_the_fault_are_not_its_doing() -> None:
    found = figures(faulty(*series(map(float, range(60)), range(2, 8))), "token")
    assert found.usual_gap_s == pytest.approx(7.0)
    assert found.gap_s == pytest.approx(1.0)
    assert found.unavailable_s == 0.0


def test_calls_cured_by_their_retry_are_no_failures() -> None:
    cured = Call(probe="token", at=11.0, end=11.3, outcome="ok", attempts=2, first_error="refused")
    found = figures(faulty(call(1.0), cured, call(12.0)), "token")
    assert (found.failed, found.cured) == (0, 1)


@pytest.mark.parametrize(
    ("gap", "period_s", "away_s"),
    [
        ((9.0, 13.0), 0.5, 3.0),
        ((9.0, 13.0), 1.5, 3.0),
        ((9.0, 13.0), 4.0, 0.5),
        ((7.0, 16.0), 4.0, 5.5),
        ((5.0, 16.0), 4.0, 6.0),
        ((11.0, 15.0), 4.0, 0.5),
        ((11.0, 12.0), 4.0, 0.0),
        ((1.0, 9.0), 0.5, 0.0),
    ],
)
def test_an_outage_neither_begins_before_its_fault_nor_counts_the_pauses_of_its_probe(
    gap: tuple[float, float], period_s: float, away_s: float
) -> None:
    assert outage_s([gap], 10.0, period_s) == pytest.approx(away_s)


@given(CALLS, st.integers(0, 60).map(float), st.sampled_from([0.5, 1.0, 2.0, 4.0]))
def test_an_outage_is_at_most_the_longest_gap_and_what_lies_after_the_fault(
    calls: list[Call], inject: float, period_s: float
) -> None:
    after = [(a, b) for a, b in gaps(calls) if b > inject]
    found = outage_s(gaps(calls), inject, period_s)
    assert 0.0 <= found <= longest(after)[0]
    assert found <= max((b for _, b in after), default=inject) - inject
    assert found >= longest((max(a, inject), b) for a, b in after)[0] - period_s


def test_a_drill_that_broke_nothing_has_one_window() -> None:
    history = history_of([header(), event(0.0, "load-begins"), call(1.0), call(2.0)])
    assert list(windows_of(history)) == ["before"]
    assert figures(history, "token").gap_s == 0.0
