"""Samples of drills that outlive their records: one JSON file, in which each row is replaced by its own newer one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackhaven.drills.judge.floors import Floor
from stackhaven.drills.report.rows import LeftOut, Row, Sample, Setting, in_order
from stackhaven.errors import InputError

KIND = "drills"
VERSION = 1
BEGIN, END = "<!-- drills begin: written by `haven drill table --write` -->", "<!-- drills end -->"
_BEGINS = "<!-- drills begin"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows in order, and the records that are in none."""

    rows: tuple[Row, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def only(self, names: Collection[str]) -> Table:
        """What it says of these drills; everything when none is named."""
        if not names:
            return self
        return Table(
            rows=tuple(row for row in self.rows if row.drill in names),
            left_out=tuple(one for one in self.left_out if one.drill in names),
        )

    def renewed(self, other: Table) -> Table:
        """With the rows of `other` in the place of their own; what it does not have stays."""
        mine = {row.key: row for row in self.rows} | {row.key: row for row in other.rows}
        spoken_of = {row.drill for row in other.rows} | {one.drill for one in other.left_out}
        stays = [one for one in self.left_out if one.drill not in spoken_of]
        out = sorted([*stays, *other.left_out], key=lambda one: one.record)
        return Table(rows=tuple(in_order(mine.values())), left_out=tuple(out))

    def as_data(self) -> dict[str, Any]:
        """JSON-safe, with the figures beside the samples for those who read it."""
        return {
            "kind": KIND,
            "version": VERSION,
            "rows": [_row_data(row) for row in self.rows],
            "left_out": [asdict(one) for one in self.left_out],
        }


def _row_data(row: Row) -> dict[str, Any]:
    data = asdict(row)
    samples = data.pop("samples")
    for sample in samples:
        sample["date"] = datetime.fromtimestamp(sample["began"], UTC).isoformat(timespec="seconds")
    return {**data, "figures": [asdict(figure) for figure in row.figures()], "samples": samples}


def read_kept(path: Path) -> Table:
    """What an earlier table kept; an empty one where there is no file yet.

    Raises:
        InputError: rule ``drill-kept`` when the file holds something else.

    """
    if not path.exists():
        return Table()
    try:
        return _table(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} does not hold the samples of drills: {type(error).__name__} {error}",
            why="it would be overwritten",
            todo="name another file with --keep, or remove this one",
            rule="drill-kept",
        ) from None


def _table(data: Mapping[str, Any]) -> Table:
    if (data["kind"], data["version"]) != (KIND, VERSION):
        raise ValueError(f"kind {data['kind']!r}, version {data['version']!r}")
    return Table(
        rows=tuple(_row(one) for one in data["rows"]),
        left_out=tuple(LeftOut(**one) for one in data["left_out"]),
    )


def _row(data: Mapping[str, Any]) -> Row:
    floor = data["floor"]
    return Row(
        drill=data["drill"],
        do=data["do"],
        why=data["why"],
        setting=Setting(**data["setting"]),
        load=tuple(map(str, data["load"])),
        must={str(what): float(value) for what, value in data["must"].items()},
        aim={str(what): float(value) for what, value in data["aim"].items()},
        floor=Floor(**floor) if floor else None,
        samples=tuple(_sample(one) for one in data["samples"]),
    )


def _sample(data: Mapping[str, Any]) -> Sample:
    return Sample(
        record=str(data["record"]),
        began=float(data["began"]),
        nodes=tuple(map(str, data["nodes"])),
        measured={str(what): _number(value) for what, value in data["measured"].items()},
        worst_probe=str(data["worst_probe"]),
        acknowledged=int(data["acknowledged"]),
        not_kept=int(data["not_kept"]),
        unread=tuple(map(str, data["unread"])),
        **{key: _number(data[key]) for key in ("nobody_s", "two_s", "frozen_s", "waited", "steal")},
    )


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def store(path: Path, text: str) -> None:
    """Write a file in one step: readers see the old or the new one.

    Raises:
        InputError: rule ``file-unwritable``.

    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}", rule="file-unwritable") from None


def keep(path: Path, table: Table) -> None:
    """Store a table; see `store`."""
    store(path, json.dumps(table.as_data(), indent=1) + "\n")


def inserted(path: Path, text: str) -> str:
    """The page with `text` between its markers; everything else is as it was.

    Raises:
        InputError: rule ``drill-page`` when the page or its markers are not there, once each and in order.

    """
    try:
        page = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}",
            todo="name a page that exists; the table goes between its markers",
            rule="drill-page",
        ) from None
    head, begin, rest = page.partition(_BEGINS)
    marker, closes, rest = rest.partition("-->")
    _, end, tail = rest.partition(END)
    if not (begin and closes and end) or page.count(_BEGINS) != 1 or page.count(END) != 1:
        raise InputError(
            f"{path} has no place for the table",
            why="only what is between two markers is replaced, and they are not there once each, in this order",
            todo=f"put these two lines where the table belongs:\n{BEGIN}\n{END}",
            rule="drill-page",
        )
    return f"{head}{begin}{marker}{closes}\n\n{text}\n{END}{tail}"
