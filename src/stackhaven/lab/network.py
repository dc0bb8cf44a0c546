"""The lab's wires: one hub namespace with a bridge per network, one namespace per node, cables between them.

The host's own namespace gets no interface, address or route of the lab.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

from stackhaven.lab import netns
from stackhaven.lab.command import run
from stackhaven.lab.spec import LabNode, LabSpec, hub_of, node_prefix

_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17


def build_hub(spec: LabSpec) -> None:
    """Bring the hub to its described state; harmless where it already is."""
    _add_namespace(spec.hub)
    present = _links(spec.hub)
    commands = ["link set lo up"]
    for network in spec.networks:
        if network.bridge not in present:
            commands.append(
                f"link add {network.bridge} address {network.mac} mtu {network.mtu}"
                " type bridge forward_delay 0 stp_state 0 mcast_snooping 0"
            )
        commands += [
            *(
                f"addr replace {address} dev {network.bridge}"
                for address in (network.gateway, *network.further)
            ),
            f"link set {network.bridge} mtu {network.mtu} up",
        ]
    _batch(spec.hub, commands)
    with netns.entered(spec.hub):
        # The host's own setting is inherited, and a host with containers forwards.
        _set_sysctl("net/ipv4/ip_forward", "0")
        for network in spec.networks:
            _checksum_in_software(network.bridge)


def build_node(spec: LabSpec, node: LabNode) -> None:
    """Give the node a fresh namespace with its cables plugged in: a machine that boots keeps no old address."""
    remove_node(spec, node)
    _add_namespace(node.netns)
    _batch(
        spec.hub,
        [
            command
            for nic in node.nics
            for command in (
                f"link add {nic.cable} mtu {nic.mtu} type veth"
                f" peer name {nic.interface} address {nic.mac} mtu {nic.mtu} netns {node.netns}",
                f"link set {nic.cable} master {nic.bridge} up",
            )
        ],
    )
    commands = ["link set lo up"]
    for nic in node.nics:
        if nic.address:
            commands.append(f"addr add {nic.address} dev {nic.interface}")
        commands.append(f"link set {nic.interface} up")
    gateway = next(n.gateway for n in spec.networks if n.name == "management")
    commands.append(f"route add default via {gateway.partition('/')[0]}")
    _batch(node.netns, commands)
    with netns.entered(node.netns):
        for nic in node.nics:
            _checksum_in_software(nic.interface)


def cut(spec: LabSpec, node: LabNode) -> None:
    """Take the bridge-side ends down, so that nothing a dying machine says is heard."""
    present = _links(spec.hub)
    _batch(spec.hub, [f"link set {nic.cable} down" for nic in node.nics if nic.cable in present])


def remove_node(spec: LabSpec, node: LabNode) -> None:
    """Unplug and forget the node's namespace.

    The bridge-side ends go first: a namespace is freed late, and its cables with it.
    """
    present = _links(spec.hub)
    _batch(spec.hub, [f"link del {nic.cable}" for nic in node.nics if nic.cable in present])
    _remove_namespace(node.netns)


def remove_all(lab: str) -> None:
    """Forget every namespace of a lab, whatever its description was."""
    hub = hub_of(lab)
    if netns.exists(hub):
        _batch(hub, [f"link del {link}" for link in sorted(_links(hub) - {"lo"})])
    for name in namespaces(lab):
        _remove_namespace(name)


def namespaces(lab: str) -> tuple[str, ...]:
    """Names of the lab's namespaces that exist."""
    if not netns.NETNS_DIR.is_dir():
        return ()
    prefix, hub = node_prefix(lab), hub_of(lab)
    return tuple(
        sorted(p.name for p in netns.NETNS_DIR.iterdir() if p.name == hub or p.name.startswith(prefix))
    )


def _add_namespace(name: str) -> None:
    if netns.exists(name):
        return
    (netns.NETNS_DIR / name).unlink(missing_ok=True)
    run(("ip", "netns", "add", name))


def _remove_namespace(name: str) -> None:
    if netns.exists(name):
        run(("ip", "netns", "del", name))
    (netns.NETNS_DIR / name).unlink(missing_ok=True)


def _links(namespace: str) -> frozenset[str]:
    if not netns.exists(namespace):
        return frozenset()
    with netns.entered(namespace):
        return frozenset(name for _, name in socket.if_nameindex())


def _batch(namespace: str, commands: Iterable[str]) -> None:
    lines = tuple(commands)
    if lines:
        run(("ip", "-n", namespace, "-batch", "-"), stdin="\n".join(lines) + "\n")


def _set_sysctl(path: str, value: str) -> None:
    (Path("/proc/sys") / path).write_text(value, encoding="ascii")


def _checksum_in_software(interface: str) -> None:
    """Switch off transmit checksum offload on an interface of the current namespace.

    Open vSwitch's userspace datapath loses the mark of a checksum still to be computed, and the receiving guest
    drops such TCP and UDP packets while ping works.
    """
    value = (ctypes.c_uint32 * 2)(_ETHTOOL_STXCSUM, 0)
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        fcntl.ioctl(door.fileno(), _SIOCETHTOOL, request)
