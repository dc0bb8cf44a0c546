"""What a lab is made of, computed from a layout. Pure: every name follows from the lab's own, nothing is global."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.cloud import Network, Role
from stackhaven.model.defaults import FIRST_NODE_OFFSET
from stackhaven.model.fencing import lab_bmc_network

INTERFACE_NAME_LIMIT = 15
"""Longest interface name the kernel takes (IFNAMSIZ less the terminating zero)."""


@dataclass(frozen=True, kw_only=True)
class LabNetwork:
    """A bridge in the lab's hub namespace.

    `gateway` is the hub's address with prefix length, `further` are others it has (those of virtual BMCs).
    """

    name: str
    bridge: str
    cidr: IPv4Network
    gateway: str
    mtu: int
    mac: str
    further: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabBmc:
    """A node's virtual BMC: its address in the hub, and the account it knows."""

    address: str
    user: str


@dataclass(frozen=True, kw_only=True)
class Nic:
    """A node's interface and the bridge-side end of its cable. `address` is with prefix length, or empty."""

    network: str
    bridge: str
    interface: str
    cable: str
    address: str
    mtu: int
    mac: str


@dataclass(frozen=True, kw_only=True)
class LabNode:
    """One machine. `address` is where SSH reaches it; memory in MiB is what it was designed for, not a limit."""

    name: str
    roles: frozenset[Role]
    address: str
    netns: str
    machine: str
    cgroup: str
    nics: tuple[Nic, ...]
    memory_mb: int
    bmc: LabBmc | None = None


@dataclass(frozen=True, kw_only=True)
class LabSpec:
    """One lab."""

    name: str
    networks: tuple[LabNetwork, ...]
    nodes: tuple[LabNode, ...]

    @property
    def hub(self) -> str:
        """Network namespace with the bridges; the only door to the lab."""
        return hub_of(self.name)

    @property
    def bmcs(self) -> tuple[LabBmc, ...]:
        """The BMCs of all nodes; none when nothing in the cloud uses them."""
        return tuple(node.bmc for node in self.nodes if node.bmc is not None)

    def node(self, name: str) -> LabNode:
        """The machine of this name; KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


def hub_of(lab: str) -> str:
    """Name of a lab's hub namespace."""
    return f"haven-{lab}-hub"


def node_prefix(lab: str) -> str:
    """How the names of a lab's node namespaces and machines begin.

    The dot cannot occur in a lab's or a node's name, so no two labs can ever make the same name.
    """
    return f"haven-{lab}."


def cgroup_of(lab: str) -> str:
    """The lab's cgroup, relative to the hierarchy's mount; nodes are below it."""
    return f"haven-{lab}"


def interface_name(prefix: str, name: str) -> str:
    """``prefix-name``, or with a hash instead of the name where the kernel would refuse its length."""
    plain = f"{prefix}-{name}"
    if len(plain) <= INTERFACE_NAME_LIMIT:
        return plain
    room = INTERFACE_NAME_LIMIT - len(prefix) - 1
    return f"{prefix}-{hashlib.sha256(name.encode()).hexdigest()[:room]}"


def mac_of(*names: str) -> str:
    """A fixed, locally administered MAC address.

    Fixed, because a bridge without one takes the lowest of its ports', and the gateway's MAC would change with a
    node's power cycle.
    """
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x52, *digest[:5]))


def spec_of(layout: Layout) -> LabSpec:
    """The lab of a layout: every node that is not an existing host."""
    cloud = layout.cloud
    networks = tuple(
        _network(cloud.name, name, short, network)
        for name, short, network in (
            ("management", "mgmt", cloud.networks.management),
            ("tunnel", "tun", cloud.networks.tunnel),
            ("external", "ext", cloud.networks.external),
        )
    )
    if any(node.bmc for node in layout.nodes):
        networks = (*networks, _bmc_network(layout))
    nodes = tuple(_node(cloud.name, node, networks) for node in layout.nodes if node.ssh is None)
    return LabSpec(name=cloud.name, networks=networks, nodes=nodes)


def _network(lab: str, name: str, short: str, network: Network) -> LabNetwork:
    gateway = network.gateway or network.cidr[1]
    return LabNetwork(
        name=name,
        bridge=f"br-{short}",
        cidr=network.cidr,
        gateway=f"{gateway}/{network.cidr.prefixlen}",
        mtu=network.mtu,
        mac=mac_of(lab, name),
    )


def _bmc_network(layout: Layout) -> LabNetwork:
    cidr = lab_bmc_network(layout.cloud.name)
    network = _network(layout.cloud.name, "bmc", "bmc", Network(cidr=cidr))
    further = tuple(f"{node.bmc.address}/{cidr.prefixlen}" for node in layout.nodes if node.bmc)
    return replace(network, further=further)


_DEFAULT_INTERFACES = {"management": "mgmt0", "tunnel": "tun0", "external": "ext0", "bmc": "bmc0"}


def _node(lab: str, node: LayoutNode, networks: tuple[LabNetwork, ...]) -> LabNode:
    addresses = {"management": node.management, "tunnel": node.tunnel, "external": ""}
    nics = []
    for network in networks:
        if network.name == "bmc":
            if Role.CONTROLLER not in node.roles:
                continue
            addresses["bmc"] = str(network.cidr[FIRST_NODE_OFFSET + node.ordinal])
        address = addresses[network.name]
        nics.append(
            Nic(
                network=network.name,
                bridge=network.bridge,
                interface=node.interfaces.get(network.name) or _DEFAULT_INTERFACES[network.name],
                cable=interface_name(network.bridge.removeprefix("br-"), node.name),
                address=f"{address}/{network.cidr.prefixlen}" if address else "",
                mtu=network.mtu,
                mac=mac_of(lab, node.name, network.name),
            )
        )
    return LabNode(
        name=node.name,
        roles=node.roles,
        address=node.management,
        netns=node_prefix(lab) + node.name,
        machine=node_prefix(lab) + node.name,
        cgroup=f"{cgroup_of(lab)}/{node.name}",
        nics=tuple(nics),
        memory_mb=node.memory_mb,
        bmc=LabBmc(address=node.bmc.address, user=node.bmc.user) if node.bmc else None,
    )
