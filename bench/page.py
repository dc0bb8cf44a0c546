"""The results: kept as JSON, written as a table between two marks of `docs/performance.md`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import is_busy
from bench.row import ROOT, Measured

RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench begins: written by `make bench` -->", "<!-- bench ends -->"

Results = dict[str, Any]


def read(file: Path, machine: Mapping[str, object]) -> Results:
    """The results so far; those of another machine are not comparable, and dropped."""
    if file.exists():
        found: Results = json.loads(file.read_text(encoding="utf-8"))
        if found["machine"] == machine:
            return found
    return {"machine": dict(machine), "rows": {}}


def take_in(
    results: Results, name: str, found: Sequence[Measured], *, commit: str, loads: tuple[float, float]
) -> None:
    """Put a row's lines in the place of its earlier ones. `loads` are those before and after."""
    results["rows"][name] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit,
        "load_before": loads[0],
        "load_after": loads[1],
        "lines": [asdict(one) | {"median": one.median} for one in found],
    }


def write(file: Path, results: Results) -> None:
    """Store the results."""
    file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def rendered(page: str, results: Results, order: Sequence[str]) -> str:
    """The page with the table of today between its marks.

    Raises:
        ValueError: the marks are not there.

    """
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n\n{table(results, order)}\n{END}{tail}"


def table(results: Results, order: Sequence[str]) -> str:
    """All lines in the order of the bench, then how each was taken."""
    facts, rows = results["machine"], results["rows"]
    lines = [
        f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gb']:g} GB of memory, {facts['system']}, "
        f"Linux {facts['kernel']}.",
        "",
        "| what | must | aim | median | least to most, samples | processor time | load |",
        "|---|---|---|---|---|---|---|",
    ]
    known = [name for name in order if name in rows]
    for name in known:
        load = _load(rows[name])
        lines += [f"| {_cells(line)} | {load} |" for line in rows[name]["lines"]]
    lines += ["", "How each was taken:", ""]
    for name in known:
        row = rows[name]
        notes = "; ".join(dict.fromkeys(line["note"] for line in row["lines"] if line["note"]))
        commands = "; ".join(dict.fromkeys(f"`{line['command']}`" for line in row["lines"]))
        lines.append(
            f"* **{name}**: {commands}{f' ({notes})' if notes else ''}. {row['at']}, commit {row['commit']}."
        )
    missing = [name for name in order if name not in rows]
    if missing:
        lines += ["", f"Not measured on this machine yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _cells(line: Mapping[str, Any]) -> str:
    unit, samples = line["unit"], line["samples"]
    spread = (
        f"{_figure(min(samples))} to {_figure(max(samples))}, {len(samples)}" if len(samples) > 1 else "1"
    )
    cpu = f"{_figure(statistics.median(line['cpu_s']))} s" if line["cpu_s"] else ""
    budget = " | ".join(f"{line[b]:g} {unit}" if line[b] is not None else "" for b in ("must", "aim"))
    return f"{line['what']} | {budget} | **{_figure(line['median'])} {unit}**{_miss(line)} | {spread} | {cpu}"


def _miss(line: Mapping[str, Any]) -> str:
    for budget in ("must", "aim"):
        if line[budget] is not None and line["median"] > line[budget]:
            return f" (over the {budget})"
    return ""


def _load(row: Mapping[str, Any]) -> str:
    text = f"{row['load_before']:g} to {row['load_after']:g}"
    return f"{text}, **busy**" if is_busy(row["load_before"]) else text


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
