"""From a cloud to its layout: machines expanded, addresses given out by rule in file order. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import islice
from typing import Literal

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.design.sizing_defaults import cores, memory_mb
from stackhaven.errors import InputError
from stackhaven.model.cloud import Cloud, Ssh
from stackhaven.model.defaults import (
    DEFAULT_INTERFACES,
    FIRST_NODE_OFFSET,
    Machine,
    assignable,
    floating_range,
    internal_vip,
    machines_of,
    public_vip,
    reserved,
    router_id,
)
from stackhaven.model.fencing import bmcs_of


def layout_of(cloud: Cloud) -> Layout:
    """The layout of a cloud.

    Management and tunnel addresses count upward from offset 11 in file order and skip gateways, VIPs and
    addresses given by hand. A machine appended to the file therefore never moves another one's address.

    Raises:
        InputError: rule ``addresses-exhausted`` when a network has fewer addresses than machines.

    """
    machines = machines_of(cloud.nodes)
    management = _addresses(cloud, machines, "management")
    tunnel = _addresses(cloud, machines, "tunnel")
    first, last = floating_range(cloud)
    lab = cloud.lab is not None
    bmcs = bmcs_of(cloud)
    return Layout(
        cloud=cloud,
        nodes=tuple(
            LayoutNode(
                name=machine.name,
                roles=frozenset(machine.node.roles),
                management=str(management[ordinal]),
                tunnel=str(tunnel[ordinal]),
                interfaces=DEFAULT_INTERFACES | {str(k): v for k, v in machine.node.interfaces.items()},
                memory_mb=memory_mb(machine.node, lab=lab),
                cores=cores(machine.node, lab=lab),
                ssh=_ssh_of(machine),
                ordinal=ordinal,
                domain=machine.node.domain,
                bmc=bmcs.get(machine.name),
            )
            for ordinal, machine in enumerate(machines)
        ),
        vip_internal=str(internal_vip(cloud)),
        vip_public=str(public_vip(cloud)),
        vrrp_router_id=router_id(cloud),
        floating=(str(first), str(last)),
    )


def _addresses(
    cloud: Cloud, machines: tuple[Machine, ...], network: Literal["management", "tunnel"]
) -> tuple[IPv4Address, ...]:
    by_hand = tuple(getattr(machine.node, network) for machine in machines)
    wanted = sum(address is None for address in by_hand)
    cidr = getattr(cloud.networks, network).cidr
    given = tuple(islice(assignable(cidr, reserved(cloud, network)), wanted))
    if len(given) < wanted:
        raise InputError(
            f"{network} network {cidr} has {len(given)} addresses for {wanted} machines",
            why=f"machines get addresses from offset {FIRST_NODE_OFFSET} upward; gateways, VIPs and those "
            "given by hand are skipped",
            todo=f"write a larger networks.{network}.cidr, for example {cidr.supernet()}",
            rule="addresses-exhausted",
        )
    queue = iter(given)
    return tuple(address if address is not None else next(queue) for address in by_hand)


def _ssh_of(machine: Machine) -> Ssh | None:
    ssh = machine.node.ssh
    if ssh is None or machine.node.count is None:
        return ssh
    return ssh.model_copy(update={"address": ssh.address.replace("{n}", str(machine.number))})
