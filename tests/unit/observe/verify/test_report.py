"""How a run is told: exit code, data, JUnit, lines."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from stackhaven.observe.verify.outcome import CheckResult, Report, Verdict
from stackhaven.observe.verify.report import junit
from stackhaven.observe.verify.view import Screen, line, print_summary
from tests.unit.observe.verify.benches import check

pytestmark = pytest.mark.unit


def result(name: str, verdict: Verdict, sentence: str = "said", todo: str = "") -> CheckResult:
    return CheckResult(name=name, title=name, verdict=verdict, sentence=sentence, seconds=1.25, todo=todo)


OK = result("listener.nova", Verdict.OK)
FAILED = result("guest.ping", Verdict.FAILED, "no \x1b answer <&>", "haven status")
SKIPPED = result("guest.http", Verdict.SKIPPED, "because guest.ping failed")


def report(*results: CheckResult, **changes: object) -> Report:
    made = Report(cloud="lab", run="abc123", results=results, seconds=4.5)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (report(OK, SKIPPED), 0),
        (report(OK, FAILED), 1),
        (report(SKIPPED), 1),
        (report(), 1),
        (report(OK, left_behind=("server x",)), 1),
        (report(OK, interrupted=True), 1),
    ],
)
def test_a_run_is_good_when_something_was_proved_and_nothing_is_wrong(one: Report, code: int) -> None:
    assert one.exit_code == code


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(junit(report(OK, FAILED, SKIPPED, left_behind=("server x",))))
    suite = root.find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert int(suite.get("tests", "")) == len(cases) == 4
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) == 2
    assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped")) == 1
    failure = suite.find("testcase[@name='guest.ping']/failure")
    assert failure is not None
    assert failure.get("message") == "no ? answer <&>"


def test_the_data_is_json() -> None:
    data = json.loads(json.dumps(report(OK, FAILED).as_data()))
    assert data["counts"] == {"ok": 1, "failed": 1, "skipped": 0}
    assert data["checks"][1]["verdict"] == "failed"


def test_a_failed_line_says_what_to_do() -> None:
    assert "do: haven status" in line(FAILED)
    assert "do:" not in line(OK)


def test_lines_and_summary_on_a_pipe() -> None:
    written = io.StringIO()
    console = Console(file=written, width=100, highlight=False)
    screen = Screen(console)
    with screen.shown():
        screen.started(check("guest.ping"))
        screen.ended(FAILED)
        screen.tick()
    print_summary(report(OK, FAILED, SKIPPED, kept="haven-verify-abc123"), console)
    text = written.getvalue()
    assert "failed    1.2 s  guest.ping" in text
    assert "not verified: 1 ok, 1 failed, 1 skipped" in text
    assert "haven-verify-abc123" in text
