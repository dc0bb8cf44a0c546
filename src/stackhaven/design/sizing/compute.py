"""The plan for hypervisors of one model, and the choice among models."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stackhaven.design.formulas.compute import cores_per_vm_peak, ram_sticks
from stackhaven.design.hardware import Hardware, Server
from stackhaven.design.sizing.hosts import (
    DIMENSIONS,
    MEMORY,
    PACKING,
    UNIT_OF,
    demand,
    guests_held,
    least_hosts,
    pack,
    room_of,
    short_of,
    taken_by,
)
from stackhaven.design.units import plain, show
from stackhaven.design.workload import Workload
from stackhaven.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ComputePlan:
    """Hypervisors of one model.

    `needed` hosts hold all guests; `hosts` are those and the spare ones. `binding` names the dimension that asks
    for most hosts, or ``packing`` when whole guests leave gaps. `used` is the share of each dimension in use
    after `spare` hosts are lost; `headroom` the guests of the same mix that then still fit.
    """

    server: str
    guests: int
    needed: int
    spare: int
    binding: str
    asked: dict[str, int]
    used: dict[str, float]
    headroom: int
    guests_per_host: int
    blast_percent: float
    cores_per_vm_peak: int
    sticks_needed: int
    sticks_fitted: int
    price: float | None

    @property
    def hosts(self) -> int:
        """Hosts to buy."""
        return self.needed + self.spare


def plan_compute(name: str, server: Server, hardware: Hardware, workload: Workload) -> ComputePlan:
    """Hosts of this model for the workload, the spare ones included.

    Raises:
        InputError: rule ``size-flavor-too-large`` when a guest fits no host of this model.

    """
    for key, flavor in workload.flavors.items():
        short = short_of(flavor, server, hardware, workload)
        if short:
            raise _too_large(key, {name: server}, hardware, workload)
    counts = workload.counts()
    guests = sum(counts.values())
    needs = {key: taken_by(flavor) for key, flavor in workload.flavors.items()}
    room = room_of(server, hardware, workload)
    total = demand(counts, needs)
    asked = least_hosts(total, room)
    packing = pack(counts, needs, room)
    needed = max(packing.hosts, 1)
    most = max(asked, key=lambda d: asked[d], default=MEMORY)
    binding = PACKING if asked and needed > asked[most] else most
    hosts = needed + workload.spare_hosts
    per_host = ceil(guests / needed) if guests else 0
    sticks = ram_sticks(1, total[MEMORY] / needed + server.reserved_ram.base, server.stick.base)
    return ComputePlan(
        server=name,
        guests=guests,
        needed=needed,
        spare=workload.spare_hosts,
        binding=binding,
        asked=asked,
        used={d: round(float(total[d] / (needed * room[d])), 4) for d in DIMENSIONS if total[d]},
        headroom=guests_held(needed, room, counts, needs) - guests,
        guests_per_host=ceil(guests / hosts) if guests else 0,
        blast_percent=round(100 * per_host / guests, 2) if guests else 0.0,
        cores_per_vm_peak=_peak_cores(server, workload),
        sticks_needed=sticks.minimum,
        sticks_fitted=server.sticks,
        price=None if server.price is None else server.price * hosts,
    )


def _peak_cores(server: Server, workload: Workload) -> int:
    clock = float(server.clock.base)
    peaks = [
        cores_per_vm_peak(float(f.peak.base), clock, server.smt_factor)
        for f in workload.flavors.values()
        if f.peak
    ]
    return max(peaks, default=0)


def plans(hardware: Hardware, workload: Workload) -> tuple[ComputePlan, ...]:
    """A plan per model that can hold every flavor, the best first: cheapest, or without prices least lost per host.

    Raises:
        InputError: when no model can hold the largest flavor, or the wanted one is not in the catalogue.

    """
    wanted = workload.compute_server
    if wanted is not None and wanted not in hardware.servers:
        raise InputError(
            f"workload.compute_server is {wanted}, which the catalogue does not list",
            todo="write one of: " + ", ".join(hardware.servers),
            rule="size-server-unknown",
        )
    able = {
        name: server
        for name, server in hardware.servers.items()
        if not any(short_of(f, server, hardware, workload) for f in workload.flavors.values())
    }
    if not able:
        largest = _hardest(hardware, workload)
        raise _too_large(largest, dict(hardware.servers), hardware, workload)
    if wanted is not None and wanted not in able:
        key = next(
            k
            for k, f in workload.flavors.items()
            if short_of(f, hardware.servers[wanted], hardware, workload)
        )
        raise _too_large(key, {wanted: hardware.servers[wanted]}, hardware, workload, able=tuple(able))
    made = [plan_compute(name, server, hardware, workload) for name, server in able.items()]
    priced = all(p.price is not None for p in made)
    made.sort(key=lambda p: (p.server != wanted, p.price if priced else p.blast_percent, p.hosts, p.server))
    return tuple(made)


def _hardest(hardware: Hardware, workload: Workload) -> str:
    def misses(name: str) -> int:
        flavor = workload.flavors[name]
        return sum(bool(short_of(flavor, s, hardware, workload)) for s in hardware.servers.values())

    return max(workload.flavors, key=misses)


def _too_large(
    key: str,
    servers: dict[str, Server],
    hardware: Hardware,
    workload: Workload,
    *,
    able: tuple[str, ...] = (),
) -> InputError:
    flavor = workload.flavors[key]
    name, server = max(servers.items(), key=lambda item: _fits(key, item[1], hardware, workload))
    short = short_of(flavor, server, hardware, workload)
    room, need = room_of(server, hardware, workload)[short], taken_by(flavor)[short]
    if flavor.peak and need <= room:
        need, room = flavor.peak.base, server.guest_cores * server.peak_hertz_per_core
    unit = "GiB" if short == MEMORY and flavor.ram.binary else UNIT_OF[short]
    written = _amount(need, unit), _amount(room, unit)
    nearest = f"make {key} no larger than {written[1]} of {short}"
    if able:
        nearest += f", or take {able[0]}"
    elif need:
        nearest += (
            f", or list a server with {plain(Fraction(need) / room) if room else 'any'} times the {short}"
        )
    which = f"the roomiest server, {name}," if len(servers) > 1 else f"server {name}"
    return InputError(
        f"flavor {key} needs {written[0]} of {short} and {which} has {written[1]} for guests",
        why="a guest lives on one host; what the host keeps for itself and the overcommit ratio are counted",
        todo=nearest,
        rule="size-flavor-too-large",
    )


def _fits(key: str, server: Server, hardware: Hardware, workload: Workload) -> Fraction:
    need, room = taken_by(workload.flavors[key]), room_of(server, hardware, workload)
    return min((room[d] / need[d] for d in DIMENSIONS if need[d]), default=Fraction(0))


def _amount(base: Fraction, unit: str) -> str:
    return show(base, unit) if unit else plain(base)
