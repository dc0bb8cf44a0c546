"""Rules on machines: roles, quorum, names, how they are reached, how big they are."""

from __future__ import annotations

from collections.abc import Iterator

from stackhaven.model.cloud import Node, Role
from stackhaven.model.defaults import Machine, machines_of
from stackhaven.model.finding import Severity
from stackhaven.model.rules.base import Hit, Subject, rule
from stackhaven.model.shape import similar

CONTROLLER_MB = 2048
SMALL_CONTROLLER_MB = 1024
COMPUTE_MB = 1024


def _with_role(subject: Subject, role: Role) -> list[Machine]:
    return [m for m in machines_of(subject.cloud.nodes) if role in m.node.roles]


SERVICE_NEEDS = {
    "horizon": ("keystone",),
    "glance": ("keystone",),
    "placement": ("keystone",),
    "neutron": ("keystone", "nova"),
    "nova": ("keystone", "glance", "placement", "neutron"),
}
"""Nova and Neutron tell each other about ports, so neither runs alone."""


@rule("controllers-none", "nodes")
def controllers_none(subject: Subject) -> Iterator[Hit]:
    """No machine has the role controller, so there is nowhere to run the control plane."""
    if not _with_role(subject, Role.CONTROLLER):
        yield Hit(
            ("nodes",), "no machine has the role controller", "give three machines `roles: [controller]`"
        )


@rule("controllers-even", "nodes")
def controllers_even(subject: Subject) -> Iterator[Hit]:
    """The number of controllers is even.

    Database, queue and network databases decide by majority. An even cluster tolerates no more failures than one
    machine fewer would, and two controllers tolerate none: either's death stops the other (E-03).
    """
    controllers = _with_role(subject, Role.CONTROLLER)
    if controllers and len(controllers) % 2 == 0:
        fewer, more = len(controllers) - 1, len(controllers) + 1
        yield Hit(
            ("nodes", controllers[-1].key),
            f"{len(controllers)} controllers have no better majority than {fewer}",
            f"write {more} controllers, or {fewer}",
            on_key=True,
        )


@rule("controllers-one", "nodes", severity=Severity.WARNING)
def controllers_one(subject: Subject) -> Iterator[Hit]:
    """There is one controller: NOT highly available. Its death is the death of the control plane."""
    controllers = _with_role(subject, Role.CONTROLLER)
    if len(controllers) == 1:
        yield Hit(
            ("nodes", controllers[0].key),
            "ONE controller: this cloud is NOT highly available; when it dies, every API and the VIP are gone",
            "write three controllers for anything that matters",
            on_key=True,
        )


@rule("computes-none", "nodes", "services")
def computes_none(subject: Subject) -> Iterator[Hit]:
    """Nova is to run, but no machine has the role compute."""
    if subject.wants("nova") and not _with_role(subject, Role.COMPUTE):
        yield Hit(
            ("nodes",),
            "no machine has the role compute",
            "give one `roles: [compute]`, or list `services:` without nova",
        )


@rule("gateways-none", "nodes", "services")
def gateways_none(subject: Subject) -> Iterator[Hit]:
    """Neutron is to run, but no machine has the role network, so no router has a way outside."""
    if subject.wants("neutron") and not _with_role(subject, Role.NETWORK):
        yield Hit(
            ("nodes",),
            "no machine has the role network: routers and floating IPs would have no way outside",
            "give two machines the role, for example the computes: `roles: [compute, network]`",
        )


@rule("gateways-one", "nodes", "services", severity=Severity.WARNING)
def gateways_one(subject: Subject) -> Iterator[Hit]:
    """Only one machine carries the routers' outside; when it dies, so do all floating IPs."""
    gateways = _with_role(subject, Role.NETWORK)
    if subject.wants("neutron") and len(gateways) == 1:
        yield Hit(
            ("nodes", gateways[0].key),
            f"{gateways[0].name} alone has the role network: when it dies, so do all floating IPs",
            "give a second machine the role network",
            on_key=True,
        )


@rule("name-twice", "nodes")
def name_twice(subject: Subject) -> Iterator[Hit]:
    """`count` makes a name that another entry has too (F-28)."""
    owners: dict[str, str] = {}
    told: set[tuple[str, str]] = set()
    for machine in machines_of(subject.cloud.nodes):
        first = owners.setdefault(machine.name, machine.key)
        if first != machine.key and (first, machine.key) not in told:
            told.add((first, machine.key))
            yield Hit(
                ("nodes", machine.key),
                f"nodes.{machine.key} makes a machine {machine.name}, and so does nodes.{first}",
                "rename one of the two entries",
                on_key=True,
            )


@rule("count-address", "nodes")
def count_address(subject: Subject) -> Iterator[Hit]:
    """One address is written for an entry of several machines."""
    for key, node in subject.cloud.nodes.items():
        for network in ("management", "tunnel"):
            if (node.count or 1) > 1 and getattr(node, network) is not None:
                yield Hit(
                    ("nodes", key, network),
                    f"nodes.{key}.{network} is one address for {node.count} machines",
                    "leave it out, or write the machines one by one",
                )


@rule("count-ssh", "nodes")
def count_ssh(subject: Subject) -> Iterator[Hit]:
    """An entry of several machines names one host. With ``{n}`` in it every machine has its own."""
    for key, node in subject.cloud.nodes.items():
        if (node.count or 1) > 1 and node.ssh is not None and "{n}" not in node.ssh.address:
            yield Hit(
                ("nodes", key, "ssh", "address"),
                f"nodes.{key}.ssh.address {node.ssh.address} is one host for {node.count} machines",
                f"put the number into it, for example {key}{{n}}.example.org",
            )


@rule("host-twice", "nodes")
def host_twice(subject: Subject) -> Iterator[Hit]:
    """Two machines are reached at the same address and port: they are one host."""
    owners: dict[tuple[str, int], str] = {}
    for key, node in subject.cloud.nodes.items():
        if node.ssh is None:
            continue
        first = owners.setdefault((node.ssh.address, node.ssh.port), key)
        if first != key:
            yield Hit(
                ("nodes", key, "ssh", "address"),
                f"nodes.{key} and nodes.{first} are the same host {node.ssh.address}:{node.ssh.port}",
                "write each host once, with all its roles",
            )


@rule("lab-mixed", "nodes", "lab")
def lab_mixed(subject: Subject) -> Iterator[Hit]:
    """A machine of the lab is made on this host, an existing one is reached by SSH; a cloud has one kind only."""
    in_lab = subject.cloud.lab is not None
    for key, node in subject.cloud.nodes.items():
        if in_lab and node.ssh is not None:
            what, todo = (
                f"nodes.{key}.ssh: the machines of a lab are made here",
                "remove `ssh:`, or remove `lab:`",
            )
            yield Hit(("nodes", key, "ssh"), what, todo, on_key=True)
        if not in_lab and node.ssh is None:
            what = f"nodes.{key} has no `ssh:`, and this cloud is not a lab"
            todo = "write `ssh: {address: ...}`, or `lab: {}` to have the machines made on this host"
            yield Hit(("nodes", key), what, todo, on_key=True)


@rule("memory-small", "nodes", "services")
def memory_small(subject: Subject) -> Iterator[Hit]:
    """A machine has less memory than its role was measured to need.

    A core controller uses 1.8 to 2.0 GB without any load, a compute with one small guest 0.94 GB. What does not
    fit ends with the kernel killing the database.
    """
    for key, node in subject.cloud.nodes.items():
        need = _needed_mb(subject, node)
        if node.memory_mb is not None and node.memory_mb < need:
            yield Hit(
                ("nodes", key, "memory_mb"),
                f"nodes.{key}.memory_mb {node.memory_mb} is too little for {', '.join(node.roles)}",
                f"write {need} or more",
            )


def _needed_mb(subject: Subject, node: Node) -> int:
    need = 0
    if Role.CONTROLLER in node.roles:
        need += CONTROLLER_MB if subject.wants("nova") else SMALL_CONTROLLER_MB
    if Role.COMPUTE in node.roles:
        need += COMPUTE_MB
    return need


@rule("service-unknown", "services")
def service_unknown(subject: Subject) -> Iterator[Hit]:
    """A name under `services` is not a service that can be deployed."""
    known = subject.facts.services
    for index, name in enumerate(subject.cloud.services or ()):
        if known and name not in known:
            hint = similar(name, sorted(known))
            yield Hit(("services", index), f"services: {name} is not known", hint)


@rule("service-needs", "services")
def service_needs(subject: Subject) -> Iterator[Hit]:
    """A service is left out that one of the others signs in to or calls all the time."""
    wanted = subject.cloud.services
    for index, name in enumerate(wanted or ()):
        missing = [other for other in SERVICE_NEEDS.get(name, ()) if other not in (wanted or ())]
        if missing:
            yield Hit(
                ("services", index),
                f"services: {name} needs {' and '.join(missing)}",
                f"add {', '.join(missing)} to `services:`, or leave {name} out",
            )


@rule("port-twice", "nodes", "services", "networks", "vip")
def port_twice(subject: Subject) -> Iterator[Hit]:
    """Two things would listen on one port of one machine; the second to start fails (E-14, E-40)."""
    owners: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for claim in subject.facts.ports(subject.cloud):
        others = owners.setdefault((claim.node, claim.port), [])
        for owner, address in others:
            if owner != claim.owner and (not address or not claim.address or address == claim.address):
                where = f"{claim.address or address or 'every address'}:{claim.port}"
                yield Hit(
                    ("nodes", claim.node),
                    f"{claim.owner} and {owner} would both listen on {where} of {claim.node}",
                    "leave one of the two out of `services:`, or run it on another machine",
                    on_key=True,
                )
        others.append((claim.owner, claim.address))
