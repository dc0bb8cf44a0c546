"""What a run looks like while it runs: live on a terminal, plain lines elsewhere, events for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stackhaven.engine.journal import Event, Journal

HEARTBEAT_S = 15.0
MOST_ROWS = 12
STYLES = {"ok": "green", "changed": "cyan", "failed": "bold red", "lost": "bold red", "blocked": "yellow"}


@dataclass
class _Running:
    step: str
    node: str
    title: str
    since: float
    doing: str = ""


@dataclass
class Progress:
    """What is known of a run from its events: the model behind every view."""

    work: int = 0
    began: float = field(default_factory=time.time)
    running: dict[tuple[str, str], _Running] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Take one event in."""
        key = (event.step, event.node)
        if event.kind == "run-started":
            self.work, self.began = event.data["work"], event.at
        elif event.kind == "started":
            self.running[key] = _Running(event.step, event.node, event.title, event.at)
        elif event.kind == "progress" and key in self.running:
            self.running[key].doing = event.text
        elif event.kind in {"ended", "lost", "blocked"}:
            self.running.pop(key, None)
            self.ended[event.state] = self.ended.get(event.state, 0) + 1

    @property
    def done(self) -> int:
        """Pieces of work that have come to an end, good or bad."""
        return sum(self.ended.values())

    def oldest_first(self) -> list[_Running]:
        """What runs now, longest running first."""
        return sorted(self.running.values(), key=lambda r: r.since)

    def line(self, now: float) -> str:
        """The state of the run in one line."""
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.ended.items()))
        return f"{self.done}/{self.work} done in {now - self.began:.0f} s" + (
            f" ({states})" if states else ""
        )


class View(Protocol):
    """Something that shows a run while it runs."""

    def shown(self, journal: Journal) -> AbstractContextManager[None]:
        """Show the journal's events for the length of the block."""


class LiveView:
    """A table that moves, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress()

    @contextmanager
    def shown(self, journal: Journal) -> Iterator[None]:
        """See `View`."""
        with Live(console=self._console, get_renderable=self._render, refresh_per_second=4, transient=True):
            journal.subscribe(self._hear)
            yield

    def _hear(self, event: Event) -> None:
        self._progress.hear(event)
        if line := worth_a_line(event):
            self._console.print(line)

    def _render(self) -> RenderableType:
        now = time.time()
        table = Table.grid(padding=(0, 2))
        rows = self._progress.oldest_first()
        for running in rows[:MOST_ROWS]:
            doing = running.doing or running.step
            table.add_row(
                f"{now - running.since:5.1f} s", running.node, escape(running.title), Text(doing[:80], "dim")
            )
        if len(rows) > MOST_ROWS:
            table.add_row("", f"and {len(rows) - MOST_ROWS} more", "", "")
        return Group(Text(self._progress.line(now), "bold"), table)


class LineView:
    """One line for whatever did not simply hold, and a heartbeat, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress()

    @contextmanager
    def shown(self, journal: Journal) -> Iterator[None]:
        """See `View`."""
        import threading

        over = threading.Event()

        def beat() -> None:
            while not over.wait(HEARTBEAT_S):
                self._console.print(self._heartbeat(), soft_wrap=True)

        thread = threading.Thread(target=beat, daemon=True)
        journal.subscribe(self._hear)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=2)

    def _hear(self, event: Event) -> None:
        self._progress.hear(event)
        if line := worth_a_line(event):
            self._console.print(line, soft_wrap=True)

    def _heartbeat(self) -> str:
        now = time.time()
        waiting = [
            f"{running.node} {now - running.since:.0f} s: {running.doing or running.title}"
            for running in self._progress.oldest_first()[:3]
        ]
        return escape(f"... {self._progress.line(now)}; waiting for " + ("; ".join(waiting) or "nothing"))


class JsonView:
    """One JSON object per event and line, for programs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def shown(self, journal: Journal) -> Iterator[None]:
        """See `View`."""
        journal.subscribe(self._hear)
        yield

    def _hear(self, event: Event) -> None:
        self._console.file.write(json.dumps(event.as_json()) + "\n")
        self._console.file.flush()


class QuietView:
    """Nothing at all."""

    def shown(self, journal: Journal) -> AbstractContextManager[None]:  # noqa: ARG002 - a view like the others
        """See `View`."""
        return nullcontext()


def view_for(console: Console, *, as_json: bool = False, quiet: bool = False) -> View:
    """The view that fits where the output goes; a plan made for a terminal shows progress only there."""
    if quiet:
        return QuietView()
    if as_json:
        return JsonView(console)
    return LiveView(console) if console.is_terminal else LineView(console)


def worth_a_line(event: Event) -> str:
    """The event's line, unless it only says that something already held: such lines would hide all others."""
    return "" if event.state == "ok" and event.kind == "ended" else finished_line(event)


def finished_line(event: Event) -> str:
    """What an event looks like as a line of text with rich's markup; empty if it makes none."""
    if event.kind == "note":
        return escape(event.text)
    if event.kind not in {"ended", "lost", "blocked"}:
        return ""
    style = STYLES.get(event.state, "")
    state = f"[{style}]{event.state:>9}[/]" if style else f"{event.state:>9}"
    seconds = f"{event.seconds:6.1f} s" if event.seconds is not None else " " * 8
    line = f"{state} {seconds}  {escape(event.node)}  {escape(event.title)}"
    if event.changes:
        did = "; ".join(f"{change.label}: {change.did}" for change in event.changes[:3])
        more = f"; and {len(event.changes) - 3} more" if len(event.changes) > 3 else ""
        line += f"  [dim]{escape(did.splitlines()[0] + more)}[/]"
    if event.text:
        line += f"\n{escape(indent(event.text))}" if event.kind != "blocked" else f"  by {escape(event.text)}"
    return line


def indent(text: str, by: str = "            ") -> str:
    """Every line moved to the right."""
    return "\n".join(by + line for line in text.splitlines())
