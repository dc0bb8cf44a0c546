"""What follows from a cloud's own words where the operator is silent. Pure; shared by rules and layout."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackhaven.model.cloud import Cloud, Node

FIRST_NODE_OFFSET = 11
"""Offset of the first machine's address; below it is room for gateways and VIPs."""

VIP_OFFSET = 5
LAB_RANGE = IPv4Network("10.64.0.0/10")
"""Lab networks live here, inside their own network namespaces; the host's routes are never touched."""

DEFAULT_INTERFACES = {"management": "mgmt0", "tunnel": "tun0", "external": "ext0"}


@dataclass(frozen=True)
class Machine:
    """One machine after `count` is expanded. `key`: its entry in the file; `number`: 1 upward within it."""

    name: str
    key: str
    number: int
    node: Node


def digest_of(text: str) -> int:
    """A stable number of a name: the same on every machine and in every release."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def lab_networks(name: str) -> dict[str, dict[str, object]]:
    """Three neighbouring /24 of `LAB_RANGE`, chosen by the lab's name; gateways (.1) are the lab's hub."""
    management, tunnel, external = (lab_base(name) + 256 * i for i in range(3))
    return {
        "management": {"cidr": f"{management}/24", "gateway": str(management + 1)},
        "tunnel": {"cidr": f"{tunnel}/24"},
        "external": {"cidr": f"{external}/24", "gateway": str(external + 1)},
    }


def machines_of(nodes: Mapping[str, Node]) -> tuple[Machine, ...]:
    """Every machine in file order, `count` expanded: ``com: {count: 3}`` is com1, com2 and com3."""
    machines: list[Machine] = []
    for key, node in nodes.items():
        if node.count is None:
            machines.append(Machine(key, key, 1, node))
        else:
            machines.extend(Machine(f"{key}{n}", key, n, node) for n in range(1, node.count + 1))
    return tuple(machines)


def lab_base(name: str) -> IPv4Address:
    """The first of the 1024 addresses of `LAB_RANGE` that belong to the lab of this name."""
    slots = LAB_RANGE.num_addresses // 1024
    return LAB_RANGE.network_address + 1024 * (digest_of(f"lab networks of {name}") % slots)


def internal_vip(cloud: Cloud) -> IPv4Address:
    """The internal VIP: as written, or .5 of the management network."""
    return cloud.vip.internal or cloud.networks.management.cidr[VIP_OFFSET]


def public_vip(cloud: Cloud) -> IPv4Address:
    """The public VIP: as written, or the internal one."""
    return cloud.vip.public or internal_vip(cloud)


def router_id(cloud: Cloud) -> int:
    """The VRRP router id, 1 to 255: as written, or from the name's hash, so that two clouds rarely meet."""
    return cloud.vip.router_id or 1 + digest_of(f"vrrp of {cloud.name}") % 255


def floating_range(cloud: Cloud) -> tuple[IPv4Address, IPv4Address]:
    """First and last floating IP: as written, or the upper half of the external network.

    The broadcast address is left out; where a gateway or VIP cuts the range, the longer side is taken.
    """
    external = cloud.networks.external
    if external.floating is not None:
        return external.floating
    cidr = external.cidr
    first, last = cidr[cidr.num_addresses // 2], cidr[-2]
    taken = {external.gateway, public_vip(cloud), internal_vip(cloud)} - {None}
    for address in sorted(a for a in taken if a is not None and first <= a <= last):
        if int(address) - int(first) > int(last) - int(address):
            last = address - 1
        else:
            first = address + 1
    return first, last


def reserved(cloud: Cloud, network: str) -> frozenset[IPv4Address]:
    """Addresses of ``management`` or ``tunnel`` never given by rule: gateway, VIPs, those written."""
    gateway = cloud.networks.management.gateway if network == "management" else cloud.networks.tunnel.gateway
    by_hand = (n.management if network == "management" else n.tunnel for n in cloud.nodes.values())
    taken = {gateway, internal_vip(cloud), public_vip(cloud), *by_hand}
    return frozenset(a for a in taken if a is not None)


def assignable(cidr: IPv4Network, taken: frozenset[IPv4Address]) -> Iterator[IPv4Address]:
    """The addresses a network can give out by rule, in order: from .11 to the last host, without `taken`."""
    for offset in range(FIRST_NODE_OFFSET, cidr.num_addresses - 1):
        address = cidr.network_address + offset
        if address not in taken:
            yield address
