"""The control plane and the network that follow from the number of machines."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from stackhaven.design.formulas.platform import (
    nofile_for,
    pool_demand,
    quorum,
    rabbit_descriptors,
    tolerated,
)
from stackhaven.design.hardware import Hardware
from stackhaven.errors import InputError

WORKERS_MOST = 8
POOL = 5
SERVICES_WITH_POOLS = (
    "keystone",
    "glance",
    "placement",
    "nova-api",
    "nova-conductor",
    "nova-scheduler",
    "neutron-server",
    "cinder",
)
QUEUE_PER_COMPUTE = 6
"""Connections a hypervisor keeps to the queue: nova-compute and the metadata agent, both directions. Assumed."""

QUEUE_PER_WORKER = 3
"""Connections an API or RPC worker keeps. Assumed."""

SPARE_CONNECTIONS = 50


@dataclass(frozen=True, kw_only=True)
class ControlPlan:
    """Controllers, and the limits to write into their configuration."""

    controllers: int
    quorum: int
    tolerated: int
    workers_per_service: int
    db_connections: int
    queue_connections: int
    queue_nofile: int
    queue_used_percent: float
    conductor_workers: int


def plan_control(controllers: int, computes: int, cores: int) -> ControlPlan:
    """Limits for so many controllers of so many cores.

    The queue must carry everyone with one member lost; the database, with its one writer, every pool at once.

    Raises:
        InputError: rule ``quorum-even`` for an even number of controllers.

    """
    if controllers % 2 == 0:
        raise InputError(
            f"{controllers} controllers tolerate the loss of {tolerated(controllers)}, "
            f"no more than {controllers - 1} do",
            why=f"a majority of {controllers} is {quorum(controllers)}",
            todo=f"write {controllers + 1} (tolerates {tolerated(controllers + 1)}) or {controllers - 1}",
            rule="quorum-even",
        )
    workers = max(2, min(WORKERS_MOST, cores // 4))
    pools = pool_demand(dict.fromkeys(SERVICES_WITH_POOLS, workers * controllers), POOL)
    sockets = (
        computes * QUEUE_PER_COMPUTE + controllers * workers * len(SERVICES_WITH_POOLS) * QUEUE_PER_WORKER
    )
    per_broker = ceil(sockets / max(1, controllers - 1))
    nofile = max(65536, nofile_for(per_broker))
    return ControlPlan(
        controllers=controllers,
        quorum=quorum(controllers),
        tolerated=tolerated(controllers),
        workers_per_service=workers,
        db_connections=pools + SPARE_CONNECTIONS,
        queue_connections=sockets,
        queue_nofile=nofile,
        queue_used_percent=round(100 * per_broker / rabbit_descriptors(nofile).sockets, 2),
        conductor_workers=max(workers, ceil(computes / (40 * controllers))),
    )


@dataclass(frozen=True, kw_only=True)
class FabricPlan:
    """Racks, switches and ports."""

    servers: int
    racks: int
    servers_per_rack: int
    switches: int
    ports_used: int
    ports: int
    oversubscription: float


def plan_fabric(servers: int, hardware: Hardware, links: int) -> FabricPlan | None:
    """Two switches a rack, each server's links spread over both; None without a switch in the catalogue."""
    if not hardware.switches:
        return None
    switch = max(hardware.switches.values(), key=lambda s: s.ports)
    per_switch = ceil(links / 2)
    fits = min(hardware.rack_units, switch.ports // per_switch)
    if not fits:
        raise InputError(
            f"a switch of {switch.ports} ports cannot take one server of {links} links",
            todo=f"list a switch with at least {per_switch} ports",
            rule="size-switch-too-small",
        )
    racks = max(1, ceil(servers / fits))
    in_rack = ceil(servers / racks)
    uplinks = max(1, switch.uplinks)
    return FabricPlan(
        servers=servers,
        racks=racks,
        servers_per_rack=in_rack,
        switches=2 * racks,
        ports_used=servers * links,
        ports=2 * racks * switch.ports,
        oversubscription=round(in_rack * per_switch / uplinks, 2),
    )
