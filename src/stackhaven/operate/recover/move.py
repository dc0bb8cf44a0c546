"""A diagnosis of one cluster and the next move towards its health: what each decision returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Area = Literal["database", "queue", "network", "balancer", "services"]


class Kind(StrEnum):
    """What a move does."""

    START = "start"
    STOP = "stop"
    COPY = "copy"
    BOOTSTRAP = "bootstrap"
    RESEED = "reseed"
    FORCE_BOOT = "force boot"
    FORGET = "forget"
    RESET = "reset"
    GROW = "grow"
    KICK = "kick"
    REJOIN = "rejoin"
    FOUND = "found"
    SWEEP = "sweep"
    RESTART = "restart"


@dataclass(frozen=True, kw_only=True)
class Move:
    """One step on one node (several for a start). `sentence` is said before it is done.

    `stake`: what could be lost by it, so that somebody has to agree; empty where nothing can.
    `details` are read by what carries it out.
    """

    area: Area
    kind: Kind
    nodes: tuple[str, ...]
    sentence: str
    evidence: tuple[str, ...] = ()
    stake: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For the plan and the journal, such as ``database.bootstrap``."""
        return f"{self.area}.{self.kind.value.replace(' ', '-')}"


class Health(StrEnum):
    """How a cluster fares."""

    HEALTHY = "healthy"
    WAITING = "waiting"
    ILL = "ill"
    STUCK = "stuck"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """ILL has a `move`; WAITING will change by itself; STUCK needs a person: `todo` says what to do."""

    area: Area
    health: Health
    sentence: str
    evidence: tuple[str, ...] = ()
    move: Move | None = None
    todo: str = ""
