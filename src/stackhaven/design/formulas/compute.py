"""CPU, memory, bandwidth and overcommit of hypervisors (F-01 to F-09, F-11 to F-13)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stackhaven.design.units import Number, ceil_div, exact

BALANCED_STICKS = 8
"""Memory sticks are fitted in multiples of this: two sockets of four channels each."""


def cores_per_vm_peak(max_ghz: float, ghz_per_core: float, smt_factor: float = 1.0) -> int:
    """F-01: cores that honour a VM's peak; `smt_factor` is what a core gains by its second thread, 1 without."""
    return ceil_div(exact(max_ghz), exact(ghz_per_core) * exact(smt_factor))


def total_cores(vms: int, average_ghz: float, ghz_per_core: float) -> int:
    """F-02: physical cores for the average demand of all VMs."""
    return ceil_div(vms * exact(average_ghz), exact(ghz_per_core))


def sockets(cores: int, cores_per_socket: int) -> int:
    """F-03: processors that hold so many cores."""
    return ceil_div(cores, cores_per_socket)


def servers(sockets_needed: int, sockets_per_server: int) -> int:
    """F-04: servers that hold so many processors."""
    return ceil_div(sockets_needed, sockets_per_server)


def vms_per_server(vms: int, hosts: int) -> int:
    """F-05: VMs on the fullest server when spread evenly."""
    return ceil_div(vms, hosts)


def oversubscribed(demand_ghz: float, cores: int, ghz_per_core: float) -> bool:
    """F-06: whether more GHz are promised than were bought."""
    return exact(demand_ghz) > cores * exact(ghz_per_core)


@dataclass(frozen=True)
class Sticks:
    """F-07: memory of one server, in the unit that was put in."""

    needed: Fraction
    minimum: int
    fitted: int
    installed: Fraction


def ram_sticks(vms: int, ram_per_vm: Number, stick: Number, balance: int = BALANCED_STICKS) -> Sticks:
    """F-07: sticks for so many VMs; `fitted` fills all channels evenly, `minimum` only holds the amount."""
    needed = Fraction(vms * ram_per_vm)
    minimum = ceil_div(needed, stick)
    fitted = ceil(Fraction(minimum, balance)) * balance
    return Sticks(needed=needed, minimum=minimum, fitted=fitted, installed=Fraction(fitted * stick))


@dataclass(frozen=True)
class Bandwidth:
    """F-08: one link shared by VMs, Mb/s."""

    per_vm_mbps: Fraction
    load_mbps: Fraction
    fits: bool


def bandwidth_per_vm(link_mbps: int, vms: int, need_mbps: int) -> Bandwidth:
    """F-08: what each VM gets of a link, and whether that is what it needs."""
    load = Fraction(vms * need_mbps)
    return Bandwidth(per_vm_mbps=Fraction(link_mbps, vms), load_mbps=load, fits=load <= link_mbps)


@dataclass(frozen=True)
class GuestDisk:
    """F-09: TB of all VMs and of the share of one server."""

    local_tb: Fraction
    volume_tb: Fraction
    per_server_local_tb: Fraction
    per_server_volume_tb: Fraction


def guest_disk(vms: int, local_gb: int, volume_gb: int, hosts: int) -> GuestDisk:
    """F-09: local and persistent disk."""
    local, volume = Fraction(vms * local_gb, 1000), Fraction(vms * volume_gb, 1000)
    return GuestDisk(local, volume, local / hosts, volume / hosts)


def iops_per_vm(iops: int, drives: int, vms: int, write_penalty: float = 2) -> tuple[Fraction, Fraction]:
    """F-11: reads and writes per second for each VM; a write costs `write_penalty` drive operations."""
    read = Fraction(iops * drives, vms)
    return read, read / exact(write_penalty)


def vms_by_ratio(physical: Number, ratio: float, per_vm: Number) -> int:
    """F-12, F-13: VMs that an overcommitted resource admits; whole ones only."""
    return int(physical * exact(ratio) / per_vm)
