"""Storage nodes: object store and block store, drives, proxies, ring and placement groups."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stackhaven.design.formulas.storage import (
    SwiftPlan,
    placement_groups,
    rereplication_hours,
    swift_plan,
)
from stackhaven.design.hardware import Drive, Hardware, Server
from stackhaven.design.units import exact
from stackhaven.design.workload import Workload
from stackhaven.errors import InputError

TB = 10**12


@dataclass(frozen=True, kw_only=True)
class ObjectPlan:
    """An object store on one model of server."""

    server: str
    drive: str
    replicas: int
    swift: SwiftPlan
    refill_hours: float


@dataclass(frozen=True, kw_only=True)
class BlockPlan:
    """A replicated block store that still holds everything, and can heal, with one host lost."""

    server: str
    drive: str
    replicas: int
    usable_tb: float
    raw_tb: float
    drives: int
    nodes: int
    placement_groups: int
    refill_hours: float


def plan_objects(hardware: Hardware, workload: Workload) -> ObjectPlan | None:
    """The object store, or None when no objects are wanted.

    Raises:
        InputError: rule ``size-no-storage-server`` when no server of the catalogue takes drives.

    """
    wanted = workload.objects
    if wanted is None:
        return None
    name, server, drive_name, drive = _storage_server(hardware, wanted.server)
    usable = wanted.usable.base * workload.growth / TB
    swift = swift_plan(
        usable_tb=usable,
        replicas=wanted.replicas,
        fs_factor=wanted.fs_factor,
        drive_tb=drive.size.base / TB,
        slots=server.drive_slots,
        zones=wanted.zones,
        ghz=float(server.clock.base / 10**9),
        max_growth=wanted.max_growth,
    )
    lost = swift.drives_per_node * drive.size.base / TB
    return ObjectPlan(
        server=name,
        drive=drive_name,
        replicas=wanted.replicas,
        swift=swift,
        refill_hours=_refill_hours(lost, server),
    )


def plan_blocks(hardware: Hardware, workload: Workload) -> BlockPlan | None:
    """The block store behind all volumes, or None when no flavor has any.

    Raises:
        InputError: rule ``size-no-storage-server`` when no server of the catalogue takes drives.

    """
    counts = workload.counts()
    usable = sum((f.volume.base * counts[n] for n, f in workload.flavors.items() if f.volume), Fraction(0))
    if not usable:
        return None
    wanted = workload.blocks
    name, server, drive_name, drive = _storage_server(hardware, wanted.server)
    raw = usable * wanted.replicas / (exact(wanted.fill_percent) / 100)
    drives = ceil(raw / drive.size.base)
    nodes = max(ceil(Fraction(drives, server.drive_slots)), wanted.replicas) + 1
    per_node = ceil(Fraction(drives, nodes - 1))
    osds = per_node * nodes
    lost = per_node * drive.size.base / TB
    return BlockPlan(
        server=name,
        drive=drive_name,
        replicas=wanted.replicas,
        usable_tb=float(usable / TB),
        raw_tb=float(osds * drive.size.base / TB),
        drives=osds,
        nodes=nodes,
        placement_groups=placement_groups(osds, wanted.replicas),
        refill_hours=_refill_hours(lost, server),
    )


def _refill_hours(lost_tb: Fraction, server: Server) -> float:
    return round(float(rereplication_hours(lost_tb, server.link_speed.base / 10**9)), 1)


def _storage_server(hardware: Hardware, wanted: str | None) -> tuple[str, Server, str, Drive]:
    servers = hardware.servers
    if wanted is not None and wanted not in servers:
        raise InputError(
            f"storage server {wanted} is not in the catalogue",
            todo="write one of: " + ", ".join(servers),
            rule="size-server-unknown",
        )
    name = wanted or max(servers, key=lambda key: (servers[key].drive_slots, key))
    server = servers[name]
    if not server.drive_slots or server.drive not in hardware.drives:
        raise InputError(
            f"server {name} has no place for drives, and storage is asked for",
            todo="list a server with `drive_slots` and the `drive` it takes",
            rule="size-no-storage-server",
        )
    return name, server, str(server.drive), hardware.drives[str(server.drive)]
