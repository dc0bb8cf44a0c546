"""One page from facts and findings: first what is wrong with the next thing to type, then the whole cloud in rows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stackhaven.observe.status.facts import BackendFact, CloudFacts, MachineFact, NodeFacts
from stackhaven.observe.status.finding import Finding, Severity
from stackhaven.observe.status.front import viewpoint
from stackhaven.observe.status.judge import Expected, exit_code, verdict

STYLES = {Severity.DOWN: "bold red", Severity.DEGRADED: "yellow", Severity.NOTICE: "cyan"}
VERDICT_STYLES = {"healthy": "bold green", "degraded": "bold yellow", "down": "bold red"}
MOST_NODES = 40
MOST_FINDINGS = 12


def screen(expected: Expected, facts: CloudFacts, findings: tuple[Finding, ...]) -> RenderableType:
    """The page."""
    parts: list[RenderableType] = [_headline(expected, facts, findings)]
    parts += _findings(findings)
    parts += [Text(), _nodes(expected, facts)]
    listeners = _listeners(facts)
    if listeners is not None:
        parts += [Text(), listeners]
    if facts.outside.services:
        parts += [Text(), _services(facts)]
    return Group(*parts)


def as_data(expected: Expected, facts: CloudFacts, findings: tuple[Finding, ...]) -> dict[str, Any]:
    """The same as JSON-safe data."""
    return {
        "cloud": expected.layout.cloud.name,
        "verdict": verdict(findings),
        "exit_code": exit_code(findings),
        "findings": [{**asdict(f), "severity": f.severity.word} for f in findings],
        **_plain(asdict(facts)),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def _headline(expected: Expected, facts: CloudFacts, findings: tuple[Finding, ...]) -> Text:
    layout = expected.layout
    word = verdict(findings)
    counts = f"{len(layout.controllers)} controllers, {len(layout.computes)} computes"
    clock = time.strftime("%H:%M:%S", time.localtime(facts.at))
    return Text.assemble(
        (layout.cloud.name, "bold"),
        f"  {counts}  ",
        (word.upper(), VERDICT_STYLES[word]),
        (f"  {clock}, looked at in {facts.seconds:.1f} s", "dim"),
    )


def _findings(findings: tuple[Finding, ...]) -> Iterator[RenderableType]:
    for finding in findings[:MOST_FINDINGS]:
        text = Text()
        text.append(f"{finding.severity.word:>8}  ", STYLES[finding.severity])
        text.append(f"{finding.what}\n", "bold")
        text.append(f"          means: {finding.means}\n")
        text.append("          do:    ")
        text.append(finding.todo, "cyan")
        yield text
    if len(findings) > MOST_FINDINGS:
        yield Text(f"          and {len(findings) - MOST_FINDINGS} more: haven status --json", "dim")


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold dim", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _nodes(expected: Expected, facts: CloudFacts) -> Table:
    table = _table("node", "daemons", "vip", "database", "queue", "ovn", "load", "memory", "disk free")
    controllers = len(expected.layout.controllers)
    for node in facts.nodes[:MOST_NODES]:
        if not node.reachable:
            table.add_row(node.name, "[bold red]dead[/]")
            continue
        table.add_row(
            node.name,
            _daemons(node),
            "[bold green]holds[/]" if node.holds else "",
            _database(node),
            _queue(node, controllers),
            _raft(node),
            f"{node.machine.load:.1f}" if node.machine else "?",
            _memory(node.machine),
            _disk(node.machine),
        )
    if len(facts.nodes) > MOST_NODES:
        table.add_row(f"and {len(facts.nodes) - MOST_NODES} more")
    return table


def _daemons(node: NodeFacts) -> str:
    runs = sum(1 for unit in node.units if unit.runs)
    return _share(runs, len(node.units))


def _share(good: int, of: int) -> str:
    style = "green" if good == of else "bold red" if good == 0 else "yellow"
    return f"[{style}]{good}/{of}[/]"


def _database(node: NodeFacts) -> str:
    if node.galera is None:
        return "?" if "galera" in node.unanswered else ""
    state = node.galera.state or ("up" if node.galera.running else "not running")
    return f"[green]{escape(state)}[/]" if node.galera.synced else f"[yellow]{escape(state)}[/]"


def _queue(node: NodeFacts, controllers: int) -> str:
    if node.broker is None:
        return "?" if "rabbitmq" in node.unanswered else ""
    return _share(len(node.broker.connected | {node.name}), controllers)


def _raft(node: NodeFacts) -> str:
    if not node.raft:
        return "?" if "ovn" in node.unanswered else ""
    leads = [fact.database for fact in node.raft if fact.role == "leader"]
    if leads:
        return "leads " + "+".join(leads)
    return "member" if all(fact.member for fact in node.raft) else "[yellow]not a member[/]"


def _memory(machine: MachineFact | None) -> str:
    if machine is None:
        return "?"
    if machine.container:
        return f"{machine.processes_mb / 1024:.1f} GiB"
    used = machine.memory_mb - machine.available_mb
    return f"{used / 1024:.1f}/{machine.memory_mb / 1024:.0f} GiB"


def _disk(machine: MachineFact | None) -> str:
    if machine is None or not machine.disks:
        return "?"
    tightest = min(machine.disks, key=lambda disk: disk.free_mb / disk.size_mb)
    return f"{tightest.free_mb / 1024:.0f} GiB"


def _listeners(facts: CloudFacts) -> Table | None:
    node = viewpoint(facts)
    answers: dict[str, list[bool]] = defaultdict(list)
    for fact in facts.outside.listeners:
        answers[fact.listener].append(fact.answers)
    members: dict[str, list[BackendFact]] = defaultdict(list)
    for backend in node.backends if node else ():
        members[backend.listener].append(backend)
    if not answers and not members:
        return None
    table = _table("service", "on the VIP", f"members (HAProxy on {node.name})" if node else "members")
    for listener in dict.fromkeys([*answers, *members]):
        told = answers.get(listener, [])
        word = "?" if not told else "[green]answers[/]" if all(told) else "[bold red]does not answer[/]"
        seen = members.get(listener, [])
        ill = [f"{m.member} {m.check or m.status}" for m in seen if not m.up]
        share = _share(len(seen) - len(ill), len(seen)) if seen else "?"
        table.add_row(listener, word, f"{share} {escape(', '.join(ill))}".rstrip())
    return table


def _services(facts: CloudFacts) -> Table:
    table = _table("as OpenStack sees it", "up", "not up, or switched off")
    kinds = dict.fromkeys(fact.kind for fact in facts.outside.services or ())
    for kind in kinds:
        mine = [fact for fact in facts.outside.services or () if fact.kind == kind]
        ill = [f"{f.host} down" for f in mine if not f.up] + [f"{f.host} off" for f in mine if not f.enabled]
        table.add_row(kind, _share(sum(1 for fact in mine if fact.up), len(mine)), escape(", ".join(ill)))
    return table
