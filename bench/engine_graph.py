# ruff: noqa: ARG001, ARG002 - a link's signatures
"""The engine's own cost: 1,000 nodes x 100 steps on links that answer at once. CPU seconds; prints a markdown row.

python bench/engine_graph.py [--nodes 1000] [--steps 100] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from pathlib import Path
from typing import Any

from stackhaven.engine.journal import Journal
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.ssh import LocalTarget, Target
from stackhaven.plan import Directory, Step, everywhere, here
from stackhaven.plan.mask import Masker
from stackhaven.plan.plan import Plan


class Instant:
    """A link on which everything holds."""

    lost = False

    async def call(self, operation: str, *, timeout_s: float, progress: Any = None, **arguments: Any) -> Any:
        return [{"holds": True} for _ in arguments["resources"]]

    async def close(self, *, grace_s: float = 0) -> None:
        self.lost = True


async def opened(target: Target) -> Instant:
    return Instant()


def steps_of(nodes: tuple[str, ...], count: int) -> list[Step]:
    """Every tenth step waits for all nodes, the others for the same node."""
    wanted = (Directory(path="/tmp"),)
    steps = []
    for number in range(count):
        needs = ((everywhere if number % 10 == 0 else here)(f"s{number - 1}"),) if number else ()
        steps.append(Step(name=f"s{number}", title="", nodes=nodes, resources=lambda _: wanted, needs=needs))
    return steps


async def execute(plan: Plan, nodes: tuple[str, ...]) -> None:
    limits = Limits(nodes=len(nodes))
    pool = Pool({node: LocalTarget(name=node) for node in nodes}, limits, opener=opened)
    masker = Masker()
    result = await run(
        plan, pool, mode=Mode.APPLY, journal=Journal(None, masker), masker=masker, limits=limits
    )
    assert result.ok, result.totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    nodes = tuple(f"n{i}" for i in range(arguments.nodes))
    began = time.process_time()
    plan = Plan.of(steps_of(nodes, arguments.steps))
    graph_s = time.process_time() - began
    asyncio.run(execute(plan, nodes))
    total_s = time.process_time() - began
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        "| graph of | pieces of work | graph, CPU s | graph and run, CPU s | memory, MB |\n|---|---|---|---|---|"
    )
    print(
        f"| {arguments.nodes} x {arguments.steps} | {plan.work} | {graph_s:.2f} | {total_s:.2f} | {memory_mb} |"
    )
    if arguments.json:
        row = {"work": plan.work, "graph_cpu_s": graph_s, "total_cpu_s": total_s, "memory_mb": memory_mb}
        arguments.json.write_text(json.dumps({"bench": "engine_graph", **row}) + "\n")


if __name__ == "__main__":
    main()
