"""The reference page of drills, from the tables themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stackhaven.drills.contents import DRILLS, SUITES
from stackhaven.drills.drill import AT_LEAST, PROMISES
from stackhaven.drills.faults.contents import FAULTS
from stackhaven.drills.load.groups import GROUPS, descriptions
from stackhaven.drills.targets import ROLES


def reference() -> str:
    """The page, in Markdown."""
    return "\n".join(
        [
            "# Drills",
            "",
            "Generated from the program by `make docs`. What a drill is, and why so: `docs/explanation/drills.md`.",
            "",
            "## Drills",
            "",
            *_table(
                ("name", "does", "shows", "must", "aim"),
                ((f"`{d.name}`", f"`{d.do}`", d.why, _promises(d.must), _promises(d.aim)) for d in DRILLS),
            ),
            "",
            "## Suites",
            "",
            *_table(
                ("name", "drills"),
                ((f"`suite:{name}`", ", ".join(f"`{d}`" for d in names)) for name, names in SUITES.items()),
            ),
            "",
            "## Faults",
            "",
            *_table(
                ("name", "does", "hits", "existing hosts", "covers"),
                (
                    (
                        f"`{f.name}`",
                        f.does,
                        "a program" if f.on_programs else "machines",
                        f"no: {f.lab_only}" if f.lab_only else "yes",
                        ", ".join(f.covers),
                    )
                    for f in FAULTS
                ),
            ),
            "",
            "## Targets",
            "",
            "Looked up when the drill begins. A machine's own name is a target, too.",
            "",
            *_table(("name", "is"), ((f"`{name}`", text) for name, text in ROLES.items())),
            "",
            "## Probes",
            "",
            *_table(("name", "does"), ((f"`{name}`", text) for name, text in descriptions().items())),
            "",
            *_table(
                ("group", "probes"),
                ((f"`{name}`", ", ".join(f"`{p}`" for p in names)) for name, names in GROUPS.items()),
            ),
            "",
            "## Promises",
            "",
            "Every drill also promises: no two living VIP holders, no two primary components of the database, and",
            "no acknowledged write lost.",
            "",
            *_table(("name", "measures"), ((f"`{name}`", text) for name, text in PROMISES.items())),
            "",
        ]
    )


def _promises(wanted: Mapping[str, float]) -> str:
    return ", ".join(
        f"`{name}` {'>=' if name in AT_LEAST else '<='} {value:g}" for name, value in wanted.items()
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
