"""The table of all drills, for a page and for a terminal. Pure but for printing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from stackhaven.drills.contents import DRILLS
from stackhaven.drills.drill import AT_LEAST, Drill
from stackhaven.drills.report.kept import Table
from stackhaven.drills.report.rows import FIRST, Figure, Row, median

HEAD = ("drill", "promise", "must", "aim", "median", "least to most, repeats", "floor", "kept")
CONTEXT = (
    "drill",
    "cloud",
    "taken",
    "worst API probe",
    "every member back",
    "acknowledged writes lost",
    "VIP: nobody, two holders",
    "waited for CPU, stolen",
)
UNITS = {"failed_calls": "", "guest_lost": "", "boot_share": " %", "acknowledged writes not kept": ""}
"""What a figure is counted in; seconds where nothing else stands."""
LABELS = {
    "gap_s": "gap",
    "return_gap_s": "gap while it comes back",
    "failed_calls": "calls failed after one retry",
    "redundancy_s": "every member back",
    "vip_gap_s": "VIP with nobody",
    "floating_gap_s": "gap of a floating IP",
    "guest_lost": "packets lost from guest to guest",
    "boot_s": "power back to first boot of a server",
    "boot_share": "servers asked for that became active",
    "two VIP holders, s": "two VIP holders",
    "two primary components, s": "two primary components",
    "acknowledged writes not kept": "acknowledged writes lost",
}
"""Promises in few words; the page explains them."""
NOT_YET = "not measured yet"


def markdown(table: Table) -> str:
    """What stands between the markers of the page."""
    parts = [*markdown_table(HEAD, _promise_rows(table))]
    if table.rows:
        parts += ["", "What went with it, medians of the same repeats:", ""]
        parts += markdown_table(CONTEXT, (_context(row) for row in table.rows))
        floors = [f"* {_cell(line)}" for line in _floor_lines(table.rows)]
        parts += ["", "Floors:", "", *floors] if floors else []
    others = [one.name for one in DRILLS if one.name not in {*FIRST, *(row.drill for row in table.rows)}]
    if others:
        parts += ["", f"Not measured yet either: {', '.join(f'`{name}`' for name in others)}."]
    if table.left_out:
        parts += ["", "Left out, because they say nothing about the cloud:", ""]
        parts += [f"* `{_cell(one.record)}`: {_cell(one.why)}." for one in table.left_out]
    return "\n".join(parts) + "\n"


def print_table(console: Console, table: Table) -> None:
    """Both tables on a terminal, then floors and what was left out."""
    for head, rows in ((HEAD, _measured(table.rows)), (CONTEXT, map(_context, table.rows))):
        lines = [(first.partition(":")[0], *rest) for first, *rest in rows]
        if not lines:
            continue
        grid = Grid(*head, box=None, padding=(0, 1))
        grid.columns[0].no_wrap = True
        for line in lines:
            grid.add_row(*(escape(cell.replace("**", "")) for cell in line))
        console.print(grid)
        console.print()
    for floor in _floor_lines(table.rows):
        console.print(escape(f"floor of {floor}"))
    missing = sorted({one.name for one in DRILLS} - {row.drill for row in table.rows})
    if missing:
        console.print(f"{NOT_YET}: {', '.join(missing)}")
    for one in table.left_out:
        console.print(escape(f"left out: {one.record}: {one.why}"))


def _promise_rows(table: Table) -> Iterator[Sequence[str]]:
    """Rows of drills that were measured, and at their place those of the first suite that were not."""
    measured = {row.drill for row in table.rows}
    by_name = {one.name: one for one in DRILLS}
    for name in FIRST:
        if name in measured:
            yield from _measured(row for row in table.rows if row.drill == name)
        else:
            yield from _unmeasured(by_name[name])
    yield from _measured(row for row in table.rows if row.drill not in FIRST)


def _measured(rows: Iterable[Row]) -> Iterator[Sequence[str]]:
    for row in rows:
        for number, figure in enumerate(row.figures()):
            yield (_title(row.drill, row.why, _did(row)) if not number else "", *_figure(row, figure))


def _unmeasured(drill: Drill) -> Iterator[Sequence[str]]:
    for number, (what, must) in enumerate(drill.must.items()):
        title = _title(drill.name, drill.why, f"`{drill.do}`") if not number else ""
        aim = drill.aim.get(what)
        yield title, _promise(what), _bound(what, must), _bound(what, aim), NOT_YET, "", "", ""


def _did(row: Row) -> str:
    return f"`{row.do}`" + (f", {row.setting.calls}" if row.setting.calls else "")


def _title(name: str, why: str, how: str) -> str:
    return f"**{name}**: {why} ({how})"


def _promise(what: str) -> str:
    return LABELS.get(what, what)


def _figure(row: Row, figure: Figure) -> Sequence[str]:
    what, found = figure.what, figure.found
    floor = row.floor.seconds if row.floor and what == "gap_s" else None
    missing = sum(1 for sample in row.samples if sample.measured.get(what) is None)
    spread = f"{bare(found.least)} to {bare(found.most)}, {found.times}" if found else f"{len(row.samples)}"
    return (
        _promise(what),
        _bound(what, figure.must),
        _bound(what, figure.aim),
        f"**{_value(what, found.median)}**" if found else f"not measured in {missing}",
        spread,
        "" if floor is None else _value(what, round(floor, 2)),
        "kept" if figure.kept else "**MISSED**",
    )


def _context(row: Row) -> Sequence[str]:
    samples = row.samples
    dates = [f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}" for moment in sorted(s.began for s in samples)]
    back = median(sample.measured.get("redundancy_s") for sample in samples)
    waited, steal = median(s.waited for s in samples), median(s.steal for s in samples)
    worst = row.worst_probe()
    times = sum(1 for sample in samples if sample.worst_probe == worst)
    return (
        f"**{row.drill}**",
        row.setting.says,
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
        f"{worst} ({times} of {len(samples)})" if worst else "none asked",
        "not seen" if back is None else f"{bare(back)} s",
        _writes(row),
        _vip(row),
        "not watched" if waited is None else f"{waited:g} %, {steal or 0:g} %",
    )


def _writes(row: Row) -> str:
    acknowledged = sum(sample.acknowledged for sample in row.samples)
    lost = sum(sample.not_kept for sample in row.samples)
    unread = sorted({api for sample in row.samples for api in sample.unread})
    if not acknowledged:
        return "no writes"
    text = f"{'**' if lost else ''}{lost} of {acknowledged}{'**' if lost else ''}"
    return text + (f", {', '.join(unread)} could not be read" if unread else "")


def _vip(row: Row) -> str:
    """The longest of all repeats, not a median: one time is one too many."""
    nobody, two, frozen = (
        max((value for value in values if value is not None), default=None)
        for values in (
            [s.nobody_s for s in row.samples],
            [s.two_s for s in row.samples],
            [s.frozen_s for s in row.samples],
        )
    )
    if nobody is None or two is None:
        return "not watched"
    return f"{bare(nobody)} s, {bare(two)} s" + (f"; beside a frozen one {bare(frozen)} s" if frozen else "")


def _floor_lines(rows: Iterable[Row]) -> list[str]:
    """One line for all drills of which the same is true."""
    drills: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.floor:
            drills.setdefault((row.setting.says, row.floor.says), []).append(row.drill)
    return [f"{', '.join(names)} ({setting}): {says}." for (setting, says), names in drills.items()]


def _bound(what: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'at least ' if what in AT_LEAST else ''}{_value(what, value)}"


def _value(what: str, value: float) -> str:
    return f"{bare(value)}{UNITS.get(what, ' s')}"


def bare(value: float) -> str:
    """A figure with as many digits as it deserves."""
    return f"{value:.0f}" if value >= 100 else f"{round(value, 1 if value >= 10 else 2):g}"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table whose cells may hold anything."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    """What a record says cannot end a cell or a line."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
