"""Rules on address ranges, VIPs and gateways."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations, islice
from typing import Literal

from stackhaven.model.cloud import Network, Role
from stackhaven.model.defaults import (
    FIRST_NODE_OFFSET,
    assignable,
    floating_range,
    internal_vip,
    machines_of,
    public_vip,
    reserved,
)
from stackhaven.model.finding import Severity
from stackhaven.model.rules.base import Hit, Subject, rule

NAMES: tuple[Literal["management", "tunnel", "external"], ...] = ("management", "tunnel", "external")
NODE_NETWORKS: tuple[Literal["management", "tunnel"], ...] = ("management", "tunnel")
DOCKER = IPv4Network("172.17.0.0/16")
GENEVE_BYTES = 58
SMALLEST_GUEST_MTU = 1280
FEW_FLOATING = 16


def _networks(subject: Subject) -> dict[str, Network]:
    return {name: getattr(subject.cloud.networks, name) for name in NAMES}


def _is_host(network: IPv4Network, address: IPv4Address) -> bool:
    return address in network and address not in {network.network_address, network.broadcast_address}


@rule("net-overlap", "networks")
def networks_overlap(subject: Subject) -> Iterator[Hit]:
    """Two networks of the cloud share addresses.

    A host with both cannot know through which interface an address is reached, so traffic takes the wrong one or is
    dropped. Give each network a range of its own.
    """
    for (one, first), (other, second) in combinations(_networks(subject).items(), 2):
        if first.cidr.overlaps(second.cidr):
            yield Hit(
                ("networks", other, "cidr"),
                f"networks.{other}.cidr {second.cidr} overlaps networks.{one}.cidr {first.cidr}",
                "give each network a range of its own",
            )


@rule("addresses-exhausted", "networks", "nodes", "vip")
def addresses_exhausted(subject: Subject) -> Iterator[Hit]:
    """There are more machines than addresses to give out by rule.

    Machines get addresses from .11 upward in file order. Gateways, VIPs and addresses given by hand are skipped.
    A naming rule that runs out, or runs into another class of machines, is a classic of growing clouds (F-28).
    """
    machines = machines_of(subject.cloud.nodes)
    for name in NODE_NETWORKS:
        cidr = getattr(subject.cloud.networks, name).cidr
        wanted = sum(getattr(machine.node, name) is None for machine in machines)
        given = sum(1 for _ in islice(assignable(cidr, reserved(subject.cloud, name)), wanted))
        if given < wanted:
            yield Hit(
                ("networks", name, "cidr"),
                f"networks.{name}.cidr {cidr} has {given} addresses from .{FIRST_NODE_OFFSET} upward "
                f"for {wanted} machines",
                f"write a larger range, for example {_large_enough(cidr, wanted)}",
            )


def _large_enough(cidr: IPv4Network, machines: int) -> IPv4Network:
    while cidr.num_addresses < machines + FIRST_NODE_OFFSET + 3:
        cidr = cidr.supernet()
    return cidr


@rule("gateway-outside", "networks")
def gateway_outside(subject: Subject) -> Iterator[Hit]:
    """A gateway is not a host address of its own network, so nothing can reach it (E-30)."""
    for name, network in _networks(subject).items():
        if network.gateway is not None and not _is_host(network.cidr, network.gateway):
            yield Hit(
                ("networks", name, "gateway"),
                f"networks.{name}.gateway {network.gateway} is not a host address of {network.cidr}",
                f"write the router's address in it, for example {network.cidr[1]}",
            )


@rule("vip-outside", "networks", "vip")
def vip_outside(subject: Subject) -> Iterator[Hit]:
    """A VIP must lie in a network that every holder is attached to (E-01).

    Otherwise no neighbour asks for it and a takeover announces it in vain. The internal VIP lies in the management
    network, the public one there or in the external network.
    """
    cloud, management = subject.cloud, subject.cloud.networks.management.cidr
    todo = f"write a free host address of {management}, or leave it out for {management[5]}"
    if not _is_host(management, internal_vip(cloud)):
        yield Hit(
            ("vip", "internal"),
            f"vip.internal {internal_vip(cloud)} is not a host address of the management network {management}",
            todo,
        )
    public = cloud.vip.public
    if public and not any(_is_host(n, public) for n in (management, cloud.networks.external.cidr)):
        yield Hit(
            ("vip", "public"),
            f"vip.public {public} is neither in the management network {management} "
            f"nor in the external network {cloud.networks.external.cidr}",
            todo,
        )


@rule("vip-interface", "networks", "vip", "nodes", "lab")
def vip_interface(subject: Subject) -> Iterator[Hit]:
    """The public VIP lies in the external network, and a controller does not say how it is attached to that.

    Every controller may have to hold the VIP, on its interface of that network. Machines of the lab have one each;
    of existing hosts the name must be written.
    """
    cloud = subject.cloud
    public, management = public_vip(cloud), cloud.networks.management.cidr
    if cloud.lab is not None or public in management or not _is_host(cloud.networks.external.cidr, public):
        return
    for key, node in cloud.nodes.items():
        if Role.CONTROLLER in node.roles and "external" not in node.interfaces:
            yield Hit(
                ("nodes", key, "interfaces") if node.interfaces else ("nodes", key),
                f"nodes.{key} has no interface in the external network, where vip.public {public} lies",
                f"write `interfaces: {{external: eno3}}` with its name, or a vip.public in {management}",
                on_key=True,
            )


@rule("vip-taken", "networks", "vip", "nodes")
def vip_taken(subject: Subject) -> Iterator[Hit]:
    """A VIP is also the address of a machine or a gateway.

    Two hosts would answer for one address, and which of them a client meets is chance.
    """
    owners = {
        **{
            n.gateway: f"the gateway of networks.{name}"
            for name, n in _networks(subject).items()
            if n.gateway
        },
        **{a: f"the machine {key}" for key, a in _written(subject, "management")},
        **{a: f"the machine {key} (tunnel)" for key, a in _written(subject, "tunnel")},
    }
    vips = {"internal": internal_vip(subject.cloud), "public": public_vip(subject.cloud)}
    for name, vip in vips.items():
        if name == "public" and vip == vips["internal"]:
            continue
        if vip in owners:
            yield Hit(
                ("vip", name),
                f"vip.{name} {vip} is also the address of {owners[vip]}",
                "choose a free address",
            )


def _written(subject: Subject, network: str) -> list[tuple[str, IPv4Address]]:
    found = ((key, getattr(node, network)) for key, node in subject.cloud.nodes.items())
    return [(key, address) for key, address in found if address is not None]


@rule("address-duplicate", "networks", "nodes")
def address_duplicate(subject: Subject) -> Iterator[Hit]:
    """One address is written for two machines, or for a machine and a gateway."""
    owners: dict[IPv4Address, str] = {
        network.gateway: f"the gateway of networks.{name}"
        for name, network in _networks(subject).items()
        if network.gateway is not None
    }
    for name in NODE_NETWORKS:
        for key, address in _written(subject, name):
            if address in owners:
                yield Hit(
                    ("nodes", key, name),
                    f"nodes.{key}.{name} {address} is already the address of {owners[address]}",
                    "choose a free address, or leave it out",
                )
            owners.setdefault(address, f"the machine {key}")


@rule("address-outside", "networks", "nodes")
def address_outside(subject: Subject) -> Iterator[Hit]:
    """A machine's address is not a host address of the network it is written for."""
    for name in NODE_NETWORKS:
        cidr = getattr(subject.cloud.networks, name).cidr
        for key, address in _written(subject, name):
            if not _is_host(cidr, address):
                yield Hit(
                    ("nodes", key, name),
                    f"nodes.{key}.{name} {address} is not a host address of {cidr}",
                    f"write one of {cidr}, or leave it out",
                )


@rule("floating-outside", "networks")
def floating_outside(subject: Subject) -> Iterator[Hit]:
    """The floating IPs are not a range within the external network."""
    external = subject.cloud.networks.external
    if external.floating is None:
        return
    first, last = external.floating
    path = ("networks", "external", "floating")
    if first > last:
        yield Hit(
            path, f"networks.external.floating ends ({last}) before it begins ({first})", "swap the two"
        )
    for address in (first, last):
        if not _is_host(external.cidr, address):
            yield Hit(
                path,
                f"networks.external.floating: {address} is not a host address of {external.cidr}",
                f"write [{external.cidr[external.cidr.num_addresses // 2]}, {external.cidr[-2]}], for example",
            )


@rule("floating-taken", "networks", "vip")
def floating_taken(subject: Subject) -> Iterator[Hit]:
    """The floating IPs hold an address that is in use: the gateway or a VIP would be handed to a guest."""
    external = subject.cloud.networks.external
    if external.floating is None:
        return
    first, last = external.floating
    owners = {"the gateway": external.gateway, "the public VIP": subject.cloud.vip.public}
    for owner, address in owners.items():
        if address is not None and first <= address <= last:
            yield Hit(
                ("networks", "external", "floating"),
                f"networks.external.floating {first} to {last} holds {owner} {address}",
                "begin after it, or end before it",
            )


@rule("floating-few", "networks", "vip", severity=Severity.WARNING)
def floating_few(subject: Subject) -> Iterator[Hit]:
    """There are few floating IPs. Every router with an outside takes one too."""
    first, last = floating_range(subject.cloud)
    count = int(last) - int(first) + 1
    if subject.wants("neutron") and 0 < count < FEW_FLOATING:
        yield Hit(
            ("networks", "external", "floating"),
            f"only {count} floating IPs ({first} to {last}); every router takes one too",
            "write a larger range of the external network",
        )


@rule("net-public", "networks", severity=Severity.WARNING)
def network_public(subject: Subject) -> Iterator[Hit]:
    """Hosts' own networks use addresses that belong to someone on the Internet (E-30).

    Those hosts become unreachable from the cloud, and a leaked route takes traffic elsewhere.
    """
    for name in NODE_NETWORKS:
        cidr = getattr(subject.cloud.networks, name).cidr
        if cidr.is_global:
            yield Hit(
                ("networks", name, "cidr"),
                f"networks.{name}.cidr {cidr} is public address space",
                "write a range of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
            )


@rule("net-docker", "networks", severity=Severity.WARNING)
def network_docker(subject: Subject) -> Iterator[Hit]:
    """A network overlaps 172.17.0.0/16, which Docker takes on every host it is installed on (E-30)."""
    for name, network in _networks(subject).items():
        if network.cidr.overlaps(DOCKER):
            yield Hit(
                ("networks", name, "cidr"),
                f"networks.{name}.cidr {network.cidr} overlaps Docker's default {DOCKER}",
                "take another range, or never install Docker on these hosts",
            )


@rule("mtu-tunnel", "networks")
def tunnel_mtu(subject: Subject) -> Iterator[Hit]:
    """The tunnel network's packets are too small to carry guests' packets.

    Geneve with OVN's option takes 58 bytes; guests need 1280 at least, which IPv6 demands.
    """
    tunnel = subject.cloud.networks.tunnel
    if subject.wants("neutron") and tunnel.mtu - GENEVE_BYTES < SMALLEST_GUEST_MTU:
        yield Hit(
            ("networks", "tunnel", "mtu"),
            f"networks.tunnel.mtu {tunnel.mtu} leaves guests {tunnel.mtu - GENEVE_BYTES} bytes "
            f"after {GENEVE_BYTES} for Geneve",
            f"write {SMALLEST_GUEST_MTU + GENEVE_BYTES} or more",
        )
