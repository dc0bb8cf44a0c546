"""Turns: what runs on several nodes is restarted on a few at a time, and no further after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from stackhaven.plan.resources import Resource, Unit


class Turn:
    """The turns of one step. `at_once`: how many nodes may have theirs at the same time."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._broken_by = ""

    @asynccontextmanager
    async def of(self, node: str) -> AsyncIterator[str]:
        """Wait for this node's turn; gives why it must not be used, or nothing.

        A turn that ends by an exception is broken too: what was restarted may not have come back.
        """
        async with self._free:
            try:
                yield f"not restarted, because {self._broken_by} did not come back" if self._broken_by else ""
            except BaseException:
                self.break_off(node)
                raise

    def break_off(self, node: str) -> None:
        """No further turns: this node did not come back."""
        self._broken_by = self._broken_by or node


def interrupts(resources: Sequence[Resource], answers: Sequence[dict[str, Any]]) -> bool:
    """Whether bringing these about restarts or reloads something that runs now.

    Either a unit is found older than what it reads, or something before a running unit differs, which may be what
    that unit reads. A unit that is not running is started, which interrupts nobody.
    """
    differs = False
    for resource, answer in zip(resources, answers, strict=True):
        if not isinstance(resource, Unit):
            differs = differs or not answer["holds"]
        elif answer["holds"]:
            if differs and resource.active:
                return True
        elif answer["verb"] in {"restart", "reload"}:
            return True
    return False
