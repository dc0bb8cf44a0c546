"""Measure, and write `docs/performance.md` and `bench/results.json`. See `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench import machine, page
from bench.ground import Ground
from bench.row import BenchError, Row

MODULES = ("bench.cloud", "bench.plan_scale", "bench.noop", "bench.desk")
"""In the order of the page. Those that are not there, or have no `ROWS`, are left out."""


def all_rows() -> list[Row]:
    """Every row that there is, in the order of the page."""
    return [row for name in MODULES if find_spec(name) for row in getattr(import_module(name), "ROWS", ())]


def main() -> int:
    """Run the rows that were asked for; those that could not be measured make the exit code 1."""
    rows = all_rows()
    arguments = _arguments(rows)
    wanted = [row for row in rows if not arguments.only or row.name in arguments.only]
    wanted.sort(key=lambda row: row.cloud)
    results = page.read(page.RESULTS, machine.machine())
    failed = False
    with Ground(quick=arguments.quick, given=arguments.cloud) as ground:
        for row in wanted:
            if not arguments.quick:
                machine.settle()
            failed |= not _measure(row, ground, results)
            page.write(page.RESULTS, results)
            text = page.PAGE.read_text(encoding="utf-8")
            page.PAGE.write_text(page.rendered(text, results, [r.name for r in rows]), encoding="utf-8")
    return 1 if failed else 0


def _measure(row: Row, ground: Ground, results: page.Results) -> bool:
    before = machine.load()
    print(f"{row.name}: {row.title} (load {before:g})", flush=True)
    try:
        found = row.measure(ground)
    except BenchError as error:
        print(f"  not measured: {error}", flush=True)
        return False
    page.take_in(results, row.name, found, commit=machine.commit(), loads=(before, machine.load()))
    for one in found:
        samples = ", ".join(f"{sample:.2f}" for sample in one.samples)
        print(f"  {one.median:8.2f} {one.unit}  {one.what}  [{samples}]  {one.note}", flush=True)
    return True


def _arguments(rows: list[Row]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure, and write docs/performance.md and bench/results.json.",
        epilog="Rows of one machine are kept: one row may be measured alone. Rows with a cloud need root.",
    )
    names = [row.name for row in rows]
    parser.add_argument("--only", action="append", choices=names, help="only this row; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer samples, and no long comparison")
    parser.add_argument(
        "--cloud",
        type=Path,
        metavar="FILE",
        help="a running cloud for the rows that look at one, instead of one made for the bench; it is left as it is",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
