"""Running asynchronous work where clients stand, from a caller that stays where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import TypeVar

from stackhaven.drills.errors import DrillError

T = TypeVar("T")


def there(stand: Callable[[], None], work: Callable[[], Awaitable[T]], *, timeout_s: float) -> T:
    """What `work` gives, done in a thread that has taken its `stand` first.

    Raises:
        DrillError: rule ``drill-load``, it did not end in time.

    """
    future: Future[T] = Future()

    async def main() -> T:
        return await work()

    def begin() -> None:
        try:
            stand()
            future.set_result(asyncio.run(main()))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=begin, name="at the clients' place", daemon=True).start()
    try:
        return future.result(timeout_s)
    except FutureTimeoutError:
        raise DrillError(f"no end within {timeout_s:.0f} s of what clients do", rule="drill-load") from None
