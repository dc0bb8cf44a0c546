"""Availability from cut sets: exact to second order, common causes and take-over times included.

A cut of one element counts with that element's downtime, a pair with the product; the services' own members are
also given in closed form (k of n with a common cause), which the cut sets must agree with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import networkx as nx

from stackhaven.design.availability.values import Rates
from stackhaven.design.cutsets import Cuts, cut_sets
from stackhaven.design.faulttree import BOOT, REACH, TOKEN, FaultTree, fault_tree
from stackhaven.design.formulas.nines import (
    HOURS_PER_YEAR,
    downtime_s_per_year,
    nines,
    series,
    with_common_cause,
)
from stackhaven.design.topology import Service, Topology

GUEST, WHOLE = "path:guest", "path:whole"
"""A guest one already has, reached from outside; and all three steps of a user in a row, for one given guest."""

NAMES = {
    TOKEN: "log in",
    BOOT: "start a guest (log in included)",
    REACH: "reach the guests' network",
    GUEST: "reach one given guest",
    WHOLE: "log in, start, reach one given guest",
}


@dataclass(frozen=True, kw_only=True)
class Share:
    """One reason for downtime, seconds a year."""

    what: str
    seconds_per_year: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """A service or path. `shares` are the largest reasons first."""

    name: str
    title: str
    members: str
    availability: float
    nines: float
    seconds_per_year: float
    shares: tuple[Share, ...]

    @property
    def dominant(self) -> tuple[str, float] | None:
        """The largest reason, and its share of them all; None where nothing is lost."""
        total = sum(share.seconds_per_year for share in self.shares)
        return (self.shares[0].what, self.shares[0].seconds_per_year / total) if total else None

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


@dataclass(frozen=True)
class Model:
    """A topology with its rates, ready to be asked."""

    topology: Topology
    rates: Rates

    @cached_property
    def tree(self) -> FaultTree:
        """The graph, with the paths of one guest added."""
        tree = fault_tree(self.topology)
        host = next((m.name for m in self.topology.machines if "nova-compute" in m.services), None)
        if host and REACH in tree.services:
            own = f"on:nova-compute@{host}"
            tree.services[GUEST] = tree.gate(GUEST, [tree.services[REACH], own])
            if BOOT in tree.services:
                tree.services[WHOLE] = tree.gate(WHOLE, [tree.services[BOOT], tree.services[GUEST]])
        return tree

    @cached_property
    def cuts(self) -> Mapping[str, Cuts]:
        """Minimal cuts of every vertex."""
        return cut_sets(self.tree)

    def with_rates(self, rates: Rates) -> Model:
        """The same structure with other rates; graph and cuts are taken over, not found again."""
        other = Model(self.topology, rates)
        other.__dict__.update(tree=self.tree, cuts=self.cuts, _below=self._below)
        return other

    @cached_property
    def _below(self) -> dict[str, set[str]]:
        """What `below` found already."""
        return {}

    def down(self, element: str) -> float:
        """Unavailability of an element."""
        return self.rates.of(self.tree.elements[element].kind).down

    def below(self, name: str) -> set[str]:
        """The services that a service or path stands on, itself included."""
        if name not in self._below:
            top = self.tree.services[name]
            under = {v.removeprefix("service:") for v in {top, *nx.ancestors(self.tree.graph, top)}}
            self._below[name] = under & self.topology.services.keys()
        return self._below[name]

    def common_cause(self, service: Service) -> float:
        """Unavailability of all members at once by one cause: a bug, an update, a mistake."""
        if len(service.members) < 2:
            return 0.0
        return self.rates.beta * (self.rates.process.down + self.rates.machine.down)

    def result(self, name: str) -> Result:
        """Availability of a service or a path.

        Raises:
            KeyError: when the cloud has no such service.

        """
        shares = self._shares(name)
        up = 1.0
        for seconds in shares.values():
            up *= 1 - min(1.0, seconds / downtime_s_per_year(0))
        service = self.topology.services.get(name)
        ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        return Result(
            name=name,
            title=NAMES.get(name, name),
            members=f"{service.required} of {len(service.members)}" if service else "",
            availability=up,
            nines=round(nines(up), 2),
            seconds_per_year=downtime_s_per_year(up),
            shares=tuple(Share(what=w, seconds_per_year=s) for w, s in ranked if s > 0),
        )

    def _shares(self, name: str) -> dict[str, float]:
        """Seconds a year by reason."""
        cuts = self.cuts[self.tree.services[name]]
        shares: dict[str, float] = defaultdict(float)
        for element in cuts.singles:
            kind = self.tree.elements[element]
            shares[f"{kind.kind} {kind.name} alone"] += downtime_s_per_year(1 - self.down(element))
        for pair in cuts.pairs:
            one, two = sorted(pair)
            kinds = sorted(self.tree.elements[e].kind for e in (one, two))
            shares[f"a {kinds[0]} and a {kinds[1]} at once"] += downtime_s_per_year(
                1 - self.down(one) * self.down(two)
            )
        used = [self.topology.services[s] for s in sorted(self.below(name))]
        for service in used:
            cause = self.common_cause(service)
            if cause:
                shares["one cause for all members (bug, update, mistake)"] += downtime_s_per_year(1 - cause)
        for what, seconds in self._take_overs(name):
            if seconds:
                shares[what] += seconds
        return shares

    def redundant(self, name: str) -> list[Service]:
        """What a service or path stands on whose members take over from each other; before a VIP also what holds it."""
        below = self.below(name)
        services = self.topology.services
        for vip in self.topology.vips.values():
            if below & set(vip.services):
                below = below | ({BALANCER, vip.provider} & services.keys())
        used = [services[one] for one in sorted(below)]
        return [s for s in used if s.tolerates and not s.edge and len(s.members) <= ALL_ALIKE]

    def _take_overs(self, name: str) -> Iterator[tuple[str, float]]:
        """Seconds a year that users lose while another member takes over, its share of the requests each time.

        A machine that carries several services fails once, not once per service.
        """
        redundant = self.redundant(name)
        spread: dict[str, int] = {}
        for service in redundant:
            for member in service.members:
                spread[member] = min(spread.get(member, len(service.members)), len(service.members))
        machine, process = self.rates.machine, self.rates.process
        lost = sum(1 / count for count in spread.values()) * machine.outage_s / machine.mtbf_h
        yield "take-over from a machine", HOURS_PER_YEAR * lost
        for service in redundant:
            known = service.name in self.rates.services
            what = f"take-over from a process of {service.name}" if known else "take-over from a process"
            yield what, HOURS_PER_YEAR * self.rates.take_over_s(service.name) / process.mtbf_h

    def closed_form(self, name: str) -> float:
        """A service's own members by k of n with a common cause, each machine taken alone."""
        service = self.topology.services[name]
        instance = series((1 - self.rates.process.down, 1 - self.rates.machine.down))
        members = len(service.members)
        if members == 1:
            return instance
        return with_common_cause(service.required, members, instance, self.rates.beta)

    def all_results(self) -> tuple[Result, ...]:
        """Paths first, then services in name order."""
        paths = [p for p in NAMES if p in self.tree.services]
        return tuple(self.result(name) for name in (*paths, *sorted(self.topology.services)))


BALANCER = "haproxy"
"""It stands on the VIP's holder: when it fails there, the VIP moves."""

ALL_ALIKE = 20
"""Services with more members than this (hypervisors) have no member that others take over from."""
