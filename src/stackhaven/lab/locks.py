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
) -> Iterator[int]:
    """Hold the lock for the block; `waiting` is called once if another process has it.

    Gives the lock's descriptor: a child process that inherits it keeps the lock until it ends. The holder may
    remove the file.

    Raises:
        HavenError: rule ``lab-busy`` when it is not free within `timeout_s`.

    """
    deadline = time.monotonic() + timeout_s
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _acquired(fd, path):
                yield fd
                return
        finally:
            os.close(fd)
        if waiting is not None:
            waiting()
            waiting = None
        if time.monotonic() > deadline:
            raise HavenError(
                f"{purpose}: another process has held {path} for {timeout_s:g} s",
                todo=f"wait for it, or find it with `fuser {path}`",
                rule="lab-busy",
            )
        time.sleep(_POLL_S)


def _acquired(fd: int, path: Path) -> bool:
    """Whether the lock is ours, and is still the one others will find under this name."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(fd).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
