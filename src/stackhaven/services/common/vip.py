"""Where on a controller a VIP lives: on the interface of the network that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.services.common.ovn import EXTERNAL_BRIDGE
from stackhaven.services.common.wanted import is_wanted

AFTER_BRIDGE = "After=haven-external-bridge.service\n"
"""At boot the outside's bridge is there before what puts the public VIP on it."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A VIP on one node."""

    address: str
    interface: str
    prefix: int


def places(layout: Layout, node: LayoutNode) -> tuple[Place, ...]:
    """Every VIP of the cloud, as this node would hold it."""
    vips = dict.fromkeys((layout.vip_internal, layout.vip_public))
    return tuple(_place(layout, node, vip) for vip in vips)


def on_bridge(layout: Layout) -> bool:
    """Whether some controller would hold a VIP on the bridge of Open vSwitch to the outside."""
    nodes = layout.controllers
    return any(place.interface == EXTERNAL_BRIDGE for node in nodes for place in places(layout, node))


def interfaces(layout: Layout, address: str) -> Iterator[tuple[str, str]]:
    """For every controller the interface on which it would hold this VIP."""
    for node in layout.controllers:
        yield node.name, _place(layout, node, address).interface


def _place(layout: Layout, node: LayoutNode, vip: str) -> Place:
    networks = layout.cloud.networks
    if IPv4Address(vip) in networks.management.cidr:
        interface, network = node.interfaces["management"], networks.management
    else:
        # The rule vip-outside leaves no third network. What Open vSwitch forwards never reaches the host's own
        # interface: on a chassis the host is on the outside through the bridge.
        network = networks.external
        bridged = node in layout.chassis and is_wanted(layout, "neutron")
        interface = EXTERNAL_BRIDGE if bridged else node.interfaces["external"]
    return Place(address=vip, interface=interface, prefix=network.cidr.prefixlen)
