"""A verification on the screen: lines as checks end, what runs now below them on a terminal, a summary at the end."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from stackhaven.observe.verify.check import Check
from stackhaven.observe.verify.outcome import CheckResult, Report, Verdict


class BuildEvent(Protocol):
    """What an image's build tells of its progress."""

    @property
    def phase(self) -> str:
        """Started, running, done."""

    @property
    def what(self) -> str:
        """What it is about."""

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since its start."""


STYLES = {Verdict.OK: "green", Verdict.FAILED: "bold red", Verdict.SKIPPED: "yellow"}
SILENCE_S = 15.0


@dataclass
class Screen:
    """Hears of checks and shows them; `quiet` shows nothing."""

    console: Console
    quiet: bool = False
    _running: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _status: Status | None = None
    _said_at: float = field(default_factory=time.monotonic)

    def shown(self) -> AbstractContextManager[object]:
        """Show what runs for the length of the block."""
        if self.quiet or not self.console.is_terminal:
            return nullcontext()
        self._status = self.console.status("asking")
        return self._status

    def started(self, check: Check) -> None:
        """A check begins."""
        with self._lock:
            self._running[check.name] = (check.title, time.monotonic())
            self._refresh()

    def ended(self, result: CheckResult) -> None:
        """A check has ended: its line is printed."""
        with self._lock:
            self._running.pop(result.name, None)
            self._said_at = time.monotonic()
            if not self.quiet:
                self.console.print(line(result), soft_wrap=True)
            self._refresh()

    def building(self, event: BuildEvent) -> None:
        """The guest image is being built, which happens once on a host."""
        if event.phase != "running":
            self.console.print(f"{event.phase:>7} {event.elapsed_s or 0:6.1f} s  {escape(event.what)}")

    def tick(self) -> None:
        """Called now and then: a long silence is broken by saying what is waited for."""
        with self._lock:
            self._refresh()
            if not self.quiet and self._running and time.monotonic() - self._said_at > SILENCE_S:
                self._said_at = time.monotonic()
                if self._status is None:
                    self.console.print(f"      ... {escape(self._doing())}", soft_wrap=True)

    def _refresh(self) -> None:
        if self._status is not None:
            self._status.update(escape(self._doing()) or "working")

    def _doing(self) -> str:
        now = time.monotonic()
        return ", ".join(f"{title} ({now - since:.0f} s)" for title, since in self._running.values())


def line(result: CheckResult) -> str:
    """One check in one line of rich's markup, with what to do below when it failed."""
    style = STYLES[result.verdict]
    text = f"[{style}]{result.verdict:>7}[/] {result.seconds:6.1f} s  {result.name:<22} {escape(result.sentence)}"
    if result.verdict is Verdict.FAILED and result.todo:
        text += f"\n{'':>19}[cyan]do: {escape(result.todo)}[/]"
    return text


def print_summary(report: Report, console: Console) -> None:
    """What was proved in how long, what was not, and what is left to do."""
    groups = dict.fromkeys(result.group for result in report.results)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold dim", pad_edge=False)
    for column in ("part", "ok", "failed", "skipped", "longest"):
        table.add_column(column, justify="left" if column == "part" else "right")
    for group in groups:
        mine = [result for result in report.results if result.group == group]
        numbers = [sum(1 for r in mine if r.verdict is verdict) for verdict in Verdict]
        cells = [f"[{STYLES[v]}]{n}[/]" if n else "" for v, n in zip(Verdict, numbers, strict=True)]
        table.add_row(group, *cells, f"{max(r.seconds for r in mine):.1f} s")
    console.print()
    console.print(table)
    for thing in report.left_behind:
        console.print(f"[bold red]left behind:[/] {escape(thing)}; the next run tries again")
    if report.kept:
        console.print(f"kept as asked: project {report.kept}; the next haven verify removes it")
    word = "[bold green]verified[/]" if report.ok else "[bold red]not verified[/]"
    if report.interrupted:
        word += ", interrupted"
    counts = report.counts
    console.print(
        f"{word}: {counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped"
        f" in {report.seconds:.0f} s"
    )
