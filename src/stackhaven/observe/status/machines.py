"""Findings about machines: reach, clock, memory, disk, and the daemons on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.cloud import Role
from stackhaven.observe.status.facts import CloudFacts, DiskFact, MachineFact, NodeFacts, UnitFact
from stackhaven.observe.status.finding import Finding, Severity
from stackhaven.services.base import Daemon, Declaration

CLOCK_OFF_S = 0.5
MEMORY_LOW = {Severity.DEGRADED: 0.05, Severity.NOTICE: 0.10}
DISK_LOW = {Severity.DEGRADED: 0.05, Severity.NOTICE: 0.10}
INODES_HIGH_PERCENT = 90
PRESSURE_HIGH_PERCENT = 20.0
"""Share of the last ten seconds in which something waited for memory."""


def majority_is_lost(layout: Layout, facts: CloudFacts) -> bool:
    """Whether so many controllers are silent that what decides by majority must stand still, and clients feel it."""
    controllers = {node.name for node in layout.controllers}
    left = sum(1 for node in facts.answering if node.name in controllers)
    return left <= len(controllers) // 2 and not facts.serves


def unreachable(layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """Nodes that do not answer: the controllers among them, with what is left of the majority, and the others."""
    dead = [node for node in facts.nodes if not node.reachable]
    controllers = {node.name for node in layout.controllers}
    groups = (
        [node for node in dead if node.name in controllers],
        [node for node in dead if node.name not in controllers],
    )
    for group in groups:
        if group:
            placed = [layout.node(node.name) for node in group]
            lost = placed[0].has(Role.CONTROLLER) and majority_is_lost(layout, facts)
            yield Finding(
                severity=Severity.DOWN if lost else Severity.DEGRADED,
                area="nodes",
                what="no answer from " + ", ".join(f"{node.name} ({node.reason})" for node in group),
                means=_what_a_loss_means(placed, layout, serves=facts.serves),
                todo=_wake(placed),
            )


def _what_a_loss_means(dead: Sequence[LayoutNode], layout: Layout, *, serves: bool) -> str:
    parts = []
    if dead[0].has(Role.CONTROLLER):
        of = len(layout.controllers)
        left = of - len(dead)
        spare = left - (of // 2 + 1)
        if spare < 0 and serves:
            parts.append("clients are served all the same: too busy for a login, or the way to them is lost")
        elif spare < 0:
            parts.append(
                f"{left} of {of} controllers are no majority: database, queue and network stand still"
            )
        elif spare == 0:
            parts.append(f"{left} of {of} controllers are left; one more loss stops the cloud")
        else:
            parts.append(f"{left} of {of} controllers are left; {spare} more may be lost")
    if any(node.has(Role.COMPUTE) for node in dead):
        parts.append("guests there do not run, or cannot be managed")
    if any(node.has(Role.NETWORK) for node in dead):
        parts.append("routers with their gateway there have moved to another")
    return "; ".join(parts)


def _wake(nodes: Sequence[LayoutNode]) -> str:
    first = nodes[0]
    if first.ssh is None:
        words = "; ".join(f"haven lab power on {node.name}" for node in nodes)
        return f"{words} (haven lab status shows which machines are off)"
    return f"look at power and console; then try ssh {first.ssh.user}@{first.ssh.address}"


def shell(node: LayoutNode, command: str) -> str:
    """How an operator runs a command on that node."""
    if node.ssh is None:
        return f"haven lab shell {node.name} -- {command}"
    return f"ssh {node.ssh.user}@{node.ssh.address} {command}"


def judge_units(declared: Sequence[Declaration], layout: Layout, facts: CloudFacts) -> Iterator[Finding]:
    """Declared daemons that do not run on nodes that answer: one finding per daemon, whatever the number of nodes."""
    nodes = {node.name: node for node in facts.answering}
    for one in declared:
        for daemon in one.daemons:
            states = {name: _state(nodes[name], daemon.unit) for name in daemon.nodes if name in nodes}
            ill = {name: unit for name, unit in states.items() if unit is not None and not unit.runs}
            if ill:
                yield _unit_finding(one, daemon, ill, len(states), layout)


def _unit_finding(
    one: Declaration, daemon: Daemon, ill: dict[str, UnitFact], asked: int, layout: Layout
) -> Finding:
    everywhere = len(ill) == asked
    by_state: dict[str, list[str]] = defaultdict(list)
    for name, unit in ill.items():
        by_state[f"{unit.state} ({unit.detail})" if unit.detail else unit.state].append(name)
    where = "; ".join(f"{state} on {', '.join(names)}" for state, names in by_state.items())
    means = f"{one.title} runs on {asked - len(ill)} of {asked} nodes that answer"
    if everywhere:
        means = f"{one.title} is without it everywhere"
    elif one.ha_mode == "clone":
        means += "; the others take the work"
    first = layout.node(next(iter(ill)))
    return Finding(
        severity=Severity.DOWN if everywhere and first.has(Role.CONTROLLER) else Severity.DEGRADED,
        area="daemons",
        what=f"{daemon.unit} is {where}",
        means=means,
        todo=f"haven up; if it fails again: {shell(first, f'journalctl -n 50 -u {daemon.unit}')}",
    )


def _state(node: NodeFacts, unit: str) -> UnitFact | None:
    """None where the node did not tell."""
    return next((fact for fact in node.units if fact.name == unit), None)


def judge_machines(facts: CloudFacts) -> Iterator[Finding]:
    """Clocks, memory, disks, and what could not be asked."""
    for node in facts.answering:
        yield from _judge_clock(node)
        for question, reason in node.unanswered.items():
            yield Finding(
                severity=Severity.DEGRADED,
                area="nodes",
                what=f"{node.name} does not tell about {question}: {reason}",
                means="what belongs to it is not judged on this node",
                todo="haven status again in a moment; if it stays: haven plan",
            )
    told_of_host = False
    for node in facts.answering:
        if node.machine is None or (node.machine.container and told_of_host):
            continue
        told_of_host = told_of_host or node.machine.container
        owner = "the lab's host" if node.machine.container else node.name
        yield from _judge_memory(owner, node.machine)
        for disk in node.machine.disks:
            yield from _judge_disk(owner, disk)


def _judge_clock(node: NodeFacts) -> Iterator[Finding]:
    if abs(node.clock_off_s) > CLOCK_OFF_S:
        yield Finding(
            severity=Severity.DEGRADED,
            area="nodes",
            what=f"the clock of {node.name} is at least {abs(node.clock_off_s):.1f} s "
            + ("ahead" if node.clock_off_s > 0 else "behind"),
            means="tokens are refused, and services count living ones as dead, when clocks differ",
            todo=f"on {node.name}: chronyc tracking; chronyc makestep",
        )


def _judge_memory(owner: str, machine: MachineFact) -> Iterator[Finding]:
    share = machine.available_mb / machine.memory_mb
    severity = next((s for s, limit in MEMORY_LOW.items() if share < limit), None)
    waits = machine.pressure.get("memory", 0.0)
    if severity is None and waits > PRESSURE_HIGH_PERCENT:
        severity = Severity.NOTICE
    if severity is not None:
        yield Finding(
            severity=severity,
            area="memory",
            what=f"{owner} has {machine.available_mb} of {machine.memory_mb} MiB left ({waits:.0f} % waiting for it)",
            means="the kernel will kill the largest process, which is the database or the queue",
            todo="lower `sizes` in the cloud's file and type haven up, or add memory",
        )


def _judge_disk(owner: str, disk: DiskFact) -> Iterator[Finding]:
    severity = next((s for s, limit in DISK_LOW.items() if disk.free_mb < limit * disk.size_mb), None)
    if severity is not None:
        yield Finding(
            severity=severity,
            area="disk",
            what=f"{owner} has {disk.free_mb} of {disk.size_mb} MiB free on {disk.path}",
            means="a full disk stops the database member and the broker on it",
            todo=f"see what fills it: du -xh -d2 {disk.path} | sort -h | tail",
        )
    if disk.inodes_percent > INODES_HIGH_PERCENT:
        yield Finding(
            severity=Severity.NOTICE,
            area="disk",
            what=f"{owner} has used {disk.inodes_percent} % of the inodes on {disk.path}",
            means="no file can be made there when they run out",
            todo=f"see who has so many files: du --inodes -x -d2 {disk.path} | sort -n | tail",
        )
