"""Members of services: how many, where, and whether each finds what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stackhaven.design.catalogue import known
from stackhaven.design.checks.fault import Fault, warn
from stackhaven.design.formulas.platform import tolerated
from stackhaven.design.placement import together
from stackhaven.design.sizing import size
from stackhaven.design.topology import Machine, Service, Topology
from stackhaven.errors import InputError

_RETIRED = {
    "nova-cert": "nothing",
    "nova-consoleauth": "nothing",
    "nova-network": "neutron-server with OVN",
    "nova-volume": "cinder-volume",
    "glance-registry": "glance",
    "ceilometer-api": "gnocchi",
    "mongodb": "gnocchi",
    "heat-api-cloudwatch": "aodh",
    "l3-agent": "ovn-gateway",
    "dhcp-agent": "ovn-controller",
}


def vip_holder(topology: Topology) -> Iterator[Fault]:
    """Holders that do not exist, and VIPs with one holder only."""
    groups = topology.design.nodes
    for name, vip in topology.design.vips.items():
        unknown = [holder for holder in vip.holders if holder not in groups]
        if unknown:
            what = f"VIP {name} names holder {unknown[0]}, which is no entry of `nodes`"
            yield Fault(what, f"write one of: {', '.join(groups)}", ("vips", name, "holders"))
        elif len(topology.vips[name].holders) < 2:
            what = f"VIP {name} has one holder: the address cannot move"
            yield _judged(topology)(what, "give it a second holder", ("vips", name, "holders"))


def even(topology: Topology) -> Iterator[Fault]:
    """Voting services with an even number of members."""
    for service in topology.services.values():
        count = len(service.members)
        if service.majority and count % 2 == 0:
            what = (
                f"{service.name} has {count} voters and tolerates the loss of {tolerated(count)}, "
                f"as {count - 1} would"
            )
            group = topology.by_name[service.members[0]].group
            yield _judged(topology)(what, f"plan {count + 1} or {count - 1}", ("nodes", group, "count"))


def _judged(topology: Topology) -> Callable[..., Fault]:
    """What is an error where people work is a warning in a test bed."""
    return Fault if topology.design.needs.production else warn


def domains(topology: Topology) -> Iterator[Fault]:
    """Majorities inside one rack, feed or site."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for service in topology.services.values():
        if not service.majority or len(service.members) < 3:
            continue
        for kind, domain_of in (("rack", _place), ("site", _site)):
            key = (kind, service.members)
            fault = None if key in seen else _in_one(topology, service, kind, domain_of)
            seen.add(key)
            if fault:
                yield fault


def _in_one(
    topology: Topology, service: Service, kind: str, domain_of: Callable[[Machine], str]
) -> Fault | None:
    shared = together({m: domain_of(topology.by_name[m]) for m in service.members})
    held = next(
        ((d, names) for d, names in shared.items() if len(service.members) - len(names) < service.required),
        None,
    )
    racks = sum(len(site.racks) for site in topology.sites.values())
    exist = racks if kind == "rack" else len(topology.sites)
    if held is None or (exist == 1 and kind == "site"):
        return None
    what = f"{kind} {held[0]} holds {len(held[1])} of {len(service.members)} voters of {service.name}"
    path = ("nodes", topology.by_name[service.members[0]].group, "racks")
    if exist >= len(service.members):
        return Fault(what, f"spread them: there are {exist} {kind}s", path)
    if kind == "site":
        todo = f"{exist} sites cannot both keep a majority: add a third with one voter, or accept it"
        return warn(what, todo, path)
    return warn(
        what,
        f"there {'is' if exist == 1 else 'are'} {exist} {kind}{'s' if exist > 1 else ''}: add more",
        path,
    )


def _place(machine: Machine) -> str:
    return machine.place


def _site(machine: Machine) -> str:
    return machine.site


def replicas(topology: Topology) -> Iterator[Fault]:
    """More copies than storage nodes."""
    workload = topology.design.workload
    wanted = {}
    if workload and workload.objects:
        wanted["swift-storage"] = workload.objects.replicas
    if workload:
        wanted["ceph-osd"] = workload.blocks.replicas
    for name, copies in wanted.items():
        service = topology.services.get(name)
        if service and len(service.members) < copies:
            what = f"{copies} copies on {len(service.members)} nodes of {name}: two copies share a node"
            todo = f"plan {copies} nodes, or write {len(service.members)} replicas"
            yield Fault(what, todo, ("nodes", topology.by_name[service.members[0]].group, "count"))


def retired_service(topology: Topology) -> Iterator[Fault]:
    """Services that are gone."""
    for name, service in topology.services.items():
        if name in _RETIRED:
            group = topology.by_name[service.members[0]].group
            yield Fault(f"{name} is retired", f"use {_RETIRED[name]}", ("nodes", group, "services"))


def needs_met(topology: Topology) -> Iterator[Fault]:
    """Needs stated that nobody runs, and usual needs that are missing."""
    present = topology.services.keys()
    for name, service in topology.services.items():
        said = topology.design.services.get(name)
        usual = known(name).needs
        for need in service.needs:
            if need not in present:
                path = ("services", name, "needs")
                yield Fault(
                    f"{name} needs {need}, which no machine runs", f"add {need} to a node's services", path
                )
        for need in usual if said is None or said.needs is None else ():
            if need not in present:
                group = topology.by_name[service.members[0]].group
                what = f"{name} usually needs {need}, which no machine runs"
                todo = f"add {need}, or write services.{name}.needs without it"
                yield warn(what, todo, ("nodes", group, "services"))


def fencing(topology: Topology) -> Iterator[Fault]:
    """Pacemaker without fencing."""
    for name, vip in topology.vips.items():
        if vip.provider == "pacemaker" and not vip.fencing:
            what = f"VIP {name} is moved by Pacemaker without fencing"
            yield _judged(topology)(
                what, "write `fencing: true` and plan a BMC for each holder", ("vips", name)
            )


def needless(topology: Topology) -> Iterator[Fault]:
    """Storage nodes on the outside."""
    outside = {n for n, net in topology.design.networks.items() if net.purpose in {"external", "tenant"}}
    for group, plan in topology.design.nodes.items():
        met = sorted(outside & set(plan.networks))
        if plan.kind == "storage" and met and "swift-proxy" not in plan.services:
            what = f"{group} is attached to {', '.join(met)} and serves nobody there"
            yield warn(what, f"remove {met[0]} from its networks", ("nodes", group, "networks"))


def too_small(topology: Topology) -> Iterator[Fault]:
    """Fewer hypervisors than the workload needs."""
    design = topology.design
    if not design.workload or not design.hardware:
        return
    try:
        wanted = size(design).compute
    except InputError:
        return
    have = len(topology.of_kind("compute"))
    models = {plan.server for plan in design.nodes.values() if plan.kind == "compute"}
    if have and have < wanted.hosts and models <= {None, wanted.server}:
        what = f"{have} hypervisors are planned; the workload needs {wanted.needed} and {wanted.spare} spare"
        yield Fault(what, f"plan {wanted.hosts} of {wanted.server}", ("nodes",))
