"""Drills and results on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stackhaven.drills.contents import DRILLS, SUITES
from stackhaven.drills.drill import PROMISES
from stackhaven.drills.faults.contents import FAULTS
from stackhaven.drills.judge.verdict import Result
from stackhaven.drills.load.groups import GROUPS, descriptions
from stackhaven.drills.perform import REPORT
from stackhaven.drills.report.page import headline, seconds
from stackhaven.drills.targets import ROLES


def print_contents(console: Console) -> None:
    """Everything one may write in a drill."""
    _print(console, "Drills", ((one.name, f"{one.do}: {one.why}") for one in DRILLS))
    _print(console, "Suites", ((f"suite:{name}", ", ".join(names)) for name, names in SUITES.items()))
    _print(console, "Faults", ((one.name, f"{one.does} ({', '.join(one.covers)})") for one in FAULTS))
    _print(console, "Targets", ROLES.items())
    _print(
        console,
        "Probes",
        [*descriptions().items()] + [(name, f"all of {', '.join(names)}") for name, names in GROUPS.items()],
    )
    _print(console, "Promises", PROMISES.items())


def print_result(console: Console, directory: Path, result: Result) -> None:
    """What one drill found."""
    console.print(f"\n[bold]{result.drill['name']}[/bold]: {result.strike}")
    console.print(headline(result))
    table = Table("promise", "measured", "must", "aim", "", box=None)
    for line in result.lines:
        measured = "not measured" if line.measured is None else f"{line.measured:g}"
        table.add_row(
            PROMISES.get(line.what, line.what),
            measured,
            f"{line.must:g}",
            "" if line.aim is None else f"{line.aim:g}",
            "kept" if line.kept else "[bold red]MISSED",
        )
    console.print(table)
    probes = Table(
        "probe",
        "calls",
        "failed",
        "unknown",
        "cured",
        "longest gap",
        "before healing",
        "usual",
        "p99 during",
        box=None,
    )
    for probe in result.probes:
        during = probe.latency.get("during")
        probes.add_row(
            probe.probe,
            *(str(n) for n in (probe.calls, probe.failed, probe.unknown, probe.cured)),
            seconds(probe.gap_s),
            seconds(probe.gap_in_fault_s),
            seconds(probe.usual_gap_s),
            seconds(during.p99_s if during else None),
        )
    console.print(probes)
    for window, load in result.machine.items():
        if load.waited is not None:
            console.print(
                f"machine {window}: waited for CPU {load.waited} %, busy {load.busy} %, stolen {load.steal} %"
            )
    console.print(f"{directory / REPORT}", soft_wrap=True)


def print_comparison(
    console: Console, one: tuple[str, Sequence[Result]], other: tuple[str, Sequence[Result]]
) -> None:
    """Medians of both, promise by promise and probe by probe."""
    from stackhaven.drills.series import Spread, spread, spreads

    def cell(found: Spread | None) -> str:
        if found is None:
            return "-"
        return f"{found.median:g}" + (f" ({found.least:g} to {found.most:g})" if found.times > 1 else "")

    left, right = spreads(one[1]), spreads(other[1])
    table = Table("", f"{one[0]} ({len(one[1])})", f"{other[0]} ({len(other[1])})", box=None)
    for what in dict.fromkeys([*left, *right]):
        table.add_row(PROMISES.get(what, what), cell(left.get(what)), cell(right.get(what)))
    for name in dict.fromkeys(p.probe for side in (one[1], other[1]) for r in side for p in r.probes):
        cells = []
        for side in (one[1], other[1]):
            values = [round(p.gap_s, 2) for r in side for p in r.probes if p.probe == name]
            cells.append(cell(spread(values) if values else None))
        table.add_row(f"{name}: longest time without success, s", *cells)
    console.print(table)


def _print(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for name, text in rows:
        table.add_row(name, text)
    console.print(f"[bold]{title}[/bold]")
    console.print(table)
