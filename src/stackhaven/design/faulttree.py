"""What a cloud hangs on, as a graph: elements that fail, and gates that fail when enough of their inputs do.

A gate's ``least`` is how many of its inputs must fail for it to fail: 1 when all are needed (series), all of them
when one is enough (parallel), n - k + 1 for k of n. Everything the analysis says is read from this one graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import networkx as nx

from stackhaven.design.catalogue import known
from stackhaven.design.topology import Machine, Service, Topology, Vip
from stackhaven.errors import InputError

TOKEN, BOOT, REACH = "path:token", "path:boot", "path:reach"
"""What a user does, in order: log in, start a guest, reach it."""

_PATHS = {
    TOKEN: ("keystone",),
    BOOT: (
        "keystone",
        "nova-api",
        "nova-conductor",
        "nova-scheduler",
        "placement",
        "glance",
        "neutron-server",
        "ovn-northd",
        "nova-compute",
    ),
    REACH: ("ovn-gateway", "ovn-controller"),
}


@dataclass(frozen=True)
class Element:
    """One thing that can fail. `kind`: site, line, rack, feed, core, switch, link, machine or process."""

    id: str
    kind: str
    name: str


@dataclass
class FaultTree:
    """The graph. Vertices are ids; an edge goes from an input to the gate that reads it."""

    graph: nx.DiGraph[str] = field(default_factory=nx.DiGraph)
    elements: dict[str, Element] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)

    def element(self, kind: str, name: str) -> str:
        """An element's id; made at first use."""
        key = f"{kind}:{name}"
        if key not in self.elements:
            self.elements[key] = Element(key, kind, name)
            self.graph.add_node(key, least=0)
        return key

    def gate(self, key: str, inputs: Iterable[str], *, least: int = 1) -> str:
        """A gate over inputs; one that has none never fails."""
        self.graph.add_node(key, least=least)
        for vertex in dict.fromkeys(inputs):
            self.graph.add_edge(vertex, key)
        return key

    def any_of(self, key: str, inputs: Iterable[str]) -> str:
        """A gate that needs one of its inputs."""
        given = tuple(dict.fromkeys(inputs))
        return self.gate(key, given, least=max(1, len(given)))

    def least(self, key: str) -> int:
        """Inputs that must fail; 0 for an element."""
        return int(self.graph.nodes[key]["least"])

    def order(self) -> list[str]:
        """Every vertex behind its inputs.

        Raises:
            InputError: rule ``plan-needs-cycle`` when services need each other in a circle.

        """
        try:
            return list(nx.topological_sort(self.graph))
        except nx.NetworkXUnfeasible:
            circle = [edge[0] for edge in nx.find_cycle(self.graph) if edge[0].startswith("service:")]
            names = " needs ".join(c.removeprefix("service:") for c in reversed([*circle, *circle[:1]]))
            raise InputError(
                f"services need each other in a circle: {names}",
                todo="take one of these out of `services.NAME.needs`",
                rule="plan-needs-cycle",
            ) from None

    def fails(self, failed: Iterable[str]) -> set[str]:
        """Every vertex that is down when these elements are; the definition that cut sets are tested against."""
        down = set(failed)
        for vertex in self.order():
            least = self.least(vertex)
            if least and sum(p in down for p in self.graph.predecessors(vertex)) >= least:
                down.add(vertex)
        return down


def fault_tree(topology: Topology) -> FaultTree:
    """The graph of a cloud: power, racks, switches, links, lines, machines, processes, services, users' paths."""
    tree = FaultTree()
    _places(tree, topology)
    for machine in topology.machines:
        tree.machines[machine.name] = _machine(tree, topology, machine)
    vips = {name: _vip(tree, topology, vip) for name, vip in topology.vips.items()}
    for service in topology.services.values():
        _service(tree, topology, service, vips)
    for path, wanted in _PATHS.items():
        present = [tree.services[name] for name in wanted if name in tree.services]
        if present:
            outside = tree.any_of("outside", [f"out:{site}" for site in topology.sites])
            tree.services[path] = tree.gate(path, [*present, outside])
    return tree


def _places(tree: FaultTree, topology: Topology) -> None:
    for site_name, site in topology.sites.items():
        here = tree.element("site", site_name)
        lines = tree.any_of(
            f"lines:{site_name}",
            [tree.element("line", f"{site_name}/{n}") for n in range(1, site.uplinks + 1)],
        )
        tree.gate(f"out:{site_name}", [here, lines])
        every_feed = [f"{site_name}/{feed}" for rack in site.racks.values() for feed in rack.feeds]
        power = _power(tree, f"power:{site_name}", every_feed)
        cores = [
            tree.gate(f"up:core:{site_name}/{core}", [tree.element("core", f"{site_name}/{core}"), power])
            for core in site.core
        ]
        core = tree.any_of(f"cores:{site_name}", cores)
        for rack_name, rack in site.racks.items():
            place = f"{site_name}/{rack_name}"
            rack_up = tree.gate(f"up:rack:{place}", [here, tree.element("rack", place)])
            rack_power = _power(tree, f"power:{place}", [f"{site_name}/{f}" for f in rack.feeds])
            for switch in rack.switches:
                name = f"{place}/{switch}"
                tree.gate(f"up:switch:{name}", [tree.element("switch", name), rack_up, rack_power, core])


def _power(tree: FaultTree, key: str, feeds: Iterable[str]) -> str:
    return tree.any_of(key, [tree.element("feed", feed) for feed in feeds])


def _machine(tree: FaultTree, topology: Topology, machine: Machine) -> str:
    paths = [
        tree.gate(
            f"path:{machine.name}>{switch}",
            [tree.element("link", f"{machine.name}>{switch}"), f"up:switch:{switch}"],
        )
        for switch in machine.switches
    ]
    parts = [
        tree.element("machine", machine.name),
        f"up:rack:{machine.place}",
        _power(tree, f"power:{machine.name}", machine.feeds),
        tree.any_of(f"net:{machine.name}", paths),
    ]
    if len(topology.sites) > 1:
        parts.append(f"lines:{machine.site}")
    return tree.gate(f"up:{machine.name}", parts)


def _instance(tree: FaultTree, service: str, machine: str) -> str:
    process = tree.element("process", f"{service}@{machine}")
    return tree.gate(f"on:{service}@{machine}", [process, tree.machines[machine]])


def _vip(tree: FaultTree, topology: Topology, vip: Vip) -> str:
    """An address is up where the machine, what moves the address and the balancer are all up."""
    holders = []
    for name in vip.holders:
        running = topology.by_name[name].services
        needed = [s for s in ("haproxy", "keepalived", "pacemaker") if s in running]
        inputs = [_instance(tree, s, name) for s in needed] or [tree.machines[name]]
        holders.append(tree.gate(f"holder:{vip.name}@{name}", inputs))
    return tree.any_of(f"vip:{vip.name}", holders)


def _service(tree: FaultTree, topology: Topology, service: Service, vips: dict[str, str]) -> None:
    members = _by_domain(tree, topology, service)
    own = tree.gate(f"members:{service.name}", members, least=service.tolerates + 1)
    needs = [f"service:{n}" for n in service.needs if n in topology.services and not known(n).edge]
    reached = [vips[service.vip]] if service.vip else []
    tree.services[service.name] = tree.gate(f"service:{service.name}", [own, *needs, *reached])


def _by_domain(tree: FaultTree, topology: Topology, service: Service) -> list[str]:
    """A service's members; of one that keeps copies its sites or racks, where there are enough to keep copies apart.

    A lost machine then takes the copies of its site or rack with it, and a second in the same one no others.
    """
    members = {name: _instance(tree, service.name, name) for name in service.members}
    if known(service.name).copies:
        for domain in ("site", "place"):
            inside: dict[str, list[str]] = {}
            for name, instance in members.items():
                inside.setdefault(getattr(topology.by_name[name], domain), []).append(instance)
            if len(inside) >= service.tolerates + 2:
                return [tree.gate(f"copies:{service.name}@{where}", held) for where, held in inside.items()]
    return list(members.values())
