"""Writing an initramfs: the "newc" archive that the kernel unpacks (Documentation/driver-api/early-userspace)."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Iterable
from dataclasses import dataclass

_TRAILER = "TRAILER!!!"
_ALIGNMENT = 4


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file (with content), a directory or a device node in the archive. `mode` includes the type."""

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(path: str, content: bytes, *, mode: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(path=path, mode=stat.S_IFREG | mode, content=content)


def directory(path: str) -> Entry:
    """A directory; parents must stand before what is in them."""
    return Entry(path=path, mode=stat.S_IFDIR | 0o755)


def character_device(path: str, major: int, minor: int) -> Entry:
    """A character device node."""
    return Entry(path=path, mode=stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """The compressed archive. The same entries always give the same bytes."""
    members = [*entries, Entry(path=_TRAILER, mode=0)]
    raw = b"".join(_member(number, entry) for number, entry in enumerate(members, start=1))
    return gzip.compress(raw, mtime=0)


def _member(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (
        number,
        entry.mode,
        0,  # uid
        0,  # gid
        links,
        0,  # modification time
        len(entry.content),
        0,  # device of the archive
        0,
        *entry.device,
        len(name),
        0,  # checksum, unused in this format
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
