"""Images: read-only trees that nodes' disks are overlays on, named by the hash of their recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.lab.home import Home


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image on this host."""

    id: str
    path: Path

    @property
    def root(self) -> Path:
        """The tree."""
        return self.path / "root"

    def owner(self, user: str) -> tuple[int, int] | None:
        """User and group id that a user has inside, or None when there is no such user."""
        for line in (self.root / "etc/passwd").read_text(encoding="utf-8").splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == user:
                return int(uid), int(gid)
        return None


def installed(image_id: str, home: Home) -> Image:
    """The image of this id.

    Raises:
        HavenError: rule ``lab-image`` when it is not on this host.

    """
    image = Image(id=image_id, path=home.images / image_id)
    if not image.root.is_dir():
        raise HavenError(
            f"image {image_id} is not on this host any more",
            why="the lab's disks hold only what differs from it",
            todo="haven lab down --purge, then haven lab up",
            rule="lab-image",
        )
    return image
