"""From facts to findings: what is wrong with the cloud, what it means, what to type. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from stackhaven.design.layout import Layout
from stackhaven.observe.status.clusters import judge_database, judge_network, judge_queue
from stackhaven.observe.status.facts import CloudFacts, NodeFacts
from stackhaven.observe.status.finding import Finding, Severity
from stackhaven.observe.status.front import judge_balancer, judge_listeners, judge_services, judge_vips
from stackhaven.observe.status.machines import judge_machines, judge_units, majority_is_lost, unreachable
from stackhaven.services.base import Declaration

EXIT_CODES = {Severity.NOTICE: 0, Severity.DEGRADED: 1, Severity.DOWN: 2}


@dataclass(frozen=True)
class Expected:
    """What the cloud should be."""

    layout: Layout
    declared: tuple[Declaration, ...]


def judge(expected: Expected, facts: CloudFacts) -> tuple[Finding, ...]:
    """Everything that is wrong, most urgent first.

    A dead node is one finding, not twenty: what is only missing because it is dead is told by its consequences, and
    when the majority is lost nothing else is worth a look.
    """
    if not facts.answering:
        return (_nothing_answers(expected, facts),)
    if _is_stopped(facts):
        return (*unreachable(expected.layout, facts), _stopped(facts))
    found = [*unreachable(expected.layout, facts), *judge_vips(expected.layout, facts)]
    if not majority_is_lost(expected.layout, facts):
        found += _judge_services(expected, facts)
        found += judge_machines(facts)
    return tuple(sorted(found, key=lambda finding: -finding.severity))


def _judge_services(expected: Expected, facts: CloudFacts) -> list[Finding]:
    return [
        *judge_database(expected.layout, facts),
        *judge_queue(expected.declared, expected.layout, facts),
        *judge_network(expected.declared, expected.layout, facts),
        *judge_listeners(facts),
        *judge_balancer(facts),
        *judge_services(facts),
        *judge_units(expected.declared, expected.layout, facts),
    ]


def verdict(findings: tuple[Finding, ...]) -> str:
    """One word for the whole: healthy, degraded or down."""
    worst = max((finding.severity for finding in findings), default=Severity.NOTICE)
    return "healthy" if worst is Severity.NOTICE else worst.word


def exit_code(findings: tuple[Finding, ...]) -> int:
    """0 healthy, 1 degraded, 2 down."""
    return EXIT_CODES[max((finding.severity for finding in findings), default=Severity.NOTICE)]


def _is_stopped(facts: CloudFacts) -> bool:
    """Whether no daemon runs anywhere, as after `haven down`."""
    units = [unit for node in facts.answering for unit in node.units if unit.name != "chrony.service"]
    return bool(units) and not any(unit.runs for unit in units)


def _stopped(facts: CloudFacts) -> Finding:
    return Finding(
        severity=Severity.DOWN,
        area="cloud",
        what=f"the cloud is stopped: none of its daemons runs on the {_count(facts.answering)}",
        means="it was stopped with `haven down`, or never started",
        todo="haven up",
    )


def _nothing_answers(expected: Expected, facts: CloudFacts) -> Finding:
    reasons = sorted({node.reason for node in facts.nodes})
    lab = expected.layout.cloud.lab is not None
    what = f"none of the {len(facts.nodes)} nodes answers: {'; '.join(reasons)}"
    if facts.serves:
        return Finding(
            severity=Severity.DEGRADED,
            area="nodes",
            what=what,
            means="clients are served all the same; the nodes are too busy for a login, or refuse it",
            todo="haven status again in a moment; then log in to one of them by hand",
        )
    return Finding(
        severity=Severity.DOWN,
        area="nodes",
        what=what,
        means="all of them are off, or this machine has lost its way to them",
        todo="haven lab status, then haven lab up" if lab else "log in to one of them by hand with ssh",
    )


def _count(nodes: tuple[NodeFacts, ...]) -> str:
    return "node that answers" if len(nodes) == 1 else f"{len(nodes)} nodes that answer"
