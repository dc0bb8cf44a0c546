"""The lab's record on disk: the image its disks were made on, who may log in, which power each node should have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from stackhaven.errors import HavenError

_VERSION = 1


class Power(StrEnum):
    """What was last asked of a node. Whether it runs is read from its cgroup, never from here."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class LabState:
    """`image` is an image's id: an overlay is only valid over the very tree it was written on.

    `authorized_key` is the public key line that may log in to the nodes as root.
    """

    image: str
    authorized_key: str
    power: Mapping[str, Power] = field(default_factory=dict)

    def with_power(self, nodes: Iterable[str], power: Power) -> LabState:
        """The same record with another wanted power for these nodes."""
        return replace(self, power={**self.power, **dict.fromkeys(nodes, power)})


def load(path: Path) -> LabState | None:
    """Read the record; None when the lab was never made.

    Raises:
        HavenError: rule ``lab-state`` when it is not a record of ours.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return _parsed(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HavenError(
            f"the lab's record {path} cannot be read: {error}",
            todo="haven lab down --purge, then haven lab up",
            rule="lab-state",
        ) from None


def _parsed(document: dict[str, Any]) -> LabState:
    if document["version"] != _VERSION:
        raise ValueError(f"version {document['version']}, this program knows {_VERSION}")
    return LabState(
        image=str(document["image"]),
        authorized_key=str(document["authorized_key"]),
        power={name: Power(value) for name, value in document["power"].items()},
    )


def save(path: Path, state: LabState) -> None:
    """Write the record so that a crash leaves the old or the new one, never half."""
    document = {
        "version": _VERSION,
        "image": state.image,
        "authorized_key": state.authorized_key,
        "power": dict(state.power),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(document, indent=2, sort_keys=True) + "\n")


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file's content by rename, after its bytes are on disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)
