"""A run that finds nothing to do, on loopback targets; ansible-core does the same work in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from bench.engine_noop import compare
from bench.ground import Ground
from bench.machine import is_busy, load
from bench.row import Measured, Row

TARGETS = 30
FEW = 3


def noop(ground: Ground) -> Sequence[Measured]:
    """Seconds of both engines, and their ratio on equal targets: 3 when quick, else 3 and 30.

    On a busy machine there is no comparison: the longer run would meet more of what else goes on, and look worse.
    """
    busy = is_busy(load())
    shared = [] if busy else [FEW] if ground.quick else [FEW, TARGETS]
    rows = compare(nodes=[FEW, TARGETS], rounds=max(2, ground.rounds(5)), ansible_nodes=shared)
    by_engine = {(row["engine"], row["nodes"]): row for row in rows}
    words = ["--nodes", FEW, TARGETS, "--ansible-nodes", *shared]
    command = " ".join(["python bench/engine_noop.py", *map(str, words)])

    def line(engine: str, count: int, what: str, note: str) -> Measured:
        row, judged = by_engine[engine, count], (engine, count) == ("stackhaven", TARGETS)
        return Measured(
            what=what,
            unit="s",
            samples=tuple(row["walls"]),
            cpu_s=tuple(row["cpus"]),
            command=command,
            must=6 if judged else None,
            aim=4 if judged else None,
            note=note,
        )

    found = []
    for count in (TARGETS, FEW):
        found.append(
            line(
                "stackhaven",
                count,
                f"no-op of 100 steps on {count} loopback targets",
                "processor time is the controller's" + ("; not compared on a busy machine" if busy else ""),
            )
        )
        if count in shared:
            ours, theirs = by_engine["stackhaven", count], by_engine["ansible", count]
            wall, cpu = (
                theirs["wall_s"] / ours["wall_s"],
                theirs["controller_cpu_s"] / ours["controller_cpu_s"],
            )
            found.append(
                line(
                    "ansible",
                    count,
                    f"the same {count} targets by ansible-core {version('ansible-core')}, pipelining on",
                    f"ansible-core on {count}: {wall:.0f} times the wall time, {cpu:.0f} times the processor time",
                )
            )
    return found


ROWS = (Row(name="noop", title="100 steps that hold, on 30 loopback targets", measure=noop),)
