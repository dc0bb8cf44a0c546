"""What is happening, told while it happens: events with elapsed time, for a screen or a journal to show."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a piece of work stands."""

    STARTED = "started"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that began, goes on or ended. `node` is empty when it is the whole lab's.

    `elapsed_s` counts from its start.
    """

    what: str
    phase: Phase
    node: str = ""
    elapsed_s: float = 0.0


Progress = Callable[[Event], None]


def silent(_: Event) -> None:
    """For callers that show nothing."""


@contextmanager
def stage(progress: Progress, what: str, *, node: str = "") -> Iterator[None]:
    """Tell that `what` began, and how it ended."""
    began = time.monotonic()
    progress(Event(what=what, phase=Phase.STARTED, node=node))
    phase = Phase.FAILED
    try:
        yield
        phase = Phase.DONE
    finally:
        progress(Event(what=what, phase=phase, node=node, elapsed_s=time.monotonic() - began))
