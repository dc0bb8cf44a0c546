"""The same drills on several clouds, one column for each cloud. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stackhaven.drills.report.kept import Table
from stackhaven.drills.report.rows import Row, Sample, Setting, in_order
from stackhaven.drills.report.table import bare, markdown_table
from stackhaven.drills.series import spread


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One line of each drill. `of`: the figure of one repeat, None where it was not measured."""

    says: str
    of: Callable[[Sample], float | None]
    unit: str = " s"


MEASURES = (
    Measure(says="gap", of=lambda sample: sample.measured.get("gap_s")),
    Measure(says="gap while it comes back", of=lambda sample: sample.measured.get("return_gap_s")),
    Measure(says="calls failed after one retry", of=lambda s: s.measured.get("failed_calls"), unit=""),
    Measure(says="VIP with nobody", of=lambda sample: sample.nobody_s),
    Measure(says="two living holders", of=lambda sample: sample.two_s),
    Measure(says="a holder beside a frozen one", of=lambda sample: sample.frozen_s),
    Measure(says="every member back", of=lambda sample: sample.measured.get("redundancy_s")),
    Measure(says="acknowledged writes lost", of=lambda sample: float(sample.not_kept), unit=""),
    Measure(says="waited for CPU", of=lambda sample: sample.waited, unit=" %"),
)


def side_by_side(table: Table) -> str:
    """A table of medians with least and most, for a page or a terminal; empty columns were not measured."""
    settings = list(
        dict.fromkeys(row.setting for row in sorted(table.rows, key=lambda row: row.setting.says))
    )
    rows: dict[str, dict[Setting, Row]] = {}
    for row in in_order(table.rows):
        rows.setdefault(row.drill, {})[row.setting] = row
    head = ("drill", "figure", *(one.says for one in settings))
    lines = [line for name, found in rows.items() for line in _lines(name, found, settings)]
    return "\n".join(markdown_table(head, lines)) + "\n"


def _lines(name: str, found: Mapping[Setting, Row], settings: Sequence[Setting]) -> Iterator[Sequence[str]]:
    do = next(iter(found.values())).do
    title = f"**{name}** (`{do}`)"
    for measure in MEASURES:
        cells = [_cell(found.get(setting), measure) for setting in settings]
        if any(cells):
            yield title, measure.says, *cells
            title = ""


def _cell(row: Row | None, measure: Measure) -> str:
    values = [measure.of(sample) for sample in row.samples] if row else []
    numbers = [value for value in values if value is not None]
    if not numbers or len(numbers) < len(values):
        return ""
    found = spread(numbers)
    return (
        f"**{bare(found.median)}{measure.unit}** ({bare(found.least)} to {bare(found.most)}, {found.times})"
    )
