"""Where a drill takes place: the cloud, the ways to its nodes, and the directory that remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from stackhaven.design.layout import Layout
from stackhaven.engine.ssh import SshTarget
from stackhaven.lab.reach import enter_hub
from stackhaven.model.state import State
from stackhaven.plan.mask import Masker
from stackhaven.services.base import Daemon, Site

T = TypeVar("T")


class AsClient(Protocol):
    """Does something where the cloud's clients stand, in a thread of its own."""

    def __call__(self, work: Callable[[], T]) -> Future[T]:
        """Begin, and promise what it gives."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One opened cloud, as drills need it."""

    site: Site
    state: State
    targets: Mapping[str, SshTarget]
    masker: Masker
    as_client: AsClient

    @property
    def layout(self) -> Layout:
        """Its machines."""
        return self.site.layout

    @property
    def name(self) -> str:
        """The cloud's name."""
        return self.site.cloud.name

    @property
    def in_lab(self) -> bool:
        """Whether its machines are made on this host."""
        return self.site.cloud.lab is not None

    @property
    def drills(self) -> Path:
        """One directory per drill, and the heal record."""
        return self.state.root / "drills"

    def daemons(self) -> tuple[Daemon, ...]:
        """Every unit of every service."""
        return tuple(daemon for one in self.site.declared for daemon in one.daemons)

    def stand(self) -> None:
        """Move the calling thread to where the cloud's clients are, for good."""
        if self.in_lab:
            enter_hub(self.name)
