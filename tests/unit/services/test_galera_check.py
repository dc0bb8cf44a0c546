"""The program beside a database member: what it tells of the member, and when it ends the member's sessions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

check = program("mariadb", "galera_check")
SYNCED = {"running": True, "synced": True}


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(check, "time", clock)
    return clock


def member(monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]) -> Any:
    made = check.Member()
    monkeypatch.setattr(made, "_ask", lambda: answers.pop(0))
    return made


def test_an_answer_is_told_while_it_is_young_and_then_that_there_is_none(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = member(monkeypatch, [SYNCED])
    assert not asked.state()["running"]
    asked.look()
    clock.now += 1.0
    assert asked.state() == SYNCED
    clock.now += 0.1
    assert asked.state() == {"running": False, "reason": "no answer"}


def test_nobody_waits_for_a_database_that_stands_still(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that hung until its deadline, twice, was what a frozen writer cost before anything else."""
    asked = check.Member()
    monkeypatch.setattr(asked, "_ask", lambda: pytest.fail("a check asked the database itself"))
    clock.now += 60
    assert not asked.state()["running"]


NOT_PRIMARY = {"running": True, "primary": False, "synced": False}
DONOR = {"running": True, "primary": True, "synced": False}
DEAD = {"running": False, "reason": "OperationalError"}


@pytest.mark.parametrize(
    ("answer", "at_once", "later"),
    [(NOT_PRIMARY, True, False), (DONOR, False, False), (DEAD, False, False), (SYNCED, True, True)],
)
def test_members_that_agree_on_a_new_component_keep_their_clients_for_a_moment(
    answer: dict[str, Any], at_once: bool, later: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = member(
        monkeypatch, [{**SYNCED, "primary": True}, {"primary": True, **answer}, {"primary": True, **answer}]
    )
    asked.look()
    clock.now += 0.5
    asked.look()
    assert asked.serves()[0] is at_once
    clock.now += 0.5
    asked.look()
    assert asked.serves()[0] is later


def test_sessions_end_when_a_member_was_not_synced_for_a_moment_and_not_before(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [True, True, False, False, False, False, False, True, False, True]
    asked = member(monkeypatch, [{"running": True, "synced": synced} for synced in looks])
    ended = []
    for _ in looks:
        asked.look()
        ended.append(check.sessions_to_end(asked.synced_at, clock.now))
        clock.now += 0.5
    assert ended == [False] * 4 + [True, True, True] + [False] * 3


def test_sessions_end_while_a_look_hangs(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = member(monkeypatch, [SYNCED])
    asked.look()
    clock.now += 1.5
    assert check.sessions_to_end(asked.synced_at, clock.now)


LEFT = {
    "running": True,
    "synced": False,
    "status": {"wsrep_cluster_status": "Disconnected", "wsrep_connected": "OFF"},
}
CUT_OFF = {
    "running": True,
    "synced": False,
    "status": {"wsrep_cluster_status": "non-Primary", "wsrep_connected": "ON"},
}


def seconds_until_anew(
    answers: list[dict[str, Any]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """After how many seconds, with an answer in each, the server is started anew."""
    asked, patience, began = member(monkeypatch, answers), check.Patience(), clock.now
    found = []
    while answers:
        asked.look()
        if patience.is_over(asked, clock.now):
            found.append(round(clock.now - began))
        clock.now += 1
    return found


def test_a_server_that_has_left_its_group_for_good_is_started_anew_and_more_patiently_each_time_in_vain(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An incremental transfer that lacked its last write set left a member without its group until somebody came."""
    starts = [DEAD] * 5
    answers = [SYNCED, *[LEFT] * 11, *starts, *[LEFT] * 21, *starts, SYNCED, *[LEFT] * 11]
    assert seconds_until_anew(answers, clock, monkeypatch) == [11, 37, 54]


@pytest.mark.parametrize("other", [CUT_OFF, DEAD, DONOR, SYNCED])
def test_who_is_cut_off_or_starts_or_was_away_for_a_moment_is_left_alone(
    other: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seconds_until_anew([other] * 60, clock, monkeypatch) == []
    assert seconds_until_anew([*[LEFT] * 9, other] * 5, clock, monkeypatch) == []
