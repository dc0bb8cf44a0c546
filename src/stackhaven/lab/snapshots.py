"""Copies of a stopped lab's disks, and the way back to them.

A disk is an overlay's upper directory: a deleted file is a character device 0/0 there, and a replaced directory an
extended attribute (``trusted.overlay.opaque``). A copy that loses either brings deleted files back to life.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from stackhaven.errors import HavenError, InputError
from stackhaven.lab.command import run
from stackhaven.lab.home import require_free_space
from stackhaven.lab.lab import Lab
from stackhaven.lab.progress import Progress, silent, stage

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,40}")
_COPY_TIMEOUT_S = 1800.0
_FACTS_FILE = "snapshot.json"

_PRESERVED = "--preserve=mode,ownership,timestamps,links,xattr"
"""Named one by one: with "all" (or -a) cp goes on silently when an extended attribute cannot be copied."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def take(lab: Lab, name: str, progress: Progress = silent) -> None:
    """Copy every node's disk, and what the nodes share, under a name.

    Raises:
        HavenError: a node runs, the name is taken or unusable, or the file system has too little space.

    """
    target = _directory(lab, name)
    with lab.exclusively("haven lab snapshot"):
        record = lab.record()
        _require_stopped(lab, "a snapshot")
        if target.exists():
            raise InputError(
                f"lab {lab.spec.name} has a snapshot {name!r} already",
                todo="choose another name",
                rule="lab-snapshot",
            )
        require_free_space(lab.files.root, gb=_size_gb(lab.files.disks) + 1, purpose="the copy")
        with stage(progress, f"copy the disks to snapshot {name}"):
            staging = _copied(lab.files.disks, lab.files.snapshots / ".new")
            facts = {"image": record.image, "taken_at": datetime.now(UTC).isoformat(timespec="seconds")}
            (staging / _FACTS_FILE).write_text(json.dumps(facts) + "\n", encoding="utf-8")
            staging.rename(target)


def revert(lab: Lab, name: str, progress: Progress = silent) -> None:
    """Put the disks of a snapshot in place of the lab's, all together by one rename. The snapshot stays.

    Raises:
        HavenError: a node runs, there is no such snapshot, or it was taken over another image.

    """
    source = _directory(lab, name)
    with lab.exclusively("haven lab revert"):
        record = lab.record()
        _require_stopped(lab, "a revert")
        if not source.exists():
            names = ", ".join(taken(lab)) or "none"
            raise InputError(
                f"lab {lab.spec.name} has no snapshot {name!r}",
                todo=f"there are: {names}",
                rule="lab-snapshot",
            )
        image = json.loads((source / _FACTS_FILE).read_text(encoding="utf-8"))["image"]
        if image != record.image:
            raise HavenError(
                f"snapshot {name} belongs to image {image}, the lab now stands on {record.image}",
                rule="lab-snapshot",
            )
        require_free_space(lab.files.root, gb=_size_gb(source) + 1, purpose="the copy")
        with stage(progress, f"put back the disks of snapshot {name}"):
            staging = _copied(source, lab.files.root / "disks.new")
            (staging / _FACTS_FILE).unlink()
            _swap(staging, lab.files.disks)


def taken(lab: Lab) -> tuple[str, ...]:
    """Names of the lab's snapshots."""
    return tuple(sorted(path.parent.name for path in lab.files.snapshots.glob(f"[!.]*/{_FACTS_FILE}")))


def _directory(lab: Lab, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be a snapshot's name",
            todo="use small letters, digits, dots and dashes",
            rule="lab-snapshot",
        )
    return lab.files.snapshots / name


def _require_stopped(lab: Lab, what: str) -> None:
    running = lab.running()
    if running:
        raise HavenError(
            f"{', '.join(running)} of lab {lab.spec.name} still run",
            why=f"{what} of a disk in use would be of no moment in time",
            todo="haven lab down",
            rule="lab-running",
        )


def _copied(source: Path, staging: Path) -> Path:
    """A full copy at `staging`; what an interrupted copy left there is removed first."""
    if staging.exists():
        shutil.rmtree(staging)
    staging.parent.mkdir(parents=True, exist_ok=True)
    argv = ("cp", "--recursive", "--no-dereference", _PRESERVED, "--reflink=auto", str(source), str(staging))
    run(argv, timeout_s=_COPY_TIMEOUT_S)
    return staging


def _swap(staging: Path, disks: Path) -> None:
    """Exchange the two names in one step of the file system, then drop what was replaced (renameat2(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, bytes(staging), _AT_FDCWD, bytes(disks), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise HavenError(
            f"cannot put {staging} in place of {disks}: {os.strerror(number)}", rule="lab-snapshot"
        )
    shutil.rmtree(staging)


def _size_gb(directory: Path) -> float:
    kilobytes = run(("du", "-s", "--block-size=1K", str(directory)), timeout_s=120).stdout.split()[0]
    return int(kilobytes) / 2**20
