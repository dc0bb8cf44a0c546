"""Secrets of a cloud: random, made once, kept in one file that only its owner reads."""

from __future__ import annotations

import base64
import fcntl
import json
import logging
import os
import secrets as random
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import ascii_letters, digits

from stackhaven.errors import HavenError

IPMI_PASSWORD_LENGTH = 20
"""Longest password of an IPMI 2.0 user, in bytes (IPMI 2.0 specification, Set User Password)."""

_OWNER_ONLY = 0o600
_LOG = logging.getLogger(__name__)


class Secrets(Mapping[str, str]):
    """Secrets by name. Printed or logged by accident, it shows names only."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


def new_secret(name: str) -> str:
    """A fresh value of 128 bits or more, as far as its reader takes so many.

    A name that ends in ``.fernet`` is a fernet key, 32 bytes in URL-safe base64; ``.authkey`` is one of corosync,
    which takes 128 to 4096 bytes; ``.bmc`` is 20 letters and digits (119 bits), the longest password that IPMI takes.
    Every other is hexadecimal, so that it needs no quoting in any configuration file or URL.
    """
    if name.endswith(".fernet"):
        return base64.urlsafe_b64encode(random.token_bytes(32)).decode()
    if name.endswith(".authkey"):
        return random.token_urlsafe(192)
    if name.endswith(".bmc"):
        return "".join(random.choice(ascii_letters + digits) for _ in range(IPMI_PASSWORD_LENGTH))
    return random.token_hex(16)


def read_secrets(path: Path) -> Secrets:
    """What the file holds; nothing when there is no file yet. Its mode is set right when it is too open.

    Raises:
        HavenError: rule ``secrets-file`` when it is not a file of ours.

    """
    try:
        with path.open(encoding="utf-8") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                _LOG.warning("%s could be read by others; it is 0600 now", path)
                os.fchmod(stream.fileno(), _OWNER_ONLY)
            values = json.load(stream)
    except FileNotFoundError:
        return Secrets({})
    except (OSError, ValueError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise HavenError(
            f"{path} is not a readable file of secrets",
            why="the running cloud's passwords cannot be made again",
            todo="put back a copy from your backup; only if the cloud was never built, remove the file",
            rule="secrets-file",
        )
    return Secrets(values)


def ensure_secrets(path: Path, names: Iterable[str]) -> Secrets:
    """The cloud's secrets, those missing among `names` made now. An existing one is never changed."""
    with one_at_a_time(path):
        known = read_secrets(path)
        missing = {name: new_secret(name) for name in sorted(set(names)) if name not in known}
        if not missing:
            return known
        values = {**known, **missing}
        write_owner_only(path, json.dumps(values, indent=1, sort_keys=True) + "\n")
        return Secrets(values)


def set_secret(path: Path, name: str, value: str) -> None:
    """Keep a value that was given rather than made, such as the password of a BMC. It replaces an earlier one."""
    with one_at_a_time(path):
        values = {**read_secrets(path), name: value}
        write_owner_only(path, json.dumps(values, indent=1, sort_keys=True) + "\n")


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Whoever makes `path` does so alone; others wait for the moment it takes."""
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_owner_only(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: readers see the old or the new one, also after a power loss."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
