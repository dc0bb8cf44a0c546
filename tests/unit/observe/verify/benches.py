"""Benches without a cloud, and checks that do as they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stackhaven.design.addresses import layout_of
from stackhaven.model.load import load_cloud
from stackhaven.observe.verify.bench import Bench, GuestFiles
from stackhaven.observe.verify.check import Check, Deadline
from stackhaven.observe.verify.outcome import CheckResult
from stackhaven.services.base import Site
from stackhaven.services.contents import declarations_of, secret_names

EXAMPLES = Path(__file__).parents[4] / "examples"


def no_files() -> GuestFiles:
    raise AssertionError("no image is needed here")


def bench_of(example: str) -> Bench:
    layout = layout_of(load_cloud(EXAMPLES / f"{example}.yaml"))
    declared = declarations_of(layout)
    secrets = {name: f"secret-{name}" for name in secret_names(declared)}
    return Bench(Site(layout=layout, secrets=secrets, declared=declared), no_files)


def check(name: str, *needs: str, does: Callable[[], str] = lambda: "fine", deadline_s: float = 5) -> Check:
    def run(_bench: Bench, _deadline: Deadline) -> str:
        return does()

    return Check(name=name, title=name.title(), run=run, needs=needs, deadline_s=deadline_s)


class Log:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, check: Check) -> None:
        self.lines.append(f"started {check.name}")

    def ended(self, result: CheckResult) -> None:
        self.lines.append(f"{result.verdict} {result.name}")
