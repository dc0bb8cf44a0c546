"""The links of a run: opened when first needed, a bounded number at once, given up on when a node is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from stackhaven.engine.link import Link, LinkLostError, Progress
from stackhaven.engine.ssh import Target


class Channel(Protocol):
    """What the engine needs of a link; `Link` is one, tests have others."""

    lost: bool

    async def call(
        self, operation: str, *, timeout_s: float, progress: Progress | None = None, **arguments: Any
    ) -> Any:
        """One request; see `Link.call`."""

    async def close(self, *, grace_s: float = ...) -> None:
        """End it."""


Opener = Callable[[Target], Awaitable[Channel]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of a run."""

    opening: int = 8
    per_node: int = 8
    nodes: int = 200
    attempts_per_node: int = 2


@dataclass
class _Seat:
    target: Target
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    channel: Channel | None = None
    users: int = 0
    attempts: int = 0
    refusal: LinkLostError | None = None


class Pool:
    """One link per node. At most `limits.nodes` are open: one that nobody uses is closed for another."""

    def __init__(self, targets: Mapping[str, Target], limits: Limits, opener: Opener = Link.open) -> None:
        self._seats = {name: _Seat(target) for name, target in targets.items()}
        self._opening = asyncio.Semaphore(limits.opening)
        self._open = asyncio.BoundedSemaphore(limits.nodes)
        self._crowd = 0
        self._limits = limits
        self._opener = opener

    @asynccontextmanager
    async def use(self, node: str) -> AsyncIterator[Channel]:
        """The node's link, for the length of the block.

        A link that died while nobody used it is opened once more; one that cannot be opened is not tried again.

        Raises:
            LinkLostError: no link.

        """
        seat = self._seats.get(node)
        if seat is None:
            raise LinkLostError(node, "there is no way to reach it", todo="is it in the cloud's description?")
        seat.users += 1
        try:
            async with seat.lock:
                channel = await self._channel(seat)
            yield channel
        finally:
            seat.users -= 1
            if seat.users == 0 and self._crowd > 0:
                await self._evict(seat)

    async def close(self) -> None:
        """End all links, together. Never raises."""
        channels = [seat.channel for seat in self._seats.values() if seat.channel is not None]
        await asyncio.gather(*(channel.close() for channel in channels), return_exceptions=True)

    async def _channel(self, seat: _Seat) -> Channel:
        if seat.refusal is not None:
            raise seat.refusal
        if seat.channel is not None and not seat.channel.lost:
            return seat.channel
        if seat.channel is not None:
            await self._give_up(seat)
        if seat.attempts >= self._limits.attempts_per_node:
            seat.refusal = LinkLostError(seat.target.name, "lost again after a new connection")
            raise seat.refusal
        await self._room()
        try:
            async with self._opening:
                seat.attempts += 1
                seat.channel = await self._opener(seat.target)
        except BaseException as error:
            self._open.release()
            if isinstance(error, LinkLostError):
                seat.refusal = error
            raise
        return seat.channel

    async def _room(self) -> None:
        idle = next((s for s in self._seats.values() if s.channel is not None and s.users == 0), None)
        if self._open.locked() and idle is not None:
            await self._evict(idle)
        self._crowd += 1
        try:
            await self._open.acquire()
        finally:
            self._crowd -= 1

    async def _evict(self, seat: _Seat) -> None:
        seat.attempts = 0
        await self._give_up(seat)

    async def _give_up(self, seat: _Seat) -> None:
        channel, seat.channel = seat.channel, None
        if channel is not None:
            self._open.release()
            await channel.close(grace_s=1.0)
