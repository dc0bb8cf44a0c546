"""How often a drill looks at the whole cloud: rarely, unless somebody waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.drills.ground import Ground
from stackhaven.drills.history import Event, Recorder
from stackhaven.drills.watch.status import LATE_SHARE, PERIOD_BEFORE_S, PERIOD_S, StatusWatcher

pytestmark = pytest.mark.unit


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(tmp_path)
    monkeypatch.setattr(recorder, "now", lambda: 300.0)
    return recorder


def period_with(recorder: Recorder, ground: Ground, *events: tuple[str, float]) -> float:
    for kind, at in events:
        recorder.add(Event(at=at, kind=kind, text=""))
    return StatusWatcher(ground, recorder).period_s()


def test_before_healing_it_looks_rarely(recorder: Recorder, lab: Ground) -> None:
    assert period_with(recorder, lab, ("inject", 20.0)) == PERIOD_BEFORE_S


@pytest.mark.parametrize("kind", ["heal", "repair-begins"])
def test_afterwards_a_short_wait_is_told_within_seconds(recorder: Recorder, lab: Ground, kind: str) -> None:
    assert period_with(recorder, lab, (kind, 290.0)) == PERIOD_S


def test_a_long_wait_is_told_late_by_a_share_of_it_counted_from_the_first_of_both(
    recorder: Recorder, lab: Ground
) -> None:
    period = period_with(recorder, lab, ("heal", 60.0), ("repair-begins", 90.0))
    assert period == pytest.approx(LATE_SHARE * 240.0)
