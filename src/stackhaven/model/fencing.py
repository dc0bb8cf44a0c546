"""Who has a BMC, how it is reached, and whether the cluster of the VIP may use it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from stackhaven.model.cloud import Cloud, Fencing, Role
from stackhaven.model.defaults import Machine, lab_base, machines_of

LAB_BMC_OFFSET = 101
"""In the lab's BMC network: the first BMC. The machines' own interfaces count from .11 there, as elsewhere."""


@dataclass(frozen=True, kw_only=True)
class BmcAccess:
    """How one machine's BMC is reached. `password_name` names a secret; `kind` is ``ipmi`` or ``redfish``."""

    kind: str
    address: str
    user: str
    password_name: str
    verify_tls: bool


def is_fenced(cloud: Cloud) -> bool:
    """Whether the cluster that moves the VIP takes the power of a lost member before it takes its resources."""
    return cloud.vip.provider == "pacemaker" and not cloud.vip.test_without_fencing and _several(cloud)


def fencing_of(cloud: Cloud) -> Fencing | None:
    """How BMCs are used: as written; in a lab that needs fencing, by itself; else not at all."""
    if cloud.fencing is None and cloud.lab is not None and is_fenced(cloud):
        return Fencing()
    return cloud.fencing


def bmcs_of(cloud: Cloud) -> dict[str, BmcAccess]:
    """The BMC of every machine that has one, by the machine's name. In a lab every machine has one."""
    fencing = fencing_of(cloud)
    if fencing is None:
        return {}
    return {
        machine.name: access
        for ordinal, machine in enumerate(machines_of(cloud.nodes))
        if (access := _access(cloud, fencing, machine, ordinal)) is not None
    }


def password_names(cloud: Cloud) -> tuple[str, ...]:
    """Names of the secrets that are BMC passwords. A lab makes them; those of real BMCs the operator gives."""
    return tuple(sorted({access.password_name for access in bmcs_of(cloud).values()}))


def lab_bmc_network(name: str) -> IPv4Network:
    """The network of a lab's BMCs: the /24 that follows its three others in `LAB_RANGE`."""
    return IPv4Network(f"{lab_base(name) + 3 * 256}/24")


def _access(cloud: Cloud, fencing: Fencing, machine: Machine, ordinal: int) -> BmcAccess | None:
    own = machine.node.bmc
    address = _address(cloud, fencing, machine, ordinal)
    if address is None:
        return None
    verify = own.verify_tls if own and own.verify_tls is not None else fencing.verify_tls
    return BmcAccess(
        kind=(own and own.kind) or fencing.kind,
        address=address,
        user=(own and own.user) or fencing.user,
        password_name=(own and own.password_name) or fencing.password_name,
        verify_tls=cloud.lab is None if verify is None else verify,
    )


def _address(cloud: Cloud, fencing: Fencing, machine: Machine, ordinal: int) -> str | None:
    if cloud.lab is not None:
        return str(lab_bmc_network(cloud.name)[LAB_BMC_OFFSET + ordinal])
    written = (machine.node.bmc and machine.node.bmc.address) or fencing.address
    if written is None:
        return None
    return written.replace("{name}", machine.name).replace("{n}", str(machine.number))


def _several(cloud: Cloud) -> bool:
    return sum(Role.CONTROLLER in machine.node.roles for machine in machines_of(cloud.nodes)) > 1


def lab_overlaps(cloud: Cloud) -> Iterator[tuple[str, IPv4Network]]:
    """The networks written by hand that share addresses with the lab's BMC network, by name."""
    own = lab_bmc_network(cloud.name)
    for name in ("management", "tunnel", "external"):
        cidr = getattr(cloud.networks, name).cidr
        if own.overlaps(cidr):
            yield name, cidr
