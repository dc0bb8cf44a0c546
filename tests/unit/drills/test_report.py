from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.drills.history import Call, History
from stackhaven.drills.judge.verdict import judge
from stackhaven.drills.report.page import headline, page, seconds
from stackhaven.drills.report.timeline import BAD, GOOD, colour_of, holder_spans, timeline
from stackhaven.drills.series import kept, spread, spreads
from tests.unit.drills.records import call, event, faulty, member, series, status, vip

pytestmark = pytest.mark.unit


def outage() -> History:
    return faulty(
        *series(map(float, range(60)), range(12, 20)),
        vip(0.0, "c1"),
        vip(10.5),
        vip(11.0, "c2"),
        member(0.0, "c1", "a1", "a2"),
        member(10.2, "c1", state="off"),
        status(41.0, 43.0, "c1 does not answer"),
        status(50.0, 52.0),
        event(52.0, "whole"),
    )


def test_the_picture_is_xml_with_a_row_for_everything() -> None:
    root = ET.fromstring(timeline(outage()))
    rows = [text.text for text in root.iter("text") if text.get("class") == "row"]
    assert rows == ["VIP holder", "database c1", "whole?", "token"]
    fills = [rect.get("fill") for rect in root.iter("rect")]
    assert fills.count(BAD) == 8
    assert GOOD in fills


def test_the_page_holds_everything_and_loads_nothing() -> None:
    history = outage()
    text = page(history, judge(history))
    titles = re.findall(r"<h2>(.*?)</h2>", text)
    assert titles == [
        "Promises",
        "What clients saw",
        "What must always hold",
        "How hard the machine worked",
        "Remarks",
    ]
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", text)


def test_what_is_written_in_a_record_cannot_become_markup() -> None:
    history = faulty(call(1.0), event(2.0, "note"), event(3.0, "<script>alert(1)</script>"))
    sneaky = faulty(Call(probe="token", at=11.0, end=11.5, outcome="fail", error="<script>"))
    assert "<script>" not in page(sneaky, judge(sneaky))
    assert "<script>" not in page(history, judge(history))


def test_the_headline_says_how_long_how_many_and_what_was_missed() -> None:
    said = headline(judge(outage()))
    assert said == (
        "Longest time without success: 8.5 s (token), 0.5 s while it came back (token). 8 of 60 calls failed. "
        "Every member back after 12 s. MISSED: longest time without success of any API probe that began before healing."
    )


def test_a_promise_that_nothing_measured_is_not_kept() -> None:
    result = judge(faulty(vip(1.0, "c1")))
    assert not next(line for line in result.lines if line.what == "gap_s").kept


def test_one_flap_of_the_status_before_all_are_back_counts() -> None:
    flapping = faulty(
        call(1.0), status(41.0, 43.0), status(44.0, 46.0, "again"), status(47.0, 49.0), event(49.0, "whole")
    )
    assert judge(flapping).redundancy_s == pytest.approx(9.0)


def test_holders_become_spans_without_overlap() -> None:
    spans = holder_spans([vip(0.0, "c1"), vip(1.0, "c1"), vip(2.0), vip(3.0, "c1", "c2")], 9.0, ["c1", "c2"])
    assert [(s.begin, s.end, s.label) for s in spans] == [
        (0.0, 2.0, "c1"),
        (2.0, 3.0, "nobody"),
        (3.0, 9.0, "c1 + c2"),
    ]


@given(st.lists(st.sampled_from(["ok", "fail", "unknown"]), min_size=1))
def test_a_bin_shows_its_worst_call(outcomes: list[str]) -> None:
    calls = [call(1.0, outcome=outcome) for outcome in outcomes]  # type: ignore[arg-type]
    assert (colour_of(calls) == BAD) == ("fail" in outcomes)


def test_repeats_are_judged_by_their_median_but_what_must_never_happen_by_each() -> None:
    good, bad = judge(faulty(*series(map(float, range(60))))), judge(outage())
    assert spreads([good, bad, good])["gap_s"] == spread([0.5, 8.5, 0.5])
    assert kept([good, bad, good])
    assert not kept([good, bad, bad])
    split = judge(faulty(*series(map(float, range(60))), member(12.0, "c1", "a1"), member(12.1, "c2", "a2")))
    assert not kept([good, split, good])


def test_two_holders_in_one_repeat_are_not_excused_by_the_others() -> None:
    """It allows half a second of handover, and was therefore judged by the median like a time to wait."""
    once = vip(1.0, "c1")
    good = judge(faulty(*series(map(float, range(60))), once))
    two = judge(faulty(*series(map(float, range(60))), once, vip(12.0, "c1", "c2"), vip(13.5, "c2")))
    assert not kept([good, two, good])


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0\u00a0s"), (0.25, "250\u00a0ms"), (3.14, "3.1\u00a0s")]
)
def test_seconds_are_short(value: float | None, text: str) -> None:
    assert seconds(value) == text
