"""The drills there are, and the suites made of them. Each do-sentence is what `haven drill list` shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stackhaven.drills.drill import Drill, read_drill
from stackhaven.drills.errors import DrillError

SWITCH = {"gap_s": 3.0, "redundancy_s": 90.0}

DRILLS: tuple[Drill, ...] = (
    Drill(
        name="kill-api",
        why="an API process dies: the balancer and one retry hide it",
        do="kill keystone on random",
        hold_s=10,
        must={"failed_calls": 0, "redundancy_s": 30},
    ),
    Drill(
        name="freeze-writer",
        why="the database member that writes stands still with its connections open",
        do="freeze mariadb on db-writer",
        must={"gap_s": 6.0, "redundancy_s": 60},
    ),
    Drill(
        name="power-off-busiest",
        why="the controller with most roles loses its power",
        do="power-off busiest",
        must=SWITCH,
        aim={"gap_s": 1.5},
    ),
)

SUITES: Mapping[str, tuple[str, ...]] = {
    "quick": ("kill-api", "freeze-writer", "power-off-busiest"),
}


def drill(name: str) -> Drill:
    """The drill of this name, or in this file.

    Raises:
        DrillError: rule ``no-such-drill``, with the names there are.

    """
    for one in DRILLS:
        if one.name == name:
            return one
    if name.endswith((".yaml", ".yml")):
        return read_drill(Path(name))
    raise DrillError(
        f"there is no drill {name!r}",
        todo=f"one of: {', '.join(one.name for one in DRILLS)}; or the path of a YAML file",
        rule="no-such-drill",
    )


def drills_of(name: str) -> tuple[Drill, ...]:
    """One drill, or all of ``suite:NAME``."""
    prefix, _, suite = name.partition(":")
    if prefix != "suite":
        return (drill(name),)
    if suite not in SUITES:
        raise DrillError(
            f"there is no suite {suite!r}",
            todo=f"one of: {', '.join(f'suite:{one}' for one in SUITES)}",
            rule="no-such-drill",
        )
    return tuple(drill(one) for one in SUITES[suite])
