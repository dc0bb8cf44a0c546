"""Hypervisors: what a guest takes, what a host has, and how many hosts hold all guests.

The number of hosts is not a quotient but a placement: hosts are filled guest by guest, so that what the plan
promises can be done with whole guests on whole machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stackhaven.design.hardware import Hardware, Server
from stackhaven.design.units import exact
from stackhaven.design.workload import Flavor, Workload

CLOCK, VCPU, MEMORY, DISK, IOPS, BANDWIDTH = "clock", "vCPU", "memory", "local disk", "IOPS", "bandwidth"
DIMENSIONS = (CLOCK, VCPU, MEMORY, DISK, IOPS, BANDWIDTH)
UNIT_OF = {CLOCK: "GHz", VCPU: "", MEMORY: "GB", DISK: "TB", IOPS: "", BANDWIDTH: "Gb/s"}
PACKING = "packing"

Amounts = Mapping[str, Fraction]


def taken_by(flavor: Flavor) -> dict[str, Fraction]:
    """What one guest takes of each dimension, in base units (Hz, bytes, b/s)."""
    zero = Fraction(0)
    return {
        CLOCK: flavor.average.base if flavor.average else zero,
        VCPU: Fraction(flavor.vcpus),
        MEMORY: flavor.ram.base,
        DISK: flavor.disk.base if flavor.disk else zero,
        IOPS: Fraction(flavor.iops),
        BANDWIDTH: flavor.bandwidth.base if flavor.bandwidth else zero,
    }


def room_of(server: Server, hardware: Hardware, workload: Workload) -> dict[str, Fraction]:
    """What one host has of each dimension for guests, overcommitment and the loss of a link included."""
    ratios = workload.ratios
    return {
        CLOCK: server.guest_hertz,
        VCPU: server.guest_cores * exact(ratios.cpu),
        MEMORY: server.guest_ram * exact(ratios.ram),
        DISK: hardware.local_disk(server) * exact(ratios.disk),
        IOPS: Fraction(hardware.local_iops(server)) / exact(workload.write_penalty),
        BANDWIDTH: server.bandwidth,
    }


def short_of(flavor: Flavor, server: Server, hardware: Hardware, workload: Workload) -> str:
    """The first dimension in which not even one guest fits a host; empty when it fits."""
    room, need = room_of(server, hardware, workload), taken_by(flavor)
    for dimension in DIMENSIONS:
        if need[dimension] > room[dimension]:
            return dimension
    if flavor.peak and flavor.peak.base > server.guest_cores * server.peak_hertz_per_core:
        return CLOCK
    return ""


@dataclass(frozen=True)
class Packing:
    """Hosts used, and the guests on the fullest of them."""

    hosts: int
    fullest: int


def pack(counts: Mapping[str, int], needs: Mapping[str, Amounts], room: Amounts) -> Packing:
    """Fill host after host, largest guests first; every guest must fit an empty host.

    Hosts filled alike are counted at once, so the time depends on the number of flavors, not of guests.
    """
    left = {name: count for name, count in counts.items() if count}
    order = sorted(left, key=lambda name: (-_share(needs[name], room), name))
    hosts = fullest = 0
    while left:
        filling = _filling(order, left, needs, room)
        alike = min(left[name] // number for name, number in filling.items())
        hosts += alike
        fullest = max(fullest, sum(filling.values()))
        for name, number in filling.items():
            left[name] -= alike * number
            if not left[name]:
                del left[name]
    return Packing(hosts=hosts, fullest=fullest)


def _filling(
    order: list[str], left: Mapping[str, int], needs: Mapping[str, Amounts], room: Amounts
) -> dict[str, int]:
    free, filling = dict(room), {}
    for name in order:
        if name not in left:
            continue
        need = needs[name]
        number = min([left[name], *(int(free[d] / need[d]) for d in DIMENSIONS if need[d])])
        if number:
            filling[name] = number
            for dimension in DIMENSIONS:
                free[dimension] -= number * need[dimension]
    return filling


def _share(need: Amounts, room: Amounts) -> Fraction:
    return max((need[d] / room[d] for d in DIMENSIONS if room[d]), default=Fraction(0))


def demand(counts: Mapping[str, int], needs: Mapping[str, Amounts]) -> dict[str, Fraction]:
    """What all guests take together."""
    return {d: sum((needs[n][d] * c for n, c in counts.items()), Fraction(0)) for d in DIMENSIONS}


def least_hosts(total: Amounts, room: Amounts) -> dict[str, int]:
    """Hosts that each dimension alone asks for."""
    return {d: ceil(total[d] / room[d]) for d in DIMENSIONS if total[d] and room[d]}


def guests_held(hosts: int, room: Amounts, counts: Mapping[str, int], needs: Mapping[str, Amounts]) -> int:
    """Guests of the same mix that so many hosts have room for, when none is cut by a host's edge."""
    guests = sum(counts.values())
    total = demand(counts, needs)
    if not guests:
        return 0
    return int(min(hosts * room[d] * guests / total[d] for d in DIMENSIONS if total[d]))
