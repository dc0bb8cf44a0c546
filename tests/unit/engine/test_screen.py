from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from stackhaven.engine.history import read_run
from stackhaven.engine.journal import Event, Journal
from stackhaven.engine.report import (
    print_contents,
    print_past_run,
    print_past_runs,
    print_pending,
    print_summary,
    result_data,
)
from stackhaven.engine.result import RunResult
from stackhaven.engine.screen import LineView, LiveView, Progress, view_for
from stackhaven.plan import Step, everywhere
from stackhaven.plan.forecast import Pending
from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import Change, Finding, Outcome, State
from stackhaven.plan.plan import Plan

pytestmark = pytest.mark.unit

RESTART = Change(label="unit haproxy.service", kind="unit", verb="restart", did="restarted (x is newer)")
PLAN = Plan.of(
    [
        Step(name="a", title="First [step]", nodes=("n1", "n2"), resources=lambda _: (), serial=True),
        Step(name="b", title="Second", nodes=("n1",), resources=lambda _: (), needs=(everywhere("a"),)),
    ]
)
EVENTS = (
    Event(kind="run-started", at=100.0, data={"work": 3, "nodes": 2}),
    Event(kind="started", at=100.0, step="a", node="n1", title="First [step]"),
    Event(kind="progress", at=101.0, step="a", node="n1", text="wait the database"),
    Event(
        kind="ended",
        at=103.0,
        step="a",
        node="n1",
        title="First [step]",
        state="changed",
        seconds=3.0,
        changes=(RESTART,),
    ),
    Event(kind="started", at=103.0, step="a", node="n2", title="First [step]"),
    Event(
        kind="lost",
        at=104.0,
        step="a",
        node="n2",
        title="First [step]",
        state="lost",
        seconds=1.0,
        text="n2: gone\nsecond line",
    ),
    Event(kind="blocked", at=104.0, step="b", node="n1", title="Second", state="blocked", text="a on n2"),
    Event(kind="run-ended", at=104.0, state="failed", seconds=4.0),
)


def console() -> Console:
    return Console(file=io.StringIO(), width=150, highlight=False)


def text(made: Console) -> str:
    assert isinstance(made.file, io.StringIO)
    return made.file.getvalue()


def result(*outcomes: Outcome, **more: object) -> RunResult:
    found = {(o.step, o.node): o for o in outcomes}
    return RunResult(**({"mode": "apply", "outcomes": found, "seconds": 4.2} | more))  # type: ignore[arg-type]


FAILED = result(
    Outcome(step="a", node="n1", state=State.CHANGED, seconds=3.0, changes=(RESTART,)),
    Outcome(
        step="a", node="n2", state=State.FAILED, seconds=1.0, error="unit x: [broken]\nlast lines of its log"
    ),
    Outcome(step="b", node="n1", state=State.BLOCKED, cause="a on n2"),
)


def test_lines_for_a_log_tell_ends_changes_errors_and_what_blocks() -> None:
    made, journal = console(), Journal(None, Masker())
    with LineView(made).shown(journal):
        for event in EVENTS:
            journal.emit(event)
    shown = text(made)
    assert "  changed    3.0 s  n1  First [step]  unit haproxy.service: restarted" in shown
    assert "     lost    1.0 s  n2  First [step]\n            n2: gone\n            second line" in shown
    assert "  blocked" in shown
    assert "by a on n2" in shown


@pytest.mark.parametrize("view", [LineView, LiveView])
def test_what_already_held_makes_no_line_but_is_counted(view: type[LineView | LiveView]) -> None:
    made, journal = console(), Journal(None, Masker())
    shown = view(made)
    with shown.shown(journal):
        journal.emit(Event(kind="ended", step="a", node="n1", title="First", state="ok", seconds=0.1))
        journal.emit(Event(kind="note", state="ok", text="stopping after the running steps"))
    assert "First" not in text(made)
    assert "stopping after the running steps" in text(made)
    assert shown._progress.done == 1


def test_the_heartbeat_says_what_is_waited_for() -> None:
    view = LineView(console())
    for event in EVENTS[:3]:
        view._progress.hear(event)
    beat = view._heartbeat()
    assert "0/3 done" in beat
    assert "waiting for n1" in beat
    assert "wait the database" in beat


def test_the_live_table_shows_what_runs_where() -> None:
    view = LiveView(console())
    for event in EVENTS[:3]:
        view._progress.hear(event)
    made = console()
    made.print(view._render())
    assert "First [step]" in text(made)
    assert "wait the database" in text(made)


def test_progress_counts_every_end() -> None:
    progress = Progress()
    for event in EVENTS:
        progress.hear(event)
    assert progress.line(104.0) == "3/3 done in 4 s (1 blocked, 1 changed, 1 lost)"
    assert progress.running == {}


def test_events_for_programs_are_one_object_per_line() -> None:
    made, journal = console(), Journal(None, Masker())
    with view_for(made, as_json=True).shown(journal):
        for event in EVENTS:
            journal.emit(event)
    lines = [json.loads(line) for line in text(made).splitlines()]
    assert [line["kind"] for line in lines] == [event.kind for event in EVENTS]


def test_the_view_follows_the_output() -> None:
    assert isinstance(view_for(console()), LineView)
    assert isinstance(view_for(Console(file=io.StringIO(), force_terminal=True)), LiveView)


def test_the_summary_tells_the_failure_what_it_blocks_restarts_and_how_to_go_on() -> None:
    made = console()
    print_summary(FAILED, made)
    shown = text(made)
    assert "failed a on n2\n    unit x: [broken]\n    last lines of its log\n    blocks 1: b" in shown
    assert "not done in 4.2 s: 1 changes, 1 restarts" in shown
    assert "restarted: haproxy.service on n1" in shown
    assert "slowest: a on n1 3.0 s" in shown
    assert "the same command goes on from here" in shown


def test_the_same_failure_of_a_node_is_told_once() -> None:
    made = console()
    lost = [
        Outcome(step=f"s{i}", node="n9", state=State.LOST, error="[link] n9: unreachable") for i in range(40)
    ]
    print_summary(result(*lost), made)
    assert text(made).count("unreachable") == 1
    assert "s0 and 39 more steps on n9" in text(made)


def test_a_plan_is_printed_with_diffs_and_says_what_to_type() -> None:
    findings = (
        Finding(
            label="file /etc/x", kind="file", verb="update", why="content differs", diff="--- a\n+++ b\n+[x]"
        ),
        Finding(
            label="action schema", kind="command", verb="run", why="known after file /etc/x", known=False
        ),
    )
    looked = result(
        Outcome(step="a", node="n1", state=State.OK),
        pending=(Pending(step="a", node="n1", findings=findings),),
    )
    made = console()
    print_pending(looked, PLAN, made, diffs=True)
    shown = text(made)
    assert "First [step] on n1 (a)" in shown
    assert "~ file /etc/x: would update (content differs)" in shown
    assert "      +[x]" in shown
    assert "? action schema: known after file /etc/x" in shown
    assert "2 things to do in 1 steps on 1 nodes: haven up" in shown
    without = console()
    print_pending(looked, PLAN, without, diffs=False)
    assert "+[x]" not in text(without)
    assert looked.exit_code == 3


def test_an_empty_plan_says_so() -> None:
    made = console()
    print_pending(result(Outcome(step="a", node="n1", state=State.OK)), PLAN, made, diffs=True)
    assert text(made) == "nothing to do: 1 steps looked at in 4.2 s\n"


def test_the_table_of_contents() -> None:
    made = console()
    print_contents(PLAN, made)
    shown = text(made)
    assert "First [step]" in shown
    assert "n1 n2 one by one" in shown
    assert "2 steps, 2 nodes, 3 pieces of work, 0 things" in shown


def test_the_result_as_data_names_failures() -> None:
    data = json.loads(json.dumps(result_data(FAILED)))
    assert (data["verdict"], data["exit_code"]) == ("failed", 1)
    assert [(f["step"], f["node"], f["state"]) for f in data["failures"]] == [
        ("a", "n2", "failed"),
        ("b", "n1", "blocked"),
    ]


def test_past_runs_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "20260101T000000.000Z-up.jsonl"
    with Journal(path, Masker()) as journal:
        for event in EVENTS:
            journal.emit(event)
    run = read_run(path)
    assert run is not None
    made = console()
    print_past_runs([run], made)
    print_past_run(run, made)
    shown = text(made)
    assert "20260101T000000.000Z-up" in shown
    assert "1970-01-01 00:01:40" in shown
    assert "unit haproxy.service: restarted" in shown
    assert "slowest:    3.0 s  a on n1" in shown
    empty = console()
    print_past_runs([], empty)
    assert text(empty) == "no runs yet: haven up\n"
