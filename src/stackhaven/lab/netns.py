"""Entering a network namespace from Python.

A namespace belongs to a thread, and a socket keeps the namespace it was made in: a program may listen on the host
and speak into the lab.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stackhaven.errors import HavenError

NETNS_DIR = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_THREAD_NETNS = "/proc/thread-self/ns/net"


def exists(name: str) -> bool:
    """Whether a namespace of this name is alive (a bare file left by an interrupted command is not)."""
    try:
        return (NETNS_DIR / name).stat().st_dev == os.stat(_THREAD_NETNS).st_dev  # noqa: PTH116
    except FileNotFoundError:
        return False


def enter(name: str) -> None:
    """Move the calling thread into the namespace, for good. Threads made by it afterwards follow.

    Raises:
        HavenError: rule ``lab-down`` when there is no such namespace.

    """
    try:
        fd = os.open(NETNS_DIR / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise HavenError(
            f"the lab is not up: there is no network namespace {name}", todo="haven lab up", rule="lab-down"
        ) from None
    try:
        _setns(fd)
    finally:
        os.close(fd)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Have the calling thread in the namespace for the block."""
    home = os.open(_THREAD_NETNS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(name)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _setns(fd: int) -> None:
    if hasattr(os, "setns"):  # Python 3.12
        os.setns(fd, _CLONE_NEWNET)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
