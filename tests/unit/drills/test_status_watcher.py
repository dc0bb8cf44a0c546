"""How often a drill looks at the whole cloud: rarely, unless somebody waits for it."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from stackhaven.drills.ground import Ground
from stackhaven.drills.history import Event, Recorder
from stackhaven.drills.watch import status
from stackhaven.drills.watch.status import (
    FIRST_S,
    LATE_SHARE,
    PERIOD_BEFORE_S,
    PERIOD_S,
    WHOLE_LOOK_S,
    StatusWatcher,
    lacks,
)
from stackhaven.observe.status.facts import CloudFacts, NodeFacts, OutsideFacts, UnitFact

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


@pytest.mark.parametrize("kind", ["heal", "repair-begins"])
def test_it_lets_calls_end_that_were_due_during_the_fault(recorder: Recorder, lab: Ground, kind: str) -> None:
    assert period_with(recorder, lab, (kind, 300.1 - FIRST_S)) == math.inf


def test_a_long_wait_is_told_late_by_a_share_of_it_counted_from_the_first_of_both(
    recorder: Recorder, lab: Ground
) -> None:
    period = period_with(recorder, lab, ("heal", 60.0), ("repair-begins", 90.0))
    assert period == pytest.approx(LATE_SHARE * 240.0)


RUNS = UnitFact(name="nova-api.service", state="active")
COMES = UnitFact(name="nova-api.service", state="activating")
WHOLE = NodeFacts(name="c1", reachable=True, units=(RUNS,))
AWAY = NodeFacts(name="c2", reachable=False)
STARTS = NodeFacts(name="c2", reachable=True, units=(COMES,))
BACK = NodeFacts(name="c2", reachable=True, units=(RUNS,))


def test_a_machine_lacks_something_when_it_is_away_or_a_program_is() -> None:
    assert [lacks(node) for node in (WHOLE, AWAY, STARTS, BACK)] == [False, True, True, False]


class Cloud:
    """Answers in order; remembers who was asked."""

    def __init__(self, *answers: NodeFacts) -> None:
        self.answers = list(answers)
        self.asked: list[Collection[str]] = []

    def everything(self, _ground: Ground) -> tuple[CloudFacts, tuple[()]]:
        self.asked.append("everything")
        return CloudFacts(at=0, nodes=(WHOLE, self.answers.pop(0)), outside=OutsideFacts(), seconds=0), ()

    async def some(self, *_: Any, among: Collection[str]) -> tuple[NodeFacts, ...]:
        self.asked.append(among)
        return tuple(self.answers.pop(0) for _ in among)


@pytest.fixture
def looks(recorder: Recorder, lab: Ground, monkeypatch: pytest.MonkeyPatch) -> Any:
    def looked(
        *answers: NodeFacts, times: int, seconds_apart: float = PERIOD_S, healed: bool = True
    ) -> Cloud:
        cloud = Cloud(*answers)
        monkeypatch.setattr(status, "status_of", cloud.everything)
        monkeypatch.setattr(status, "ask_nodes", cloud.some)
        if healed:
            recorder.add(Event(at=290.0, kind="heal", text=""))
        watcher = StatusWatcher(lab, recorder)
        for turn in range(times):
            monkeypatch.setattr(recorder, "now", lambda turn=turn: 300.0 + turn * seconds_apart)
            watcher.look()
        return cloud

    return looked


def test_while_a_machine_lacks_a_program_only_that_one_is_asked(looks: Any) -> None:
    cloud = looks(AWAY, STARTS, STARTS, BACK, BACK, times=4)
    assert cloud.asked == ["everything", ("c2",), ("c2",), ("c2",), "everything"]


def test_everything_is_looked_at_where_no_machine_lacks_any(looks: Any) -> None:
    assert looks(BACK, BACK, times=2).asked == ["everything", (), "everything"]


def test_a_look_at_everything_does_not_get_old(looks: Any) -> None:
    assert looks(AWAY, AWAY, times=2, seconds_apart=WHOLE_LOOK_S).asked == ["everything", "everything"]


def test_before_healing_everything_is_looked_at(looks: Any) -> None:
    assert looks(AWAY, AWAY, times=2, healed=False).asked == ["everything", "everything"]
