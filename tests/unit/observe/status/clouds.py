"""A cloud of three controllers and two computes, and what its nodes once answered."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from stackhaven.design.addresses import layout_of
from stackhaven.model.load import parse_cloud
from stackhaven.observe.status.facts import CloudFacts, ListenerFact, NodeFacts, OutsideFacts, ServiceFact
from stackhaven.observe.status.judge import Expected
from stackhaven.observe.status.parse import node_facts
from stackhaven.services.contents import declarations_of

RECORDED = Path(__file__).parent / "recorded"
VIP = "10.81.252.5"
CLOUD = """
name: lab
lab: {}
networks:
  management: {cidr: 10.81.252.0/24}
  tunnel: {cidr: 10.81.253.0/24}
  external: {cidr: 10.81.254.0/24}
nodes:
  control: {roles: [controller], count: 3}
  compute: {roles: [compute, network], count: 2}
"""
LAYOUT = layout_of(parse_cloud(CLOUD))
EXPECTED = Expected(LAYOUT, declarations_of(LAYOUT))
DEAD = "unreachable: no route to it"


def recorded(name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return answer


@cache
def healthy_node(name: str) -> NodeFacts:
    answer = recorded(name)
    return node_facts(name, answer, asked_at=answer["clock"] - 0.5, heard_at=answer["clock"] + 0.1)


def dead_node(name: str) -> NodeFacts:
    return NodeFacts(name=name, reachable=False, reason=DEAD)


def outside(**changes: Any) -> OutsideFacts:
    listeners = tuple(
        ListenerFact(
            listener=one.name, address=VIP, port=one.port, answers=True, detail="answers 200", seconds=0.01
        )
        for declaration in EXPECTED.declared
        for one in declaration.listeners
    )
    services = tuple(
        ServiceFact(kind=kind, host=f"{role}{n}", up=True)
        for kind, role, count in (
            ("nova-conductor", "control", 3),
            ("nova-scheduler", "control", 3),
            ("nova-compute", "compute", 2),
            ("OVN Controller Gateway agent", "compute", 2),
            ("OVN Metadata agent", "compute", 2),
        )
        for n in range(1, count + 1)
    )
    holder = next(node for node in LAYOUT.controllers if healthy_node(node.name).holds)
    mac = healthy_node(holder.name).holds[VIP]
    return replace(OutsideFacts(listeners=listeners, services=services, neighbours={VIP: mac}), **changes)


def cloud(*changed: NodeFacts, **outside_changes: Any) -> CloudFacts:
    """The healthy cloud, but for these nodes and these facts of the outside."""
    by_name = {node.name: node for node in changed}
    nodes = tuple(by_name.get(n.name) or healthy_node(n.name) for n in LAYOUT.nodes)
    return CloudFacts(at=1795257881.0, seconds=2.0, nodes=nodes, outside=outside(**outside_changes))


def nothing_answers() -> dict[str, Any]:
    """For `cloud`: an outside without any answer."""
    dead = tuple(replace(one, answers=False, detail="timed out") for one in outside().listeners)
    return {"listeners": dead, "services": None, "error": "timed out", "neighbours": {}}
