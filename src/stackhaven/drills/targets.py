"""Whom a fault hits, named by role: the machine that is the writer, holds the VIP or leads a cluster right now."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stackhaven.design.layout import Layout
from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Victim
from stackhaven.services.base import Declaration

ROLES: Mapping[str, str] = {
    "vip-holder": "the controller that holds the internal VIP",
    "db-writer": "the controller whose database member gets all writes",
    "queue-leader": "the controller whose broker leads most queues",
    "ovn-leader": "the controller that leads the OVN southbound database",
    "ovn-nb-leader": "the controller that leads the OVN northbound database, which Neutron writes to",
    "busiest": "the controller with most of these roles",
    "bystander": "a controller with none of these roles, or with fewest",
    "gateway": "the chassis through which floating IPs leave",
    "controller:N": "the N-th controller, from 1",
    "compute:N": "the N-th hypervisor, from 1",
    "all": "every machine",
    "all-controllers": "every controller",
    "random": "a controller by chance; the seed is in the record",
}


OWN = "haven-"
"""How the units begin that are not part of a service, but look after it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Who plays which role now. `holders`: role to node; absent where nobody has it or it could not be found out."""

    layout: Layout
    declared: tuple[Declaration, ...]
    holders: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


def victim_of(scene: Scene, where: str, program: str = "") -> Victim:
    """The victim that a drill's words name: `where` is a role or a node's name, `program` a service.

    Raises:
        DrillError: rule ``drill-victim``; nobody plays that role, or there is no such service there.

    """
    nodes = _nodes(scene, where)
    names = ", ".join(nodes)
    if not program:
        said = names if where in nodes else f"{names} ({where})"
        return Victim(nodes=nodes, says="every machine" if where == "all" else said)
    units = units_of(scene, program, nodes)
    return Victim(
        nodes=nodes, units=units, says=f"{program} on {names}" + ("" if where in nodes else f" ({where})")
    )


def units_of(scene: Scene, program: str, nodes: tuple[str, ...]) -> tuple[str, ...]:
    """The units of a service, or the one unit of that name, that run on all these nodes."""
    there = [
        (declaration.name, daemon.unit)
        for declaration in scene.declared
        for daemon in declaration.daemons
        if set(nodes) <= set(daemon.nodes)
    ]
    exact = [unit for _, unit in there if unit in {program, f"{program}.service"}]
    of_service = [unit for name, unit in there if name == program]
    # What looks after a server does not fall ill with it.
    found = exact or [unit for unit in of_service if not unit.startswith(OWN)] or of_service
    if not found:
        names = sorted({unit.removesuffix(".service") for _, unit in there})
        raise DrillError(
            f"{program!r} does not run on {', '.join(nodes)}",
            todo=f"one of: {', '.join(names)}",
            rule="drill-victim",
        )
    return tuple(dict.fromkeys(found))


def busiest(holders: Mapping[str, str], controllers: tuple[str, ...]) -> str:
    """The controller with most roles; the first in file order among equals."""
    return max(controllers, key=lambda name: (_roles(holders, name), -controllers.index(name)))


def bystander(holders: Mapping[str, str], controllers: tuple[str, ...]) -> str:
    """The controller with fewest roles; the last in file order among equals."""
    return min(controllers, key=lambda name: (_roles(holders, name), -controllers.index(name)))


def _roles(holders: Mapping[str, str], name: str) -> int:
    return sum(1 for holder in holders.values() if holder == name)


def _nodes(scene: Scene, where: str) -> tuple[str, ...]:
    controllers = tuple(node.name for node in scene.layout.controllers)
    names = tuple(node.name for node in scene.layout.nodes)
    groups: dict[str, Callable[[], tuple[str, ...]]] = {
        "all": lambda: names,
        "all-controllers": lambda: controllers,
        "random": lambda: (random.Random(scene.seed).choice(controllers),),
        "busiest": lambda: (busiest(scene.holders, controllers),),
        "bystander": lambda: (bystander(scene.holders, controllers),),
    }
    if where in names:
        return (where,)
    if where in groups:
        return groups[where]()
    role, _, number = where.partition(":")
    numbered = {"controller": controllers, "compute": tuple(node.name for node in scene.layout.computes)}
    if role in numbered and number.isdecimal() and 1 <= int(number) <= len(numbered[role]):
        return (numbered[role][int(number) - 1],)
    if where in scene.holders:
        return (scene.holders[where],)
    if where in ROLES:
        raise DrillError(
            f"nobody is {where} now: {ROLES[where]}",
            why="the cloud is not whole, or it has nothing of the kind (a gateway needs a router)",
            todo="haven status",
            rule="drill-victim",
        )
    raise DrillError(
        f"{where!r} is no role and no machine",
        todo=f"one of: {', '.join((*ROLES, *names))}",
        rule="drill-victim",
    )
