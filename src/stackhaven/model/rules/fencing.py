"""Rules on fencing: a cluster that cannot stop a lost member cannot promise that its resources run only once."""

from __future__ import annotations

from collections.abc import Iterator

from stackhaven.model.cloud import Role
from stackhaven.model.defaults import Machine, machines_of
from stackhaven.model.fencing import bmcs_of, fencing_of, is_fenced, lab_overlaps
from stackhaven.model.finding import Severity
from stackhaven.model.rules.base import Hit, Subject, rule


def _controllers(subject: Subject) -> list[Machine]:
    return [m for m in machines_of(subject.cloud.nodes) if Role.CONTROLLER in m.node.roles]


@rule("fencing-none", "vip", "fencing", "nodes", "lab")
def fencing_none(subject: Subject) -> Iterator[Hit]:
    """Pacemaker moves the VIP, and there is no way to take the power of a lost controller (H23, FS-07).

    A controller that is only cut off, or frozen, still believes that the VIP is its own. Two holders answer, and which
    one a client meets is chance. The cluster therefore takes the lost member's power first. High availability
    without fencing is refused; tests may ask for it explicitly.
    """
    if not is_fenced(subject.cloud) or fencing_of(subject.cloud) is not None:
        return
    yield Hit(
        ("vip", "provider"),
        "vip.provider is pacemaker, and nothing says how to take the power of a lost controller",
        "write `fencing: {kind: ipmi, address: '{name}.bmc.example.org', user: ...}`, then `haven secret set "
        "fencing.bmc`; for a test only: `test_without_fencing: true` under `vip:`",
    )


@rule("fencing-address", "vip", "fencing", "nodes", "lab")
def fencing_address(subject: Subject) -> Iterator[Hit]:
    """A controller has no BMC address, so the others could not take its power when it is lost."""
    if not is_fenced(subject.cloud) or fencing_of(subject.cloud) is None:
        return
    known = bmcs_of(subject.cloud)
    for key in dict.fromkeys(m.key for m in _controllers(subject) if m.name not in known):
        yield Hit(
            ("nodes", key),
            f"nodes.{key} has no BMC address",
            "write `bmc: {address: ...}` for it, or `address:` with {name} or {n} in it under `fencing:`",
            on_key=True,
        )


@rule("bmc-twice", "fencing", "nodes", "lab")
def bmc_twice(subject: Subject) -> Iterator[Hit]:
    """Two machines have one BMC address: taking the power of one would take the other's."""
    owners: dict[str, list[str]] = {}
    for name, access in bmcs_of(subject.cloud).items():
        owners.setdefault(access.address, []).append(name)
    by_rule = subject.cloud.fencing is not None and subject.cloud.fencing.address is not None
    for address, names in owners.items():
        if len(names) > 1:
            yield Hit(
                ("fencing", "address") if by_rule else ("nodes",),
                f"{', '.join(names)} have one BMC address {address}",
                "put {name} or {n} into it, or write `bmc: {address: ...}` per machine",
            )


@rule("bmc-lab", "fencing", "nodes", "lab")
def bmc_lab(subject: Subject) -> Iterator[Hit]:
    """A BMC address is written in a lab, whose machines get virtual BMCs with addresses of their own."""
    if subject.cloud.lab is None:
        return
    if subject.cloud.fencing is not None and subject.cloud.fencing.address is not None:
        yield Hit(
            ("fencing", "address"), "fencing.address: a lab makes its own BMCs", "remove it", on_key=True
        )
    for key, node in subject.cloud.nodes.items():
        if node.bmc is not None and node.bmc.address is not None:
            where = ("nodes", key, "bmc", "address")
            yield Hit(where, f"nodes.{key}.bmc.address: a lab makes its own BMCs", "remove it", on_key=True)


@rule("bmc-overlap", "name", "networks", "fencing", "vip", "nodes", "lab")
def bmc_overlap(subject: Subject) -> Iterator[Hit]:
    """A network of a lab shares addresses with the network of its BMCs, which follows from the lab's name."""
    if subject.cloud.lab is None or not bmcs_of(subject.cloud):
        return
    for name, cidr in lab_overlaps(subject.cloud):
        yield Hit(
            ("networks", name, "cidr"),
            f"networks.{name}.cidr {cidr} overlaps the network of the lab's BMCs",
            "write another range, or leave it out",
        )


@rule("fencing-test", "vip", severity=Severity.WARNING)
def fencing_test(subject: Subject) -> Iterator[Hit]:
    """Fencing is switched off on purpose. A controller that is cut off or frozen is NOT stopped (H23, FS-08).

    Good for measuring and for tests. In any other cloud two controllers may hold the VIP at once.
    """
    if subject.cloud.vip.provider == "pacemaker" and subject.cloud.vip.test_without_fencing:
        yield Hit(
            ("vip", "test_without_fencing"),
            "NO FENCING: a controller that is cut off stays alive, and two may hold the VIP; for tests only",
            "remove `test_without_fencing` from any cloud that matters",
            on_key=True,
        )


@rule("fencing-two", "vip", "nodes", severity=Severity.WARNING)
def fencing_two(subject: Subject) -> Iterator[Hit]:
    """Two controllers in a Pacemaker cluster: neither has a majority when they lose sight of each other (FS-08).

    With fencing both shoot, and the faster lives on. Without, both go on: that is a split brain by design.
    """
    if subject.cloud.vip.provider != "pacemaker" or len(_controllers(subject)) != 2:
        return
    outcome = (
        "the faster of the two shoots the other" if is_fenced(subject.cloud) else "BOTH go on with the VIP"
    )
    yield Hit(
        ("nodes", _controllers(subject)[-1].key),
        f"two controllers have no majority: when they lose sight of each other, {outcome}",
        "write three controllers",
        on_key=True,
    )
