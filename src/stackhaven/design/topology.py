"""A design with everything expanded: each machine in its rack with feeds, links and services. Frozen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address

from stackhaven.design.catalogue import known
from stackhaven.design.plan_model import Design, Mode, NodePlan, Rack, ServicePlan, Site
from stackhaven.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine. `feeds` and `switches` are full names (site/name) of what it is plugged into."""

    name: str
    group: str
    number: int
    kind: str
    site: str
    rack: str
    feeds: tuple[str, ...]
    switches: tuple[str, ...]
    services: tuple[str, ...]
    networks: tuple[str, ...]
    addresses: Mapping[str, str] = field(default_factory=dict)
    hypervisor: str = ""

    @property
    def place(self) -> str:
        """site/rack."""
        return f"{self.site}/{self.rack}"


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service with its members and how many of them must work."""

    name: str
    mode: Mode
    reason: str
    members: tuple[str, ...]
    required: int
    needs: tuple[str, ...]
    vip: str = ""
    stores: bool = False
    edge: bool = False
    majority: bool = False

    @property
    def tolerates(self) -> int:
        """Members that may be lost."""
        return len(self.members) - self.required


@dataclass(frozen=True, kw_only=True)
class Vip:
    """A virtual address and the machines that may hold it."""

    name: str
    address: str
    network: str
    provider: str
    holders: tuple[str, ...]
    services: tuple[str, ...]
    fencing: bool = True


@dataclass(frozen=True, kw_only=True)
class Topology:
    """A whole cloud."""

    design: Design
    sites: Mapping[str, Site]
    machines: tuple[Machine, ...]
    services: Mapping[str, Service]
    vips: Mapping[str, Vip]

    @cached_property
    def by_name(self) -> Mapping[str, Machine]:
        """The machines by name."""
        return {m.name: m for m in self.machines}

    def in_rack(self, site: str, rack: str) -> tuple[Machine, ...]:
        """The machines of a rack, in document order."""
        return tuple(m for m in self.machines if m.site == site and m.rack == rack)

    def of_kind(self, kind: str) -> tuple[Machine, ...]:
        """The machines of a kind, in document order."""
        return tuple(m for m in self.machines if m.kind == kind)


ONE_SITE = {"main": Site(racks={"r1": Rack()})}
_USERS_OF = {
    "tunnel": {"ovn-controller", "ovn-gateway"},
    "external": {"ovn-gateway", "haproxy"},
    "storage": {
        "nova-compute",
        "cinder-volume",
        "ceph-osd",
        "ceph-mon",
        "swift-storage",
        "swift-proxy",
        "nfs",
    },
}
"""Which services need which kind of network; everybody needs management."""


def topology_of(design: Design) -> Topology:
    """Expand a design that has machines; see `propose` for one that has none yet.

    Raises:
        InputError: rule ``plan-rack-unknown`` when a machine stands in a rack the design does not have.

    """
    sites = dict(design.sites) or ONE_SITE
    places = [
        f"{site}/{rack}" for rack_index in range(_most_racks(sites)) for site, rack in _nth(sites, rack_index)
    ]
    machines: list[Machine] = []
    for group, plan in design.nodes.items():
        for number in range(1, (plan.count or 1) + 1):
            chosen = plan.racks or tuple(places)
            place = chosen[(number - 1) % len(chosen)]
            machines.append(_machine(design, _rack_of(sites, group, place), (group, number), plan, place))
    vips = _vips(design, machines)
    return Topology(
        design=design,
        sites=sites,
        machines=tuple(machines),
        services=_services(design, machines, vips),
        vips=vips,
    )


def _most_racks(sites: Mapping[str, Site]) -> int:
    return max(len(site.racks) for site in sites.values())


def _nth(sites: Mapping[str, Site], index: int) -> list[tuple[str, str]]:
    return [(name, list(site.racks)[index]) for name, site in sites.items() if index < len(site.racks)]


def _rack_of(sites: Mapping[str, Site], group: str, place: str) -> Rack:
    site, rack = place.split("/")
    if site not in sites or rack not in sites[site].racks:
        known = ", ".join(f"{s}/{r}" for s in list(sites)[:5] for r in list(sites[s].racks)[:5])
        raise InputError(
            f"nodes.{group} stands in rack {place}, which the design does not have",
            todo=f"add it under `sites`, or write one of: {known}",
            rule="plan-rack-unknown",
        )
    return sites[site].racks[rack]


def _machine(design: Design, rack: Rack, of: tuple[str, int], plan: NodePlan, place: str) -> Machine:
    group, number = of
    site_name, rack_name = place.split("/")
    networks = plan.networks or tuple(
        name
        for name, network in design.networks.items()
        if network.purpose == "management"
        or _USERS_OF.get(network.purpose, set()).intersection(plan.services)
    )
    own: dict[str, IPv4Address] = {
        network: given[number - 1] for network, given in plan.addresses.items() if number <= len(given)
    }
    return Machine(
        name=group if plan.count is None else f"{group}{number}",
        group=group,
        number=number,
        kind=plan.kind,
        site=site_name,
        rack=rack_name,
        feeds=tuple(f"{site_name}/{feed}" for feed in rack.feeds[: plan.feeds]),
        switches=tuple(f"{site_name}/{rack_name}/{switch}" for switch in rack.switches[: plan.links]),
        services=plan.services,
        networks=networks,
        addresses={network: str(address) for network, address in own.items()},
        hypervisor=plan.hypervisor or "",
    )


def _vips(design: Design, machines: list[Machine]) -> dict[str, Vip]:
    return {
        name: Vip(
            name=name,
            address=str(vip.address),
            network=vip.network,
            provider=vip.provider,
            holders=tuple(m.name for m in machines if m.group in vip.holders),
            services=vip.services,
            fencing=vip.fencing,
        )
        for name, vip in design.vips.items()
    }


def _services(design: Design, machines: list[Machine], vips: Mapping[str, Vip]) -> dict[str, Service]:
    members: dict[str, list[str]] = {}
    for machine in machines:
        for service in machine.services:
            members.setdefault(service, []).append(machine.name)
    reached = {service: vip.name for vip in vips.values() for service in vip.services}
    return {
        name: _service(name, tuple(placed), design.services.get(name), members.keys(), reached.get(name, ""))
        for name, placed in members.items()
    }


def _service(
    name: str, members: tuple[str, ...], said: ServicePlan | None, present: Collection[str], vip: str
) -> Service:
    facts = known(name)
    needs = said.needs if said and said.needs is not None else tuple(n for n in facts.needs if n in present)
    mode = said.mode if said and said.mode else facts.mode
    votes = facts.majority and mode is Mode.NATIVE
    least = len(members) // 2 + 1 if votes else 1
    return Service(
        name=name,
        mode=mode,
        reason=(said.reason if said and said.reason else facts.reason),
        members=members,
        required=min(said.minimum if said and said.minimum else least, len(members)),
        needs=needs,
        vip=vip,
        stores=facts.stores,
        edge=facts.edge,
        majority=votes,
    )
