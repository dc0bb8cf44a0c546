"""How a run is asked to stop: once politely, twice at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = "interrupted"


class Stop:
    """`soft`: start nothing new. `hard`: let go of what runs, too."""

    def __init__(self) -> None:
        self.soft = asyncio.Event()
        self.hard = asyncio.Event()
        self.reason = ""

    def ask(self, reason: str = INTERRUPTED) -> None:
        """The first time softly, then hard."""
        if self.soft.is_set():
            self.hard.set()
        self.reason = self.reason or reason
        self.soft.set()


@contextmanager
def stop_on_signals(stop: Stop) -> Iterator[Stop]:
    """Ctrl-C and a polite kill ask the run to stop, for the length of the block."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.ask)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
