"""What a fault is, and whom it can hit."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from stackhaven.design.layout import LayoutNode
from stackhaven.drills.deeds import OnNode, Strike
from stackhaven.drills.errors import DrillError
from stackhaven.drills.ground import Ground
from stackhaven.lab.spec import LabNode, spec_of


@dataclass(frozen=True, kw_only=True)
class Victim:
    """Who suffers: nodes, and the units on them where a fault hits programs. `says`: as a person reads it."""

    nodes: tuple[str, ...]
    says: str
    units: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to break something.

    Args:
        name: as in a drill's sentence, such as ``power-off``.
        does: one line for `haven drill list`.
        covers: ids of the failure scenarios.
        aim: from ground and victim to the strike. Pure.
        on_programs: it hits units, so that the drill must say which service's.
        lab_only: why it cannot be done to existing hosts; empty when it can.
        mends_itself: the cloud repairs it without any healing, so that the time is counted from the fault.
        prepares: it needs the node made ready before, which itself disturbs the cloud.

    """

    name: str
    does: str
    covers: tuple[str, ...]
    aim: Callable[[Ground, Victim], Strike]
    on_programs: bool = False
    lab_only: str = ""
    mends_itself: bool = False
    prepares: bool = False


def lab_node(ground: Ground, name: str) -> LabNode:
    """The machine in the lab."""
    return spec_of(ground.layout).node(name)


def others(ground: Ground, names: tuple[str, ...]) -> tuple[LayoutNode, ...]:
    """All nodes but these."""
    return tuple(node for node in ground.layout.nodes if node.name not in names)


def on_units(victim: Victim, script: str, says: str, *, timeout_s: float = 30.0) -> tuple[OnNode, ...]:
    """A script on each node of the victim; ``$unit`` in it is each of its units in turn."""
    if not victim.units:
        raise DrillError(
            f"{victim.says}: it must be said which program", todo="such as: kill mariadb on db-writer"
        )
    units = " ".join(shlex.quote(unit) for unit in victim.units)
    return tuple(
        OnNode(
            node=node,
            script=f"for unit in {units}; do\n{script}\ndone\n",
            says=f"{node}: {says} {' '.join(victim.units)}",
            timeout_s=timeout_s,
        )
        for node in victim.nodes
    )
