"""The order of checks, and that every one of them comes to an end."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import (
    Check,
    CheckFailedError,
    Deadline,
    InterruptedCheckError,
    NotApplicableError,
)
from stackhaven.observe.verify.outcome import CheckResult, Verdict
from stackhaven.observe.verify.runner import run_checks
from tests.unit.observe.verify.benches import Log, bench_of, check

pytestmark = pytest.mark.unit


@pytest.fixture
def bench() -> Bench:
    return bench_of("small")


def verdicts(results: tuple[CheckResult, ...]) -> dict[str, str]:
    return {result.name: result.verdict.value for result in results}


def fails() -> str:
    raise CheckFailedError("it is not so", todo="mend it")


def does_not_apply() -> str:
    raise NotApplicableError("there is no such thing")


def test_results_keep_the_order_of_the_contents(bench: Bench) -> None:
    log = Log()
    results = run_checks([check("c", "a"), check("a"), check("b", "c")], bench, log)
    assert [r.name for r in results] == ["c", "a", "b"]
    assert [line for line in log.lines if line.startswith("started")] == [
        "started a",
        "started c",
        "started b",
    ]


def test_a_failure_skips_what_needs_it_and_nothing_else(bench: Bench) -> None:
    checks = [check("a", does=fails), check("b", "a"), check("c", "b"), check("d")]
    results = run_checks(checks, bench, Log())
    assert verdicts(results) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "ok"}
    assert results[0].sentence == "it is not so"
    assert results[0].todo == "mend it"
    assert results[1].sentence == "because a failed"


def test_what_only_comes_after_a_failure_runs_all_the_same(bench: Bench) -> None:
    log = Log()
    later = Check(name="b", title="B", run=lambda _bench, _deadline: "fine", after=("a",))
    results = run_checks([check("a", does=fails), later], bench, log)
    assert verdicts(results) == {"a": "failed", "b": "ok"}
    assert log.lines.index("failed a") < log.lines.index("started b")


def test_what_does_not_apply_says_why_down_the_line(bench: Bench) -> None:
    results = run_checks([check("a", does=does_not_apply), check("b", "a")], bench, Log())
    assert verdicts(results) == {"a": "skipped", "b": "skipped"}
    assert {r.sentence for r in results} == {"there is no such thing"}


def test_a_mistake_is_a_failure_without_secrets(bench: Bench) -> None:
    def leaks() -> str:
        raise RuntimeError("refused: " + bench.site.secrets["keystone.admin"])

    (result,) = run_checks([check("a", does=leaks)], bench, Log())
    assert result.verdict is Verdict.FAILED
    assert "RuntimeError: refused" in result.sentence
    assert bench.site.secrets["keystone.admin"] not in result.sentence


def test_independent_checks_run_at_the_same_time(bench: Bench) -> None:
    meeting = threading.Barrier(2, timeout=5)

    def meets() -> str:
        meeting.wait()
        return "met"

    results = run_checks([check("a", does=meets), check("b", does=meets)], bench, Log())
    assert verdicts(results) == {"a": "ok", "b": "ok"}


def test_a_stop_ends_patience_and_skips_the_rest(bench: Bench) -> None:
    def waits(bench: Bench, deadline: Deadline) -> str:
        threading.Timer(0.05, bench.stop.set).start()
        return deadline.poll("never", lambda: None)

    slow = Check(name="a", title="A", run=waits, deadline_s=60)
    results = run_checks([slow, check("b", "a"), check("c", "b")], bench, Log())
    assert verdicts(results) == {"a": "skipped", "b": "skipped", "c": "skipped"}
    assert results[0].sentence == "interrupted"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_check_ends_once_and_never_before_its_needs(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    checks = []
    for number in range(count):
        needs = data.draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        does = data.draw(st.sampled_from([lambda: "fine", fails, does_not_apply]))
        checks.append(check(f"c{number}", *(f"c{n}" for n in sorted(needs)), does=does))
    log = Log()
    results = run_checks(checks, bench_of("small"), log)
    ended = [line.split()[1] for line in log.lines if not line.startswith("started")]
    assert sorted(ended) == sorted(c.name for c in checks)
    good = {r.name for r in results if r.verdict is Verdict.OK}
    for one in checks:
        if f"started {one.name}" in log.lines:
            assert set(one.needs) <= good
            started = log.lines.index(f"started {one.name}")
            assert all(log.lines.index(f"ok {need}") < started for need in one.needs)
        else:
            assert not set(one.needs) <= good


def test_patience_ends_with_the_last_thing_seen() -> None:
    seen = iter(["BUILD", "BUILD", "BUILD"])
    last = ""

    def ask() -> None:
        nonlocal last
        last = next(seen, "BUILD")

    deadline = Deadline(0.05, threading.Event())
    with pytest.raises(CheckFailedError, match="still BUILD"):
        deadline.poll(lambda: f"still {last}", ask, every_s=0.01)


def test_an_answer_ends_patience_at_once() -> None:
    assert Deadline(60, threading.Event()).poll("never", lambda: 7) == 7


def test_patience_ends_when_the_run_is_asked_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedCheckError):
        Deadline(60, stop).poll("never", lambda: None)
