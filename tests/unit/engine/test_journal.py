from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stackhaven.engine.history import find_run, list_runs, read_run
from stackhaven.engine.journal import Event, Journal, journal_path
from stackhaven.errors import HavenError
from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import Change

pytestmark = pytest.mark.unit

CHANGE = Change(
    label="file /etc/x", kind="file", verb="update", did="content updated", diff="+password = hunter22"
)


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_lines_that_say_only_what_applies_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "x.jsonl"
    with Journal(path, Masker(["hunter22"])) as journal:
        journal.emit(Event(kind="started", at=1.23456, step="a", node="n"))
        journal.emit(
            Event(kind="ended", at=2, step="a", node="n", seconds=0.0, text="hunter22", changes=(CHANGE,))
        )
    first, second = written(path)
    assert first == {"kind": "started", "at": 1.235, "step": "a", "node": "n"}
    assert second["seconds"] == 0.0
    assert second["text"] == "****"
    assert "hunter22" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_event_is_on_disk_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "x.jsonl", Masker())
    journal.emit(Event(kind="note", text="now"))
    assert len(written(tmp_path / "x.jsonl")) == 1


def test_a_failing_subscriber_is_dropped_and_the_others_go_on() -> None:
    heard: list[Event] = []

    def broken(_: Event) -> None:
        raise RuntimeError("broken pipe")

    journal = Journal(None, Masker())
    journal.subscribe(broken)
    journal.subscribe(heard.append)
    journal.emit(Event(kind="note", text="1"))
    journal.emit(Event(kind="note", text="2"))
    assert [event.text for event in heard] == ["1", "2"]
    assert "broken pipe" in journal.failure


def test_a_full_disk_does_not_end_the_run() -> None:
    journal = Journal(Path("/dev/full"), Masker())
    journal.emit(Event(kind="note", text="1"))
    journal.emit(Event(kind="note", text="2"))
    assert "No space left" in journal.failure


def test_names_sort_by_time() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert journal_path(Path("/r"), "up", now=moment) == Path("/r/20260102T030405.678Z-up.jsonl")


def run_file(runs: Path, name: str, *events: dict[str, object], tail: str = "") -> None:
    (runs / f"{name}.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events) + tail)


BEGIN = {"kind": "run-started", "at": 100.0}
SLOW = {"kind": "ended", "at": 105.0, "step": "slow", "node": "n", "state": "changed", "seconds": 5.0}
QUICK = {"kind": "ended", "at": 106.0, "step": "quick", "node": "n", "state": "ok", "seconds": 1.0}
END = {"kind": "run-ended", "at": 107.0, "state": "ok", "seconds": 7.0, "data": {"ok": 1, "changes": 1}}


def test_a_run_is_read_back_with_its_slowest_steps(tmp_path: Path) -> None:
    run_file(tmp_path, "20260101T000000.000Z-up", BEGIN, QUICK, SLOW, END)
    run = find_run(tmp_path, "2026")
    assert (run.verb, run.verdict, run.seconds, run.totals) == ("up", "ok", 7.0, {"ok": 1, "changes": 1})
    assert [event["step"] for event in run.slowest(1)] == ["slow"]


def test_a_killed_run_is_told_from_its_last_whole_line(tmp_path: Path) -> None:
    run_file(tmp_path, "a-up", BEGIN, SLOW, tail='{"kind": "ended", "at"')
    run = read_run(tmp_path / "a-up.jsonl")
    assert run is not None
    assert (run.verdict, run.seconds, run.totals) == ("killed", 5.0, {"changed": 1})


def test_runs_are_listed_newest_first_and_empty_ones_left_out(tmp_path: Path) -> None:
    run_file(tmp_path, "1-up", BEGIN, END)
    run_file(tmp_path, "2-plan", BEGIN, END)
    run_file(tmp_path, "3-up")
    assert [run.name for run in list_runs(tmp_path)] == ["2-plan", "1-up"]
    assert find_run(tmp_path, "1").summary()["verdict"] == "ok"


def test_a_name_must_mean_one_run(tmp_path: Path) -> None:
    run_file(tmp_path, "11-up", BEGIN)
    run_file(tmp_path, "12-up", BEGIN)
    for name, what in (("1", "2 runs begin"), ("9", "there is no run")):
        with pytest.raises(HavenError, match=what):
            find_run(tmp_path, name)
    assert find_run(tmp_path, "last").name == "12-up"
