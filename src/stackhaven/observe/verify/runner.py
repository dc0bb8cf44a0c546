"""Runs checks: what does not need each other at the same time, what needs a failed one not at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Protocol

from stackhaven.errors import HavenError
from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import Check, Deadline, InterruptedCheckError, NotApplicableError
from stackhaven.observe.verify.outcome import CheckResult, Verdict

AT_ONCE = 6
LATE_S = 90.0
"""A check asks its deadline between calls; one call may be under way when it passes."""


class Watcher(Protocol):
    """Hears of checks while they run."""

    def started(self, check: Check) -> None:
        """It begins now."""

    def ended(self, result: CheckResult) -> None:
        """It has come to its end."""


def run_checks(checks: Sequence[Check], bench: Bench, watcher: Watcher) -> tuple[CheckResult, ...]:
    """Results in the order of `checks`; asked to stop, it ends early with all accounted for."""
    by_name = {check.name: check for check in checks}
    sorter = TopologicalSorter(
        {check.name: [n for n in (*check.needs, *check.after) if n in by_name] for check in checks}
    )
    sorter.prepare()
    results: dict[str, CheckResult] = {}
    running: dict[Future[CheckResult], str] = {}

    def finish(result: CheckResult) -> None:
        results[result.name] = result
        watcher.ended(result)
        sorter.done(result.name)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check") as pool:
        while sorter.is_active():
            for name in sorter.get_ready():
                check = by_name[name]
                reason = "interrupted" if bench.stop.is_set() else _blocked(check, results)
                if reason:
                    finish(_result(check, Verdict.SKIPPED, reason))
                else:
                    watcher.started(check)
                    running[pool.submit(_run, check, bench)] = name
            ended, _ = wait(running, timeout=LATE_S if running else 0, return_when=FIRST_COMPLETED)
            for future in ended:
                del running[future]
                finish(future.result())
    return tuple(results[check.name] for check in checks)


def _blocked(check: Check, results: dict[str, CheckResult]) -> str:
    for need in check.needs:
        before = results.get(need)
        if before is not None and before.verdict is Verdict.FAILED:
            return f"because {need} failed"
        if before is not None and before.verdict is Verdict.SKIPPED:
            return before.sentence
    return ""


def _run(check: Check, bench: Bench) -> CheckResult:
    began = time.monotonic()

    def ended(verdict: Verdict, sentence: str, todo: str = "") -> CheckResult:
        return _result(check, verdict, sentence, todo=todo, seconds=time.monotonic() - began)

    try:
        return ended(Verdict.OK, check.run(bench, Deadline(check.deadline_s, bench.stop)))
    except (NotApplicableError, InterruptedCheckError) as error:
        return ended(Verdict.SKIPPED, error.what)
    except HavenError as error:
        return ended(Verdict.FAILED, error.what, error.todo)
    except Exception as error:
        text = " ".join(str(error).split())
        return ended(Verdict.FAILED, bench.masker(f"{type(error).__name__}: {text}"[:400]))


def _result(
    check: Check, verdict: Verdict, sentence: str, *, todo: str = "", seconds: float = 0.0
) -> CheckResult:
    return CheckResult(
        name=check.name,
        title=check.title,
        verdict=verdict,
        sentence=sentence,
        seconds=seconds,
        todo=todo,
    )
