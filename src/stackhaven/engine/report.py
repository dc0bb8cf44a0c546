"""The end of a run, and a plan, as text for a person and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stackhaven.engine.history import PastRun
from stackhaven.engine.result import RunResult
from stackhaven.engine.screen import indent
from stackhaven.plan.forecast import Pending
from stackhaven.plan.outcome import Finding, Outcome, State
from stackhaven.plan.plan import Plan, describe_need, describe_nodes

MOST_ERRORS = 20
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def print_contents(plan: Plan, console: Console) -> None:
    """The table of contents: every step with its nodes and needs."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("step", "title", "nodes", "needs"):
        table.add_column(column, overflow="fold")
    for step in plan.steps:
        nodes = describe_nodes(step.nodes) + (" one by one" if step.serial and len(step.nodes) > 1 else "")
        table.add_row(
            step.name, escape(step.title), nodes, ", ".join(describe_need(need) for need in step.needs)
        )
    console.print(table)
    console.print(
        f"{len(plan.steps)} steps, {len(plan.nodes)} nodes, {plan.work} pieces of work, {plan.things()} things"
    )


def print_pending(result: RunResult, plan: Plan, console: Console, *, diffs: bool) -> None:
    """What a run would do, node by node, in the order of the table of contents."""
    for pending in result.pending:
        console.print(
            f"[bold]{escape(plan.by_name[pending.step].title)}[/] on {pending.node} [dim]({pending.step})[/]"
        )
        for finding in pending.findings:
            console.print(f"  {_sentence(finding)}")
            if diffs and finding.diff:
                _print_diff(finding.diff, console)
    print_failures(result, console)
    nodes = {pending.node for pending in result.pending}
    if result.pending:
        things = sum(len(pending.findings) for pending in result.pending)
        console.print(f"{things} things to do in {len(result.pending)} steps on {len(nodes)} nodes: haven up")
    elif result.ok:
        console.print(f"nothing to do: {len(result.outcomes)} steps looked at in {result.seconds:.1f} s")


def print_summary(result: RunResult, console: Console) -> None:
    """How a run went: errors, changes, restarts, the slowest steps, and the next command."""
    print_failures(result, console)
    totals = result.totals
    restarts = [
        (o.node, c.label.removeprefix("unit "))
        for o, c in result.changes()
        if c.verb in {"restart", "reload"}
    ]
    console.print(
        f"{'done' if result.ok else 'not done'} in {result.seconds:.1f} s: {totals['changes']} changes, "
        f"{len(restarts)} restarts; steps: "
        + ", ".join(f"{n} {state}" for state, n in totals.items() if state in {s.value for s in State})
    )
    if restarts:
        console.print("restarted: " + ", ".join(f"{unit} on {node}" for node, unit in restarts[:MOST_ERRORS]))
    slow = [o for o in result.slowest() if o.seconds >= 0.1]
    if slow and totals["changes"]:
        console.print("slowest: " + ", ".join(f"{o.step} on {o.node} {o.seconds:.1f} s" for o in slow))
    if not result.ok:
        console.print("finished work is kept; the same command goes on from here")


def print_failures(result: RunResult, console: Console) -> None:
    """Every failed piece of work with its error, and how much is blocked by it."""
    failures = result.having(State.FAILED, State.LOST, State.INTERRUPTED)
    by_error: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in failures:
        by_error.setdefault((outcome.node, outcome.error), []).append(outcome)
    for same in list(by_error.values())[:MOST_ERRORS]:
        _print_failure(same, result, console)
    if len(by_error) > MOST_ERRORS:
        console.print(f"and {len(by_error) - MOST_ERRORS} more failures; haven log last shows all")
    if result.stopped_by:
        left = len(result.having(State.NOT_STARTED))
        console.print(f"stopped: {escape(result.stopped_by)}; {left} pieces of work were not started")


def _print_failure(same: Sequence[Outcome], result: RunResult, console: Console) -> None:
    first = same[0]
    more = f" and {len(same) - 1} more steps" if len(same) > 1 else ""
    console.print(f"[bold red]{first.state}[/] {escape(first.step)}{more} on {first.node}")
    console.print(escape(indent(first.error, "    ")))
    causes = {f"{outcome.step} on {outcome.node}" for outcome in same}
    blocked = [outcome for outcome in result.having(State.BLOCKED) if outcome.cause in causes]
    if blocked:
        steps = list(dict.fromkeys(outcome.step for outcome in blocked))
        console.print(f"    blocks {len(blocked)}: {describe_nodes(steps)}")


def print_past_runs(runs: Sequence[PastRun], console: Console) -> None:
    """One line per run, newest first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("run", "began (UTC)", "took", "verdict", "work"):
        table.add_column(column)
    for run in runs:
        began = datetime.fromtimestamp(run.began, UTC)
        totals = ", ".join(f"{count} {name}" for name, count in run.totals.items() if count)
        table.add_row(run.name, f"{began:%Y-%m-%d %H:%M:%S}", f"{run.seconds:.1f} s", run.verdict, totals)
    console.print(table if runs else "no runs yet: haven up")


def print_past_run(run: PastRun, console: Console) -> None:
    """Everything that did not simply hold, then the slowest steps."""
    for event in run.ended():
        if event.get("state") == "ok":
            continue
        took = f"{event.get('seconds', 0.0):6.1f} s"
        console.print(f"{event.get('state', ''):>9} {took}  {event['node']}  {escape(event['step'])}")
        for change in event.get("changes", ()):
            console.print(f"            {escape(change['label'])}: {escape(change['did'])}")
        if event.get("text"):
            console.print(escape(indent(event["text"])))
    for event in run.slowest():
        console.print(
            f"slowest: {event.get('seconds', 0.0):6.1f} s  {escape(event['step'])} on {event['node']}"
        )
    console.print(f"{run.verb} {run.verdict} in {run.seconds:.1f} s: {run.totals}")


def result_data(result: RunResult) -> dict[str, Any]:
    """The result as JSON-safe data."""
    return {
        "mode": str(result.mode),
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 3),
        "totals": result.totals,
        "pending": pending_data(result.pending),
        "failures": [
            asdict(o) for o in result.having(State.FAILED, State.LOST, State.INTERRUPTED, State.BLOCKED)
        ],
        "stopped_by": result.stopped_by,
    }


def pending_data(pending: Sequence[Pending]) -> list[dict[str, Any]]:
    """What a run would do as JSON-safe data."""
    return [asdict(one) for one in pending]


def _sentence(finding: Finding) -> str:
    if not finding.known:
        return f"[yellow]?[/] {escape(finding.label)}: {escape(_first_line(finding.why))}"
    return f"[cyan]~[/] {escape(finding.label)}: would {finding.verb} ({escape(_first_line(finding.why))})"


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _print_diff(diff: str, console: Console) -> None:
    for line in diff.splitlines():
        style = DIFF_STYLES.get(line[:1], "dim")
        console.print(f"      {line}", style=style, markup=False, soft_wrap=True)
