"""Several drills, or one several times; and the records that were kept."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from stackhaven.drills.drill import Drill
from stackhaven.drills.errors import DrillError
from stackhaven.drills.history import FILE, read_history
from stackhaven.drills.judge.verdict import Result, judge
from stackhaven.drills.perform import perform
from stackhaven.drills.report.page import headline
from stackhaven.drills.stage import Stage

BETWEEN_S = 180.0
"""A drill that follows another waits so long for the cloud to be whole."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How sure a figure is: median, least and most of its repeats."""

    median: float
    least: float
    most: float
    times: int


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median=statistics.median(values), least=min(values), most=max(values), times=len(values))


def spreads(results: Sequence[Result]) -> dict[str, Spread | None]:
    """Of each promise over repeats of one drill; None where one of them was not measured."""
    names = list(dict.fromkeys(line.what for result in results for line in result.lines))
    found: dict[str, Spread | None] = {}
    for name in names:
        values = [line.measured for result in results for line in result.lines if line.what == name]
        numbers = [value for value in values if value is not None]
        found[name] = spread(numbers) if numbers and len(numbers) == len(values) else None
    return found


def kept(results: Sequence[Result]) -> bool:
    """Whether the medians of repeats keep every promise. What must never happen is judged in each of them."""
    for name, found in spreads(results).items():
        lines = [line for result in results for line in result.lines if line.what == name]
        if found is None or (lines[0].in_each and not all(line.kept for line in lines)):
            return False
        met = found.median >= lines[0].must if lines[0].at_least else found.median <= lines[0].must
        if not met:
            return False
    return True


@dataclass(frozen=True, kw_only=True)
class Series:
    """What was performed, in order."""

    results: tuple[tuple[Path, Result], ...]

    def by_drill(self) -> dict[str, list[Result]]:
        """The results of each drill."""
        found: dict[str, list[Result]] = {}
        for _, result in self.results:
            found.setdefault(str(result.drill["name"]), []).append(result)
        return found

    @property
    def kept(self) -> bool:
        """Whether every drill kept its promises."""
        return all(kept(results) for results in self.by_drill().values())

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "kept": self.kept,
            "drills": {
                name: {
                    what: None if found is None else vars(found) for what, found in spreads(results).items()
                }
                for name, results in self.by_drill().items()
            },
            "results": [
                {"directory": str(directory), **result.as_data()} for directory, result in self.results
            ],
        }

    def print_summary(self, console: Console) -> None:
        """One line per promise, when there was more than one drill."""
        if len(self.results) < 2:
            return
        table = Table("drill", "promise", "median", "min", "max", "must", "aim", "kept", box=None)
        for name, results in self.by_drill().items():
            for line in results[0].lines:
                found = spreads(results)[line.what]
                cells = (
                    ["-"] * 3
                    if found is None
                    else [f"{v:g}" for v in (found.median, found.least, found.most)]
                )
                good = kept([_only(result, line.what) for result in results])
                table.add_row(
                    name, line.what, *cells, f"{line.must:g}", "" if line.aim is None else f"{line.aim:g}",
                    "yes" if good else "[bold red]NO",
                )  # fmt: skip
        console.print(table)


def _only(result: Result, what: str) -> Result:
    return replace(result, lines=tuple(line for line in result.lines if line.what == what))


def perform_all(stage: Stage, drills: Sequence[Drill], *, repeat: int, anyway: bool) -> Series:
    """Every drill `repeat` times. The first that cannot be carried out ends the series.

    Raises:
        DrillError: see `perform`.

    """
    results: list[tuple[Path, Result]] = []
    for drill in drills:
        for number in range(repeat):
            again = f", {number + 1} of {repeat}" if repeat > 1 else ""
            stage.tell(f"== {drill.name}{again}: {drill.do}")
            if results and not anyway:
                stage.await_health(BETWEEN_S)
            results.append(perform(stage, drill, anyway=anyway))
    return Series(results=tuple(results))


@dataclass(frozen=True, kw_only=True)
class Record:
    """A drill of the past."""

    directory: Path
    kept_word: str
    headline: str


def records(drills: Path) -> Iterator[Record]:
    """All that can be read, oldest first."""
    for directory in directories(drills):
        try:
            result = judge(read_history(directory))
        except DrillError:
            continue
        yield Record(
            directory=directory, kept_word="kept" if result.kept else "MISSED", headline=headline(result)
        )


def directories(drills: Path) -> list[Path]:
    """Those that hold a record, oldest first."""
    if not drills.is_dir():
        return []
    return sorted(path for path in drills.iterdir() if (path / FILE).is_file())


def record(drills: Path, name: str) -> Path:
    """A record by its directory's name, its end, or `last`; the newest that fits.

    Raises:
        DrillError: rule ``drill-record``.

    """
    found = matching(drills, name)
    if not found:
        raise DrillError(
            f"there is no record {name!r}", todo="haven drill report lists them", rule="drill-record"
        )
    return found[-1]


def matching(drills: Path, name: str) -> list[Path]:
    """Records with that name, or of the drill of that name, oldest first."""
    if Path(name).is_dir():
        return [Path(name)]
    all_of_them = directories(drills)
    if name == "last":
        return all_of_them[-1:]
    return [
        path
        for path in all_of_them
        if path.name == name or path.name.partition("-")[2].partition("-")[2] == name
    ]


def results_of(drills: Path, name: str) -> list[Result]:
    """The results of all records that the name fits.

    Raises:
        DrillError: rule ``drill-record``.

    """
    record(drills, name)
    return [judge(read_history(path)) for path in matching(drills, name)]
