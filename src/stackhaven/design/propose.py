"""From wishes to a whole design: the racks, machines, services, networks and addresses that the sizing asks for.

What the document already says is kept; proposing twice gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from math import ceil

from stackhaven.design.catalogue import BY_CLASS, COMPUTE, CONTROL, EVERYWHERE, known
from stackhaven.design.placement import spots, spread
from stackhaven.design.plan_model import Design, NodePlan, PlanNetwork, Rack, ServicePlan, Site, VipPlan
from stackhaven.design.sizing import Sizing, size

GATEWAYS_APART_FROM = 20
"""From so many hypervisors on, routers get machines of their own."""

RACKS_FOR_A_MAJORITY = 3
_RANGES = {"management": "10.32.0.0", "tunnel": "10.36.0.0", "storage": "10.40.0.0", "external": "10.44.0.0"}
_ROOM = 2
"""Networks have room for so many times today's machines."""


def propose(design: Design) -> tuple[Design, Sizing | None]:
    """The design with everything filled in, and the sizing it follows from (None when machines were given).

    Raises:
        InputError: rules ``size-...`` when there is nothing to size, or nothing that can hold it.

    """
    if design.nodes:
        return _with_networks(design, _machines(design.nodes)), None
    sizing = size(design)
    sites = dict(design.sites) or {"main": _site(_racks(design, sizing))}
    nodes = _nodes(design, sizing, sites)
    filled = design.model_copy(update={"sites": sites, "nodes": nodes, "services": _services(design, sizing)})
    return _with_networks(filled, _machines(nodes)), sizing


def _machines(nodes: Mapping[str, NodePlan]) -> int:
    return sum(plan.count or 1 for plan in nodes.values())


def _racks(design: Design, sizing: Sizing) -> int:
    if design.needs.racks:
        return design.needs.racks
    needed = sizing.fabric.racks if sizing.fabric else 1
    apart = RACKS_FOR_A_MAJORITY if design.needs.production and design.needs.controllers > 1 else 1
    return max(needed, apart)


def _site(racks: int) -> Site:
    return Site(
        racks={f"r{n}": Rack() for n in range(1, racks + 1)}, core=("core1", "core2") if racks > 1 else ()
    )


def _nodes(design: Design, sizing: Sizing, sites: Mapping[str, Site]) -> dict[str, NodePlan]:
    wanted = design.needs.classes
    few = sizing.compute.hosts < GATEWAYS_APART_FROM
    control = [s for s in CONTROL if s != "image-store" or not sizing.blocks]
    control += [s for name in wanted for s in BY_CLASS.get(name, ()) if s != "cinder-volume" or sizing.blocks]
    if sizing.blocks:
        control += ["ceph-mon", "ceph-mgr"]
    control += ["ovn-controller", "ovn-gateway"] if few else []
    count = design.needs.controllers
    nodes = {
        "controller": NodePlan(
            kind="controller", services=tuple(dict.fromkeys(control)), count=count, racks=spread(count, sites)
        )
    }
    if not few:
        gateways = 2 * len(sites) if len(sites) > 1 else 3
        services = ("ovn-controller", "ovn-gateway")
        nodes["network"] = NodePlan(
            kind="network", services=services, count=gateways, racks=spread(gateways, sites)
        )
    hypervisors = _by_rack("compute", sizing.compute.hosts, sites, sizing.compute.server, COMPUTE)
    nodes |= {name: plan.model_copy(update={"hypervisor": "kvm"}) for name, plan in hypervisors.items()}
    if sizing.blocks:
        nodes |= _by_rack("store", sizing.blocks.nodes, sites, sizing.blocks.server, ("ceph-osd",))
    if sizing.objects:
        swift = sizing.objects.swift
        nodes |= _by_rack("object", swift.nodes, sites, sizing.objects.server, ("swift-storage",))
        nodes["proxy"] = NodePlan(
            kind="storage", services=("swift-proxy",), count=swift.proxies, racks=spread(swift.proxies, sites)
        )
    nodes["deployer"] = NodePlan(kind="deployer", services=("deployer",), racks=spread(1, sites))
    return nodes


def _by_rack(
    name: str, count: int, sites: Mapping[str, Site], server: str, services: tuple[str, ...]
) -> dict[str, NodePlan]:
    """One entry per rack, so that a name says where the machine stands; few machines are one entry."""
    kind = "compute" if name == "compute" else "storage"
    everywhere = spots(sites)
    if count <= len(everywhere):
        plan = NodePlan.model_validate(
            {
                "kind": kind,
                "services": services,
                "count": count,
                "racks": spread(count, sites),
                "server": server,
            }
        )
        return {name: plan}
    share, rest = divmod(count, len(everywhere))
    alone = len(sites) == 1
    return {
        f"{name}-{'' if alone else spot.site + '-'}{spot.rack}-": NodePlan.model_validate(
            {
                "kind": kind,
                "services": services,
                "count": share + (index < rest),
                "racks": (spot.place,),
                "server": server,
            }
        )
        for index, spot in enumerate(everywhere)
    }


def _services(design: Design, sizing: Sizing) -> dict[str, ServicePlan]:
    said = dict(design.services)
    if sizing.blocks and "glance" not in said:
        said["glance"] = ServicePlan(
            needs=("keystone", "mariadb", "ceph-osd"), reason="keeps nothing itself: images are in Ceph"
        )
    if sizing.objects and "swift-storage" not in said:
        least = sizing.objects.replicas // 2 + 1
        members = sizing.objects.swift.nodes
        said["swift-storage"] = ServicePlan(minimum=members - sizing.objects.replicas + least)
    if sizing.blocks and "ceph-osd" not in said:
        said["ceph-osd"] = ServicePlan(minimum=max(1, sizing.blocks.nodes - sizing.blocks.replicas + 2))
    return said


def _with_networks(design: Design, machines: int) -> Design:
    networks = dict(design.networks)
    if not networks:
        bits = max(8, (ceil(machines * _ROOM) + 16 - 1).bit_length())
        purposes = ["management", "tunnel", "external"]
        if {"block", "object"} & set(design.needs.classes):
            purposes.append("storage")
        for purpose in purposes:
            cidr = IPv4Network(f"{_RANGES[purpose]}/{32 - min(bits, 16)}")
            routed = purpose in {"management", "external"}
            networks[purpose] = PlanNetwork.model_validate(
                {"cidr": cidr, "purpose": purpose, "gateway": cidr[1] if routed else None}
            )
    vips = dict(design.vips)
    management = next((n for n, net in networks.items() if net.purpose == "management"), "")
    if not vips and management and any("keepalived" in plan.services for plan in design.nodes.values()):
        vips["api"] = _vip(design, management, _vip_address(networks[management].cidr))
    return design.model_copy(update={"networks": networks, "vips": vips})


def _vip(design: Design, network: str, address: IPv4Address) -> VipPlan:
    holders = tuple(g for g, plan in design.nodes.items() if "keepalived" in plan.services)
    reached = dict.fromkeys(s for g in holders for s in design.nodes[g].services)
    not_behind = {*EVERYWHERE, "pacemaker"} - {"mariadb"}
    services = tuple(s for s in reached if s not in not_behind and (known(s).via_vip or s == "mariadb"))
    return VipPlan(address=address, network=network, services=services or ("haproxy",), holders=holders)


def _vip_address(cidr: IPv4Network) -> IPv4Address:
    """The fifth address, below those of machines; the last of a network that is too small for that."""
    return cidr[min(5, cidr.num_addresses - 1)]
