"""The reference page of drills, from the tables themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from stackhaven.drills.contents import DRILLS, SUITES
from stackhaven.drills.drill import AT_LEAST, PROMISES
from stackhaven.drills.faults.contents import FAULTS
from stackhaven.drills.load.groups import GROUPS, descriptions
from stackhaven.drills.targets import ROLES

Row = tuple[str, ...]
Chapter = tuple[str, str, Sequence[tuple[Row, Sequence[Row]]]]
"""Title, remark, and tables as (head, rows)."""


def reference() -> str:
    """The page, in Markdown."""
    parts: list[str] = [
        "# Drills",
        "",
        "Generated from the program by `make docs`. What a drill is, and why so: `docs/explanation/drills.md`.",
        "",
    ]
    for title, remark, tables in _chapters():
        parts += [f"## {title}", ""]
        parts += [remark, ""] if remark else []
        for head, rows in tables:
            parts += [*_table(head, rows), ""]
    return "\n".join(parts)


def _chapters() -> Iterator[Chapter]:
    drills = [(f"`{d.name}`", f"`{d.do}`", d.why, _promises(d.must), _promises(d.aim)) for d in DRILLS]
    yield "Drills", "", [(("name", "does", "shows", "must", "aim"), drills)]
    suites = [(f"`suite:{name}`", _code(names)) for name, names in SUITES.items()]
    yield "Suites", "", [(("name", "drills"), suites)]
    faults = [
        (
            f"`{f.name}`",
            f.does,
            "a program" if f.on_programs else "machines",
            f"no: {f.lab_only}" if f.lab_only else "yes",
            ", ".join(f.covers),
        )
        for f in FAULTS
    ]
    yield "Faults", "", [(("name", "does", "hits", "existing hosts", "covers"), faults)]
    remark = "Looked up when the drill begins. A machine's own name is a target, too."
    yield "Targets", remark, [(("name", "is"), [(f"`{name}`", text) for name, text in ROLES.items()])]
    probes = [(f"`{name}`", text) for name, text in descriptions().items()]
    groups = [(f"`{name}`", _code(names)) for name, names in GROUPS.items()]
    yield "Probes", "", [(("name", "does"), probes), (("group", "probes"), groups)]
    remark = (
        "Every drill also promises: no two living VIP holders, no two primary components of the database, and "
        "no acknowledged write lost."
    )
    yield (
        "Promises",
        remark,
        [(("name", "measures"), [(f"`{name}`", text) for name, text in PROMISES.items()])],
    )


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _promises(wanted: Mapping[str, float]) -> str:
    return ", ".join(
        f"`{name}` {'>=' if name in AT_LEAST else '<='} {value:g}" for name, value in wanted.items()
    )


def _table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
