"""Findings about what clients meet: VIPs, load balancers, APIs, and what OpenStack says of its own programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stackhaven.design.layout import Layout
from stackhaven.observe.status.facts import BackendFact, CloudFacts, NodeFacts, ServiceFact
from stackhaven.observe.status.finding import Finding, Severity


def judge_vips(layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """Exactly one holder of each, and everyone's neighbour table says so."""
    for vip in dict.fromkeys((layout.vip_internal, layout.vip_public)):
        holders = holders_of(vip, facts.answering)
        if not holders and _answers(vip, facts):
            continue
        if not holders:
            yield Finding(
                severity=Severity.DOWN,
                area="vip",
                what=f"no node that answers holds the VIP {vip}",
                means="no client reaches any API",
                todo="haven up (starts what moves it, and HAProxy); haven status --watch shows it come back",
            )
        elif len(holders) > 1:
            names = ", ".join(node.name for node in holders)
            yield Finding(
                severity=Severity.DOWN,
                area="vip",
                what=f"{len(holders)} nodes hold the VIP {vip}: {names}",
                means="they do not hear each other's adverts; clients reach one or the other",
                todo="look at the management network between them; then haven up",
            )
        else:
            yield from _judge_neighbours(vip, holders[0], facts)


def _answers(vip: str, facts: CloudFacts) -> bool:
    """Whether a service answers there: then its holder is a node that does not answer us."""
    return any(fact.answers for fact in facts.outside.listeners if fact.address == vip)


def holders_of(vip: str, nodes: Sequence[NodeFacts]) -> list[NodeFacts]:
    """The nodes that have the address on an interface."""
    return [node for node in nodes if vip in node.holds]


def _judge_neighbours(vip: str, holder: NodeFacts, facts: CloudFacts) -> Iterator[Finding]:
    mac = holder.holds[vip]
    tables = {"this machine": facts.outside.neighbours}
    tables |= {node.name: node.neighbours for node in facts.answering if node.name != holder.name}
    wrong = [who for who, table in tables.items() if vip in table and table[vip] != mac]
    if wrong:
        yield Finding(
            severity=Severity.DEGRADED,
            area="vip",
            what=f"{', '.join(wrong)} would send to another machine than {holder.name} for the VIP {vip}",
            means="their calls go nowhere until they ask again who has the address",
            todo=f"on {', '.join(wrong)}: ip neigh flush to {vip}",
        )


def judge_listeners(facts: CloudFacts) -> Iterator[Finding]:
    """APIs that do not answer a client on a VIP."""
    dead = [fact for fact in facts.outside.listeners if not fact.answers]
    for fact in dead:
        yield Finding(
            severity=Severity.DOWN,
            area="api",
            what=f"{fact.listener} does not answer on {fact.address}:{fact.port}: {fact.detail}",
            means="its clients get errors",
            todo="haven up; haven status shows its members under the load balancer",
        )


def viewpoint(facts: CloudFacts) -> NodeFacts | None:
    """The node whose load balancer is asked: a VIP's holder, since traffic passes there; else any that tells."""
    telling = [node for node in facts.answering if node.backends]
    return next((node for node in telling if node.holds), telling[0] if telling else None)


def judge_balancer(facts: CloudFacts) -> Iterator[Finding]:
    """Members that the load balancer does not use although their node answers."""
    node = viewpoint(facts)
    if node is None:
        return
    alive = {n.name for n in facts.answering}
    by_listener: dict[str, list[BackendFact]] = defaultdict(list)
    for fact in node.backends:
        by_listener[fact.listener].append(fact)
    for listener, members in by_listener.items():
        up = [member for member in members if member.up]
        ill = [member for member in members if not member.up and member.member in alive]
        if ill:
            seen = ", ".join(f"{m.member} ({m.check or m.status} for {m.since_s} s)" for m in ill)
            yield Finding(
                severity=Severity.DEGRADED if up else Severity.DOWN,
                area="balancer",
                what=f"{listener}: not used: {seen}",
                means=f"{len(up)} of {len(members)} members serve its clients, as HAProxy on {node.name} sees it",
                todo="haven up; if it stays, look at the log of the service on that node",
            )


def judge_services(facts: CloudFacts) -> Iterator[Finding]:
    """Nova's services and Neutron's agents that are down although their node answers, or switched off."""
    if facts.outside.error:
        yield Finding(
            severity=Severity.DEGRADED,
            area="openstack",
            what=f"OpenStack could not be asked about its own programs: {facts.outside.error}",
            means="conductors, schedulers, hypervisors and agents are not judged",
            todo="haven status again in a moment; if it stays: haven verify --only identity",
        )
    silent = {node.name for node in facts.nodes if not node.reachable}
    by_kind: dict[str, list[ServiceFact]] = defaultdict(list)
    for fact in facts.outside.services or ():
        by_kind[fact.kind].append(fact)
    for kind, all_of_kind in by_kind.items():
        down = [fact.host for fact in all_of_kind if not fact.up and fact.host not in silent]
        if down:
            left = sum(1 for fact in all_of_kind if fact.up)
            yield Finding(
                severity=Severity.DEGRADED if left else Severity.DOWN,
                area="openstack",
                what=f"{kind} is down on {', '.join(sorted(down))}, as OpenStack sees it",
                means=f"{left} of {len(all_of_kind)} work",
                todo="a heartbeat is late by half a minute after a start; if it stays: haven up",
            )
        off = [fact for fact in all_of_kind if not fact.enabled]
        if off:
            names = ", ".join(f"{fact.host} ({fact.reason or 'no reason given'})" for fact in off)
            yield Finding(
                severity=Severity.NOTICE,
                area="openstack",
                what=f"{kind} is switched off on {names}",
                means="it gets no new guests; this is somebody's decision, such as a drained node",
                todo=f"openstack compute service set --enable {off[0].host} {kind}",
            )
