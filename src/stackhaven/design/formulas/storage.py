"""Object and block storage (F-10, F-14 to F-19, F-36, F-37)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stackhaven.design.units import Number, ceil_div, exact

PARTITIONS_PER_DEVICE = 100
NODES_PER_PROXY = 4
PGS_PER_OSD = 100


def object_raw(usable: Number, replicas: int) -> Fraction:
    """F-10: raw capacity; replicas multiply it, zones do not."""
    return Fraction(usable * replicas)


def next_power(value: Number) -> int:
    """Smallest p with 2**p >= value, exactly."""
    return max(0, (ceil(value) - 1).bit_length())


def part_power(max_devices: int, per_device: int = PARTITIONS_PER_DEVICE) -> int:
    """F-19: ring partition power for the largest number of devices there will ever be; it cannot be changed later."""
    return next_power(max_devices * per_device)


def partitions_per_device(power: int, replicas: int, devices: int) -> Fraction:
    """F-19: partition replicas that a device of average weight holds."""
    return Fraction(2**power * replicas, devices)


@dataclass(frozen=True)
class SwiftPlan:
    """F-14 to F-19: an object store in TB, drives, nodes and cores."""

    raw_tb: Fraction
    drives: int
    nodes_by_slots: int
    nodes: int
    drives_per_node: int
    proxies: int
    cores_per_node: int
    part_power: int

    @property
    def partitions(self) -> int:
        """Partitions of the ring."""
        return 1 << self.part_power


def swift_plan(
    *,
    usable_tb: Number,
    replicas: int,
    fs_factor: float | Fraction,
    drive_tb: Number,
    slots: int,
    zones: int = 1,
    core_per_drive: float = 0.75,
    ghz: float = 2.0,
    max_growth: int = 1,
) -> SwiftPlan:
    """F-14 to F-19: drives and nodes of an object store.

    Never fewer nodes than replicas or zones, never fewer than two proxies. `max_growth` multiplies today's
    drives to the largest number there will ever be, which is what the partition power must be chosen for.
    """
    raw = object_raw(usable_tb, replicas) * exact(fs_factor)
    drives = max(ceil_div(raw, drive_tb), replicas)
    by_slots = ceil_div(drives, slots)
    nodes = max(by_slots, replicas, zones)
    per_node = ceil_div(drives, nodes)
    return SwiftPlan(
        raw_tb=raw,
        drives=drives,
        nodes_by_slots=by_slots,
        nodes=nodes,
        drives_per_node=per_node,
        proxies=swift_proxies(nodes),
        cores_per_node=ceil(swift_cores(per_node, core_per_drive, ghz)),
        part_power=part_power(drives * max_growth),
    )


def swift_proxies(nodes: int) -> int:
    """F-17: one proxy per four nodes, and two at least."""
    return max(2, ceil_div(nodes, NODES_PER_PROXY))


def swift_cores(drives: int, core_per_drive: float = 0.75, ghz: float = 2.0) -> Fraction:
    """F-18: cores of a node with so many drives; `core_per_drive` counts GHz."""
    return drives * exact(core_per_drive) / exact(ghz)


def placement_groups(osds: int, replicas: int) -> int:
    """F-36: groups of a pool, a power of two; with the autoscaler a starting value."""
    return 1 << next_power(Fraction(osds * PGS_PER_OSD, replicas))


def rereplication_hours(lost_tb: Number, gbps: Number) -> Fraction:
    """F-37: hours to copy what a lost node held at so many Gb/s."""
    return Fraction(lost_tb) * 8000 / gbps / 3600
