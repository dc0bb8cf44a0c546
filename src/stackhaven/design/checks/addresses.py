"""Addresses, networks and virtual addresses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from stackhaven.design.checks.fault import Fault, first_host, warn
from stackhaven.design.formulas.platform import rule_collisions
from stackhaven.design.topology import Topology

_DOCKER = IPv4Network("172.17.0.0/16")


def vip_outside(topology: Topology) -> Iterator[Fault]:
    """VIPs outside their network, or in one a holder is not attached to."""
    networks = topology.design.networks
    for name, vip in topology.vips.items():
        path = ("vips", name, "address")
        network = networks.get(vip.network)
        if network is None:
            known = ", ".join(networks) or "none is described"
            yield Fault(
                f"VIP {name} is in network {vip.network}, which is not described", f"known: {known}", path
            )
            continue
        if IPv4Address(vip.address) not in network.cidr:
            what = f"VIP {name} {vip.address} is not in {vip.network} ({network.cidr})"
            yield Fault(what, f"write a free address of {network.cidr}", path)
        for holder in vip.holders:
            machine = topology.by_name[holder]
            if vip.network not in machine.networks:
                attached = ", ".join(machine.networks) or "none"
                what = f"VIP {name} is in {vip.network}, and its holder {holder} is attached to {attached}"
                yield Fault(what, f"attach {machine.group} to {vip.network}", path)


def overlap(topology: Topology) -> Iterator[Fault]:
    """Two networks that overlap."""
    for (one, first), (two, second) in combinations(topology.design.networks.items(), 2):
        if first.cidr.overlaps(second.cidr):
            what = f"networks {one} {first.cidr} and {two} {second.cidr} overlap"
            yield Fault(what, "give one of them another range", ("networks", two, "cidr"))


def gateway(topology: Topology) -> Iterator[Fault]:
    """Gateways outside their network."""
    for name, network in topology.design.networks.items():
        if network.gateway and network.gateway not in network.cidr:
            what = f"gateway {network.gateway} is not in {name} ({network.cidr})"
            yield Fault(what, f"write {first_host(network.cidr)}", ("networks", name, "gateway"))


def public_range(topology: Topology) -> Iterator[Fault]:
    """Other people's addresses inside, and Docker's default."""
    for name, network in topology.design.networks.items():
        path = ("networks", name, "cidr")
        if network.cidr.overlaps(_DOCKER):
            yield warn(
                f"{name} {network.cidr} is Docker's default range", "take another, or set its bip", path
            )
        elif network.cidr.is_global and network.purpose != "external":
            what = f"{name} {network.cidr} belongs to somebody on the Internet"
            yield Fault(what, "use 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", path)


def dhcp(topology: Topology) -> Iterator[Fault]:
    """Dynamic ranges over static addresses."""
    for name, network in topology.design.networks.items():
        if not network.dhcp:
            continue
        first, last = network.dhcp
        inside = [
            m.name
            for m in topology.machines
            if name in m.addresses and first <= IPv4Address(m.addresses[name]) <= last
        ]
        path = ("networks", name, "dhcp")
        if inside:
            what = f"the dynamic range {first} to {last} of {name} contains {', '.join(inside[:5])}"
            yield Fault(what, "let it begin behind the static addresses", path)
        if first not in network.cidr or last not in network.cidr or first > last:
            yield Fault(
                f"the dynamic range of {name} is not in {network.cidr}", "write first and last in it", path
            )


def outside(topology: Topology) -> Iterator[Fault]:
    """Machines with an address outside the network it is for."""
    networks = topology.design.networks
    for machine in topology.machines:
        for name, address in machine.addresses.items():
            path = ("nodes", machine.group, "addresses", name)
            if name not in networks:
                yield Fault(
                    f"{machine.name} has an address in {name}, which is not described", "describe it", path
                )
            elif IPv4Address(address) not in networks[name].cidr:
                what = f"{machine.name} has {address}, which is not in {name} ({networks[name].cidr})"
                yield Fault(what, f"write an address of {networks[name].cidr}", path)


def twice(topology: Topology) -> Iterator[Fault]:
    """Addresses given to two machines, or to a machine and a VIP."""
    owner: dict[tuple[str, str], str] = {
        (vip.network, vip.address): f"VIP {name}" for name, vip in topology.vips.items()
    }
    for machine in topology.machines:
        for name, address in machine.addresses.items():
            first = owner.setdefault((name, address), machine.name)
            if first != machine.name:
                path = ("nodes", machine.group, "addresses", name)
                yield Fault(
                    f"{address} in {name} is given to {first} and to {machine.name}",
                    "give each its own",
                    path,
                )


def rule_collision(topology: Topology) -> Iterator[Fault]:
    """F-28: offsets that collide, today or at the size that is planned for."""
    rule = topology.design.address_rule
    if rule is None:
        return
    today = {group: plan.count or 1 for group, plan in topology.design.nodes.items()}
    for when, counts in (("today", today), ("when grown as planned", today | dict(rule.grow_to))):
        found = rule_collisions(rule.offsets, counts)
        if found:
            octet, names = next(iter(found.items()))
            what = f"{when} {names[0]} and {names[1]} both get .{octet}, and {len(found) - 1} more collide"
            todo = f"leave room between the offsets: {_roomy(rule.offsets, today | dict(rule.grow_to))}"
            yield Fault(what, todo, ("address_rule", "offsets"))
            return


def _roomy(offsets: object, counts: dict[str, int]) -> str:
    assert isinstance(offsets, dict)
    words, start = [], 0
    for kind in sorted(offsets, key=lambda k: (offsets[k], k)):
        words.append(f"{kind}: {start}")
        start += -(-max(1, counts.get(kind, 1)) // 10) * 10
    return ", ".join(words)
