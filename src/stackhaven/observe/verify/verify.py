"""One verification from beginning to end, with its cleaning up whatever happens."""

from __future__ import annotations

import time
from collections.abc import Sequence

from stackhaven.errors import HavenError
from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import select
from stackhaven.observe.verify.contents import checks_of
from stackhaven.observe.verify.outcome import Report
from stackhaven.observe.verify.runner import Watcher, run_checks
from stackhaven.observe.verify.sweep import sweep


def verify(bench: Bench, watcher: Watcher, *, only: Sequence[str] = (), keep: bool = False) -> Report:
    """Run the checks where a client of the cloud stands; `bench.stop` set by another thread ends it early.

    Args:
        bench: one run, fresh.
        watcher: hears of checks while they run, from several threads, one call at a time per check.
        only: names or beginnings of names; what they need is added. Empty: all.
        keep: leave what was made for a look at it; the next run removes it.

    Raises:
        HavenError: rule ``no-such-check``.

    """
    began = time.monotonic()
    checks = select(checks_of(bench), only)
    stuck: list[str] = []
    try:
        results = run_checks(checks, bench, watcher)
    finally:
        if not keep and bench.made.project:
            stuck = _clean_up(bench)
    return Report(
        cloud=bench.site.cloud.name,
        run=bench.run,
        results=results,
        seconds=time.monotonic() - began,
        left_behind=tuple(stuck),
        kept=bench.name if keep and bench.made.project else "",
        interrupted=bench.stop.is_set(),
    )


def _clean_up(bench: Bench) -> list[str]:
    try:
        return sweep(bench, name=bench.name)[1]
    except HavenError as error:
        return [error.what]
    except Exception as error:
        return [bench.masker(f"{type(error).__name__}: {error}")[:300]]
