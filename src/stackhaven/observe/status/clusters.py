"""Findings about the systems that decide by majority: database, queue, network databases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stackhaven.design.layout import Layout
from stackhaven.observe.status.facts import CloudFacts, NodeFacts
from stackhaven.observe.status.finding import Finding, Severity
from stackhaven.services.base import Declaration

QUEUE_MEMBERS = 3
"""A quorum queue is founded with this many members, or as many as there are brokers."""
OVN_TITLES = {"nb": "northbound", "sb": "southbound"}
MOST_NAMES = 3


def judge_database(layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """Galera: how many members are synced, in how many components."""
    members = len(layout.controllers)
    silent = members - sum(1 for node in facts.answering if node.galera is not None)
    told = {node.name: node.galera for node in facts.answering if node.galera is not None}
    synced = [name for name, fact in told.items() if fact.synced]
    components = {fact.uuid for fact in told.values() if fact.primary}
    if len(components) > 1:
        yield Finding(
            severity=Severity.DOWN,
            area="database",
            what="the database has fallen into clusters that do not know each other: " + _by_cluster(facts),
            means="writes to one are lost to the other",
            todo="stop writing: haven down; then keep the cluster that has the newer data",
        )
    if not synced and (facts.serves or silent == members):
        return
    if not synced:
        yield Finding(
            severity=Severity.DOWN,
            area="database",
            what="no database member is synced: " + _galera_states(facts),
            means="no API can work",
            todo="haven up (members decide among themselves who starts); watch it with haven status --watch",
        )
        return
    ill = [name for name, fact in told.items() if not fact.synced]
    if ill:
        spare = len(synced) - (members // 2 + 1)
        yield Finding(
            severity=Severity.DEGRADED,
            area="database",
            what="not synced: " + ", ".join(f"{name} ({_galera_state(told[name])})" for name in ill),
            means=f"{len(synced)} of {members} members are synced; "
            + (f"{spare} more may be lost" if spare > 0 else "the next loss stops the database"),
            todo="a member that joins needs a minute; if it stays: haven up",
        )


def _galera_state(fact: object) -> str:
    return str(getattr(fact, "state", "")) or "not running"


def _galera_states(facts: CloudFacts) -> str:
    return ", ".join(f"{node.name}: {_galera_state(node.galera)}" for node in facts.answering if node.galera)


def _by_cluster(facts: CloudFacts) -> str:
    clusters: dict[str, list[str]] = defaultdict(list)
    for node in facts.answering:
        if node.galera is not None and node.galera.primary:
            clusters[node.galera.uuid].append(node.name)
    return " and ".join(f"{'+'.join(names)}" for names in clusters.values())


def judge_queue(declared: Sequence[Declaration], layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """RabbitMQ: brokers that see each other, alarms, queues without all their members."""
    if not _declares(declared, "rabbitmq"):
        return
    brokers = {node.name: node.broker for node in facts.answering if node.broker is not None}
    asked = [n for n in facts.answering if n.name in {c.name for c in layout.controllers}]
    if asked and not brokers:
        yield Finding(
            severity=Severity.DOWN,
            area="queue",
            what="no broker tells its state",
            means="services cannot call each other: no guest is started, stopped or moved",
            todo="haven up",
        )
        return
    for name, broker in brokers.items():
        lost = [other for other in brokers if other != name and other not in broker.connected]
        if lost:
            yield Finding(
                severity=Severity.DEGRADED,
                area="queue",
                what=f"the broker on {name} is not connected to {', '.join(lost)}",
                means="the cluster is parted; the smaller side pauses until it sees the larger one",
                todo="look at the management network between them; a broker that was paused comes back by itself",
            )
        if broker.parted:
            yield Finding(
                severity=Severity.DEGRADED,
                area="queue",
                what=f"the broker on {name} is parted from {', '.join(sorted(broker.parted))} "
                "although they are connected",
                means="one of them stood still; each has queues that the other does not know, and answers get lost",
                todo="nothing: haven-broker-check has one of them start anew within seconds",
            )
        if broker.alarms:
            yield Finding(
                severity=Severity.DOWN,
                area="queue",
                what=f"the broker on {name} has an alarm: {', '.join(broker.alarms)}",
                means="publishers of the whole cluster are held back until it is gone",
                todo=f"free memory or disk on {name}",
            )
    if brokers:
        yield from _judge_queues(layout, facts)


def _judge_queues(layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """Queues are counted over the nodes that tell; those of silent nodes are not held against them."""
    silent = len(layout.controllers) - sum(1 for node in facts.answering if node.broker is not None)
    wanted = min(QUEUE_MEMBERS, len(layout.controllers))
    short = sorted(name for name, count in queue_members(facts.answering).items() if count + silent < wanted)
    if short:
        more = f" and {len(short) - MOST_NAMES} more" if len(short) > MOST_NAMES else ""
        yield Finding(
            severity=Severity.DEGRADED,
            area="queue",
            what=f"{len(short)} queue{'s have' if len(short) > 1 else ' has'} fewer than {wanted} members: "
            + ", ".join(short[:MOST_NAMES])
            + more,
            means="these stop sooner than the others when brokers are lost",
            todo="on any controller: rabbitmq-queues grow rabbit@NODE all",
        )


def queue_members(nodes: Sequence[NodeFacts]) -> dict[str, int]:
    """On how many of these nodes each quorum queue has a member."""
    count: dict[str, int] = defaultdict(int)
    for node in nodes:
        if node.broker is not None:
            for queue in node.broker.queues:
                count[queue] += 1
    return dict(count)


def judge_network(declared: Sequence[Declaration], layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """OVN's two databases: a leader each, and every server a member."""
    if not _declares(declared, "ovn"):
        return
    controllers = {node.name for node in layout.controllers}
    asked = [node for node in facts.answering if node.name in controllers]
    for database, title in OVN_TITLES.items():
        told = {node.name: fact for node in asked if (fact := node.raft_of(database)) is not None}
        leaders = {fact.leader for fact in told.values() if fact.leader != "unknown"}
        if told and not leaders:
            yield Finding(
                severity=Severity.DOWN,
                area="network",
                what=f"the {title} database has no leader",
                means="networks, ports and floating IPs cannot be changed; what forwards now goes on",
                todo="haven up; then haven status again",
            )
        lost = [node.name for node in asked if "ovn" not in node.unanswered and node.name not in told]
        out = lost + [name for name, fact in told.items() if not fact.member or fact.leader == "unknown"]
        if out and leaders:
            yield Finding(
                severity=Severity.DEGRADED,
                area="network",
                what=f"the {title} database on {', '.join(out)} is not part of its cluster",
                means=f"{len(asked) - len(out)} of {len(controllers)} servers hold the network's state",
                todo="it joins again by itself within seconds; if it stays: haven up",
            )


def _declares(declared: Sequence[Declaration], name: str) -> bool:
    return any(one.name == name for one in declared)
