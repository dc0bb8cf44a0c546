"""Where labs and images live on this host."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from stackhaven.errors import HavenError, InputError

DEFAULT_HOME = Path("/var/lib/stackhaven")

_LAB_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")


@dataclass(frozen=True)
class Home:
    """The directory that holds everything the lab keeps on this host."""

    root: Path

    @classmethod
    def of_environment(cls) -> Home:
        """``$STACKHAVEN_HOME``, or ``/var/lib/stackhaven``."""
        return cls(Path(os.environ.get("STACKHAVEN_HOME") or DEFAULT_HOME).absolute())

    @property
    def images(self) -> Path:
        """One directory per image, named by the hash of its recipe."""
        return self.root / "images"

    @property
    def labs(self) -> Path:
        """One directory per lab."""
        return self.root / "labs"

    @property
    def apt_cache(self) -> Path:
        """Downloaded packages, kept so that a changed image is built without fetching everything again."""
        return self.root / "cache" / "apt"

    def lab(self, name: str) -> LabHome:
        """The directories of one lab.

        Raises:
            InputError: rule ``lab-name``. The name becomes a path that a purge removes: nothing else may pass.

        """
        if not _LAB_NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot be a lab's name",
                todo="a small letter, then up to 14 small letters, digits and dashes",
                rule="lab-name",
            )
        return LabHome(self.labs / name)


@dataclass(frozen=True)
class LabHome:
    """The directories of one lab.

    All disks are under one directory, so that a revert is one rename for all nodes together.
    """

    root: Path

    @property
    def state(self) -> Path:
        """The lab's record: its image and each node's wanted power."""
        return self.root / "state.json"

    @property
    def disks(self) -> Path:
        """Everything the nodes have written."""
        return self.root / "disks"

    @property
    def snapshots(self) -> Path:
        """Copies of `disks`, by name."""
        return self.root / "snapshots"

    def disk(self, node: str) -> Path:
        """One node's overlay: ``upper`` (what it wrote), ``work``, and ``seed`` (what we put there)."""
        return self.disks / node

    def shared(self, what: str) -> Path:
        """A directory that several nodes see, standing for shared storage. No node's name begins with ``_``."""
        return self.disks / "_shared" / what

    def shared_owned_by(self, what: str, owner: tuple[int, int]) -> Path:
        """The same, made if it is not there, and owned by this user and group id."""
        directory = self.shared(what)
        directory.mkdir(parents=True, exist_ok=True)
        os.chown(directory, *owner)
        return directory

    def keys(self, node: str) -> Path:
        """The node's SSH host key. Not a part of the disk: a revert keeps the machine's identity."""
        return self.root / "keys" / node

    def run(self, node: str) -> Path:
        """The node's mount point and console log."""
        return self.root / "run" / node

    def root_of(self, node: str) -> Path:
        """The node's root file system, while it is mounted."""
        return self.run(node) / "root"

    def console(self, node: str) -> Path:
        """What the node's systemd printed at its last boot."""
        return self.run(node) / "console.log"


def require_free_space(path: Path, *, gb: float, purpose: str) -> None:
    """Refuse to begin when the file system of `path` has less than `gb` GiB left.

    Raises:
        HavenError: rule ``lab-disk``; nothing was touched.

    """
    existing = next(p for p in (path, *path.parents) if p.exists())
    free_gb = shutil.disk_usage(existing).free / 2**30
    if free_gb < gb:
        raise HavenError(
            f"only {free_gb:.1f} GB free on the file system of {path}; {purpose} needs {gb:g} GB",
            why="a disk that fills up in the middle leaves machines that fail in unclear ways",
            todo="free some space (`haven lab image --prune` removes images no lab uses), "
            "or point STACKHAVEN_HOME at a larger file system",
            rule="lab-disk",
        )
