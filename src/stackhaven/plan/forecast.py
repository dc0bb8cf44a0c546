"""From what a look at all nodes found to what a run would do. Pure.

Two things cannot be seen on a node: that a unit will be restarted because a file it reads is going to change, and
whether an action will be necessary once what comes before it is done. The first follows from the resources, the second
is said to be unknown rather than guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stackhaven.plan.outcome import Finding
from stackhaven.plan.plan import Plan
from stackhaven.plan.resources import Command, Resource, Unit, Wait


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found in one piece of work: for every resource, in order, what differs, or None."""

    resources: tuple[Resource, ...]
    findings: tuple[Finding | None, ...]


@dataclass(frozen=True, kw_only=True)
class Pending:
    """One piece of work of the plan that has something to do."""

    step: str
    node: str
    findings: tuple[Finding, ...]


def forecast(plan: Plan, looks: Mapping[tuple[str, str], Look]) -> tuple[Pending, ...]:
    """What a run would do, in the order of the table of contents; empty when everything is as wanted.

    `looks` by (step, node); work that is missing there (a node that could not be reached) is left out.
    """
    after: dict[int, str] = {}
    nodes: dict[str, _NodeMemory] = defaultdict(_NodeMemory)
    found: dict[tuple[str, str], tuple[Finding, ...]] = {}
    graph = plan.graph
    for vertex in graph.order:
        step, node = graph.vertices[vertex].step, graph.vertices[vertex].node
        cause = after.get(vertex, "")
        if node is not None and (step, node) in looks:
            findings = _forecast_one(looks[step, node], cause, nodes[node])
            if findings:
                found[step, node] = findings
                cause = step
        if cause:
            for dependent in graph.dependents[vertex]:
                after.setdefault(dependent, cause)
    return tuple(
        Pending(step=step.name, node=node, findings=found[step.name, node])
        for step in plan.steps
        for node in step.nodes
        if (step.name, node) in found
    )


@dataclass
class _NodeMemory:
    written: list[str] = field(default_factory=list)
    restarted: set[str] = field(default_factory=set)


def _forecast_one(look: Look, cause: str, memory: _NodeMemory) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    for resource, finding in zip(look.resources, look.findings, strict=True):
        before = findings[-1].label if findings else cause
        expected = finding
        if isinstance(resource, Unit):
            expected = _unit(resource, finding, memory)
        elif finding is not None and before and (isinstance(resource, Command | Wait) or not finding.known):
            expected = replace(finding, known=False, why=f"known after {before}", diff="")
        if expected is not None:
            findings.append(expected)
            memory.written.extend(expected.paths)
    return tuple(findings)


def _unit(unit: Unit, finding: Finding | None, memory: _NodeMemory) -> Finding | None:
    if finding is not None:
        if finding.verb in {"start", "restart"}:
            memory.restarted.add(unit.name)
        return finding
    if not unit.active or unit.name in memory.restarted:
        return None
    path = _first_read(unit, memory.written)
    if not path:
        return None
    memory.restarted.add(unit.name)
    verb = "reload" if unit.reload and not _is_unit_file(unit, path) else "restart"
    return Finding(label=unit.label, kind=unit.kind, verb=verb, why=f"{path} would change")


def _first_read(unit: Unit, written: Sequence[str]) -> str:
    for path in written:
        if _is_unit_file(unit, path):
            return path
        for watched in unit.watches:
            if path == watched or path.startswith(watched.rstrip("/") + "/"):
                return path
    return ""


def _is_unit_file(unit: Unit, path: str) -> bool:
    own = f"/etc/systemd/system/{unit.name if '.' in unit.name else unit.name + '.service'}"
    return path == own or path.startswith(own + ".d/")
