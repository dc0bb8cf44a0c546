"""Files as locks between processes. The kernel frees them when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stackhaven.errors import HavenError

_POLL_S = 0.1


@contextmanager
def held(
    path: Path, *, purpose: str, timeout_s: float, waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock for the block; `waiting` is called once if another process has it.

    Raises:
        HavenError: rule ``lab-busy`` when it is not free within `timeout_s`.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(fd, path, purpose=purpose, timeout_s=timeout_s, waiting=waiting)
        yield
    finally:
        os.close(fd)


def _acquire(
    fd: int, path: Path, *, purpose: str, timeout_s: float, waiting: Callable[[], None] | None
) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
                waiting = None
            if time.monotonic() > deadline:
                raise HavenError(
                    f"{purpose}: another process has held {path} for {timeout_s:g} s",
                    todo=f"wait for it, or find it with `fuser {path}`",
                    rule="lab-busy",
                ) from None
            time.sleep(_POLL_S)
        else:
            return
