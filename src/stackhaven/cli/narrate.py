"""Progress of the lab on the screen: what goes on with its elapsed time, and a line for all that is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from stackhaven.lab.progress import Event, Phase, Progress

HEARTBEAT_S = 10.0
"""Where the output is no terminal, a line this often says what is being waited for."""

_MARKS = {Phase.DONE: "[green]done[/]", Phase.FAILED: "[bold red]failed[/]"}


@contextmanager
def narrated(console: Console | None = None) -> Iterator[Progress]:
    """A `Progress` that shows on standard error, for the block."""
    console = console or Console(stderr=True, highlight=False, emoji=False)
    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bars:
        yield _Narrator(console, bars)


@dataclass
class _Narrator:
    """Called from many threads at once: nodes boot together."""

    console: Console
    bars: Bars
    _running: dict[tuple[str, str], TaskID] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _said_at: float = field(default_factory=time.monotonic)

    def __call__(self, event: Event) -> None:
        with self._lock:
            if event.phase is Phase.STARTED:
                self._begin(event)
            elif event.phase is Phase.RUNNING:
                self._go_on(event)
            else:
                self._end(event)

    def _begin(self, event: Event) -> None:
        self._running[event.what, event.node] = self.bars.add_task(_title(event), total=None)

    def _go_on(self, event: Event) -> None:
        for (what, node), task in self._running.items():
            if node == event.node:
                self.bars.update(task, description=f"{escape(what)}: {escape(event.what)}")
        if not self.console.is_terminal and time.monotonic() - self._said_at > HEARTBEAT_S:
            self._said_at = time.monotonic()
            self.console.print(f"  ... {event.elapsed_s:.0f} s  {_title(event)}")

    def _end(self, event: Event) -> None:
        task = self._running.pop((event.what, event.node), None)
        if task is not None:
            self.bars.remove_task(task)
        self.console.print(f"{_MARKS[event.phase]:>20} {event.elapsed_s:6.1f} s  {_title(event)}")


def _title(event: Event) -> str:
    return escape(f"{event.what} {event.node}".strip())
