"""Quorum, timers, descriptors, connections and addresses (F-21 to F-34, F-40)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network
from math import ceil

from stackhaven.design.units import exact

RESERVED_DESCRIPTORS = 100
USABLE_DESCRIPTORS = Fraction(9, 10)
DEFAULT_FALL = 3
DEFAULT_RISE = 2


def quorum(members: int) -> int:
    """F-23: members that make a majority."""
    return members // 2 + 1


def tolerated(members: int) -> int:
    """F-23: members that may be lost with a majority left."""
    return members - quorum(members)


def vrrp_takeover_s(advert_s: float, priority: int, *, version: int = 2) -> Fraction:
    """F-21: seconds until a backup of this priority declares the master dead."""
    advert = exact(advert_s)
    skew = Fraction(256 - priority, 256)
    return 3 * advert + (skew if version == 2 else skew * advert)


@dataclass(frozen=True)
class Detection:
    """F-22: seconds until a server counts as down and, repaired, as up again."""

    down_s: Fraction
    up_s: Fraction


def check_times(inter_s: float, *, fall: int = DEFAULT_FALL, rise: int = DEFAULT_RISE) -> Detection:
    """F-22: in the worst case one interval more."""
    return Detection(down_s=exact(inter_s) * fall, up_s=exact(inter_s) * rise)


def hit_ratio(hits: int, misses: int) -> Fraction:
    """F-24: share of reads that the cache answered; 0 when nothing was asked."""
    return Fraction(hits, hits + misses) if hits + misses else Fraction(0)


def sum_agrees(average: float, count: int, total: float, tolerance: float = 1e-4) -> bool:
    """F-25: whether a statistic's printed sum is its average times its count."""
    return abs(exact(average) * count - exact(total)) <= exact(tolerance)


def member_inactive_s(delay_s: float, max_retries: int, timeout_s: float) -> tuple[Fraction, Fraction]:
    """F-26: earliest and latest seconds until a balancer marks a member inactive."""
    earliest = exact(delay_s) * max_retries
    return earliest, earliest + exact(timeout_s)


@dataclass(frozen=True)
class Descriptors:
    """F-29: what RabbitMQ makes of a limit on open files."""

    total: int
    sockets: int


def rabbit_descriptors(nofile: int) -> Descriptors:
    """F-29: descriptors and sockets a broker allows itself."""
    total = nofile - RESERVED_DESCRIPTORS
    return Descriptors(total=total, sockets=int(USABLE_DESCRIPTORS * total - 2))


def nofile_for(sockets: int, *, at_most_used: float = 0.8) -> int:
    """F-29 backwards: smallest limit on open files, in steps of 1,024, that keeps sockets under the alarm."""
    wanted = sockets / exact(at_most_used)
    limit = 1024
    while rabbit_descriptors(limit).sockets < wanted:
        limit += 1024
    return limit


@dataclass(frozen=True)
class ConnectionBudget:
    """F-30: connections the balancer admits against those the database servers accept."""

    frontend: int
    backend: int

    @property
    def queued(self) -> int:
        """Connections that wait in the balancer's queue and then fail."""
        return max(0, self.frontend - self.backend)


def connection_budget(frontend: int, per_server: int, usable_servers: int) -> ConnectionBudget:
    """F-30: with one writer only one server counts."""
    return ConnectionBudget(frontend=frontend, backend=per_server * usable_servers)


def pool_demand(workers: Mapping[str, int], pool: int) -> int:
    """F-30: connections that all workers of all services may open at once."""
    return sum(workers.values()) * pool


def rule_collisions(offsets: Mapping[str, int], counts: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
    """F-28: last octets that two machines share when class `c` numbers its machines offset + 1, + 2 and so on."""
    owners: dict[int, list[str]] = {}
    for kind, offset in offsets.items():
        for index in range(1, counts.get(kind, 0) + 1):
            owners.setdefault(offset + index, []).append(f"{kind}{index:02d}")
    return {octet: tuple(names) for octet, names in sorted(owners.items()) if len(names) > 1}


def pool_size(first: IPv4Address, last: IPv4Address) -> int:
    """F-32: addresses of a pool, both ends counted."""
    return int(last) - int(first) + 1


def network_of(interface: str) -> IPv4Network:
    """F-32: the network an interface's address and mask lie in."""
    return IPv4Network(interface, strict=False)


@dataclass(frozen=True)
class LoadRun:
    """F-33: a constant-concurrency load: VMs made, seconds expected."""

    vms: int
    seconds: Fraction


def load_run(times: int, concurrency: int, instances: int, average_s: float) -> LoadRun:
    """F-33: how long so many iterations take."""
    return LoadRun(vms=times * instances, seconds=Fraction(times, concurrency) * exact(average_s))


def failures(count: int, success: float) -> int:
    """F-34: failed iterations behind a success ratio, to the nearest whole one."""
    return round(count * (1 - exact(success)))


def file_max_for(processes: int, nofile: int, *, spare: float = 0.1) -> int:
    """F-40: kernel-wide limit so that so many processes can reach their own at once."""
    return ceil(processes * nofile * (1 + exact(spare)))
