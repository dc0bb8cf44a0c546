"""The plan of a large cloud, made without any host."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.ground import HAVEN, Ground
from bench.row import BenchError, Measured, Row, timed

COMPUTES = 1000
CLOUD = f"""\
name: large
lab: {{}}
networks:
  management: {{cidr: 10.70.0.0/16}}
  tunnel: {{cidr: 10.71.0.0/16}}
  external: {{cidr: 10.72.0.0/16}}
nodes:
  controller: {{roles: [controller], count: 3}}
  compute: {{roles: [compute, network], count: {COMPUTES}}}
"""


def plan(ground: Ground) -> Sequence[Measured]:
    """Seconds from the command to its last line, with the start of the interpreter."""
    file = ground.folder / "large.yaml"
    file.write_text(CLOUD, encoding="utf-8")
    runs = []
    for _ in range(ground.rounds(5)):
        done = timed([HAVEN, "--file", str(file), "plan", "--offline"], timeout_s=120)
        if f"{COMPUTES + 3} nodes" not in done.out:
            raise BenchError(f"this is not the plan of {COMPUTES + 3} nodes: {done.out[-300:]}")
        runs.append(done)
    return (
        Measured(
            what=f"`haven plan` of 3 controllers and {COMPUTES:,} computes, no hosts needed",
            unit="s",
            samples=tuple(done.seconds for done in runs),
            cpu_s=tuple(done.cpu_s for done in runs),
            command="haven --file large.yaml plan --offline",
            must=10,
            aim=3,
            note=f"whole process, Python {sys.version_info.major}.{sys.version_info.minor}",
        ),
    )


ROWS = (Row(name="plan", title="a plan of 1,003 nodes", measure=plan),)
