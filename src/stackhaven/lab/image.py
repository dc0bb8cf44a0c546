"""Images on this host: read-only trees that nodes' disks are overlays on, named by the hash of their recipe."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.lab import state
from stackhaven.lab.home import Home

FACTS_FILE = "image.json"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image."""

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


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An image or guest image on this host, as a person wants it listed. `labs` are those whose disks need it."""

    id: str
    name: str
    built_at: str
    size_mb: int
    labs: tuple[str, ...]


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


def listed(home: Home) -> tuple[Listed, ...]:
    """Every finished image, the newest first."""
    users = users_of_images(home)
    found = []
    for facts_file in home.images.glob(f"[!.]*/{FACTS_FILE}"):
        facts = json.loads(facts_file.read_text(encoding="utf-8"))
        image_id = facts_file.parent.name
        found.append(
            Listed(
                id=image_id,
                name=facts["name"],
                built_at=facts["built_at"],
                size_mb=facts["size_mb"],
                labs=users.get(image_id, ()),
            )
        )
    return tuple(sorted(found, key=lambda image: image.built_at, reverse=True))


def users_of_images(home: Home) -> dict[str, tuple[str, ...]]:
    """Names of the labs whose disks were made on an image, by its id."""
    users: dict[str, tuple[str, ...]] = {}
    for record_file in sorted(home.labs.glob("*/state.json")):
        record = state.load(record_file)
        if record is not None:
            users[record.image] = (*users.get(record.image, ()), record_file.parent.name)
    return users


def prune(home: Home, *, keep: frozenset[str]) -> tuple[Listed, ...]:
    """Remove every image that no lab uses and whose id is not to be kept. Returns what was removed."""
    removed = tuple(image for image in listed(home) if not image.labs and image.id not in keep)
    for image in removed:
        # The facts go first: a removal that is interrupted leaves no image that looks whole.
        (home.images / image.id / FACTS_FILE).unlink()
        shutil.rmtree(home.images / image.id)
    return removed
