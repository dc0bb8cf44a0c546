from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.drills.errors import DrillError
from stackhaven.drills.history import FILE, Found, Recorder, Sample, Write, read_history
from tests.unit.drills.records import call, header

pytestmark = pytest.mark.unit


def test_what_was_recorded_is_read_again(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    entries = [
        header(),
        call(1.0, 0.25, "fail", error="refused"),
        Sample(at=1.5, what="vip", data={"holders": ["c1"], "arp": "c1"}),
        Write(at=2.0, api="network", op="create", name="n", outcome="unknown"),
        Found(at=3.0, api="network", names={"n": 1}),
    ]
    for entry in entries:
        recorder.add(entry)
    recorder.event("inject", "broke it", fault="kill", nodes=["c1"])
    recorder.close()
    history = read_history(tmp_path)
    assert [history.header, *history.calls, *history.samples, *history.writes, *history.found] == entries
    assert history.events[0].data == {"fault": "kill", "nodes": ["c1"]}


def test_who_waits_for_a_success_is_told_of_one_that_ended_after_that_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(call(1.0, 0.25))
    recorder.add(call(2.0, 0.25, "fail", error="refused"))
    probe = call(1.0).probe
    assert recorder.succeeded(probe, after=1.1)
    assert not recorder.succeeded(probe, after=1.5)
    assert not recorder.succeeded("another", after=0.0)
    recorder.close()


def test_a_last_line_cut_short_by_a_crash_is_left_out(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(header())
    recorder.add(call(1.0))
    recorder.close()
    with (tmp_path / FILE).open("a") as file:
        file.write('{"type":"call","probe":"tok')
    assert len(read_history(tmp_path).calls) == 1


def test_a_broken_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(header())
    recorder.close()
    with (tmp_path / FILE).open("a") as file:
        file.write("nonsense\n{}\n")
    with pytest.raises(DrillError, match="line 2"):
        read_history(tmp_path)


def test_no_record_is_an_error_of_the_drill(tmp_path: Path) -> None:
    with pytest.raises(DrillError, match="holds no record") as raised:
        read_history(tmp_path)
    assert raised.value.exit_code == 3


def test_the_recorder_counts_failures_for_the_steady_state(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for outcome in ("ok", "fail", "unknown"):
        recorder.add(call(1.0, outcome=outcome))
    assert recorder.failures() == {"token": 2}
    recorder.close()
