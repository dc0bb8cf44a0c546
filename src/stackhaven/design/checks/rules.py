"""The table of design rules, and the function that asks them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stackhaven.design.checks import addresses, members, tenants
from stackhaven.design.checks.fault import Fault
from stackhaven.design.topology import Topology
from stackhaven.model.finding import Finding, in_file_order

Look = Callable[[Topology], Iterator[Fault]]


@dataclass(frozen=True)
class PlanRule:
    """One rule: id, what it is about and why, the recorded cases it catches."""

    id: str
    why: str
    look: Look
    catches: tuple[str, ...] = ()


_ALL = (
    PlanRule(
        "plan-vip-outside",
        "A VIP must lie in a network that every holder is attached to, or nobody can reach it.",
        addresses.vip_outside,
        ("E-01",),
    ),
    PlanRule(
        "plan-vip-holder",
        "One holder is no high availability, and an unknown one is a typing error.",
        members.vip_holder,
        ("E-03",),
    ),
    PlanRule(
        "plan-net-overlap",
        "Hosts of overlapping networks cannot tell neighbour from stranger.",
        addresses.overlap,
        ("E-30",),
    ),
    PlanRule(
        "plan-net-gateway", "A gateway outside its network is never reached.", addresses.gateway, ("E-30",)
    ),
    PlanRule(
        "plan-net-public",
        "Inside, public ranges hide their owners; 172.17.0.0/16 is Docker's on every host that runs it.",
        addresses.public_range,
        ("E-30",),
    ),
    PlanRule(
        "plan-dhcp-static",
        "A dynamic range that contains static addresses gives one of them away.",
        addresses.dhcp,
        ("E-31",),
    ),
    PlanRule(
        "plan-address-outside",
        "An address outside its network is a typing error.",
        addresses.outside,
        ("E-02",),
    ),
    PlanRule(
        "plan-address-twice", "Two machines with one address: neither is reached reliably.", addresses.twice
    ),
    PlanRule(
        "plan-address-collision",
        "Addresses by offset collide as soon as one class grows into the next.",
        addresses.rule_collision,
    ),
    PlanRule(
        "plan-quorum-even",
        "An even number of voters tolerates no more losses than the odd number below it.",
        members.even,
        ("E-03",),
    ),
    PlanRule(
        "plan-quorum-domain",
        "When the voters that make a majority share a rack, a feed or a site, its loss stops the cloud.",
        members.domains,
    ),
    PlanRule(
        "plan-replicas-nodes",
        "Copies on fewer nodes than there are copies share a node, and are lost together.",
        members.replicas,
        ("E-25",),
    ),
    PlanRule(
        "plan-service-retired", "A service that no longer exists cannot be deployed.", members.retired_service
    ),
    PlanRule("plan-need-unmet", "A service that nobody can answer does not start.", members.needs_met),
    PlanRule(
        "plan-fencing",
        "Without fencing a lost node may still write: allowed in a test bed only.",
        members.fencing,
        ("E-12",),
    ),
    PlanRule(
        "plan-needless-network",
        "A storage node on the external network is attack surface for nothing.",
        members.needless,
        ("E-33",),
    ),
    PlanRule("plan-too-small", "Fewer machines than the workload needs.", members.too_small, ("E-21",)),
    PlanRule(
        "plan-tenant-network",
        "A tenant's network must hold its gateway and guests, and overlap no network of the hosts.",
        tenants.networks,
        ("E-30",),
    ),
    PlanRule(
        "plan-tenant-open-database",
        "A database open to every address is found within minutes.",
        tenants.open_database,
        ("E-29",),
    ),
    PlanRule("plan-vpn-ends", "Both ends of a tunnel must propose the same.", tenants.vpn, ("E-28",)),
    PlanRule(
        "plan-group-fixed",
        "A group whose smallest size is its largest hears alarms and does nothing.",
        tenants.groups,
        ("E-36",),
    ),
    PlanRule(
        "plan-balancer",
        "A balancer's address must be in its network, and its members must exist.",
        tenants.balancers,
        ("E-35",),
    ),
)
PLAN_RULES = {rule.id: rule for rule in _ALL}


def check(topology: Topology, filename: str = "design.yaml") -> tuple[Finding, ...]:
    """What every rule has to say of a design."""
    found = [
        Finding(
            rule=rule.id,
            what=fault.what,
            todo=fault.todo,
            file=filename,
            path=fault.path,
            severity=fault.severity,
        )
        for rule in _ALL
        for fault in rule.look(topology)
    ]
    return in_file_order(found)
