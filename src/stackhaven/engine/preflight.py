"""Looked at before anything is changed: every node is there, is the right machine, lets us work, and is big enough.

All problems of all nodes are found in one go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stackhaven.engine.link import AgentFailedError, LinkLostError
from stackhaven.engine.pool import Pool
from stackhaven.errors import HavenError

HELLO_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a node must be. Memory and disk in MiB; `clock_s`: how far its clock may be from ours, in seconds."""

    distribution: tuple[str, str] | None = ("debian", "13")
    memory_mb: int = 1024
    disk_free_mb: int = 2048
    clock_s: float = 2.0
    systemd: bool = True


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One reason why a node cannot be worked on."""

    node: str
    rule: str
    what: str
    todo: str = ""

    def __str__(self) -> str:
        text = f"{self.node}: [{self.rule}] {self.what}"
        return f"{text}\n    do: {self.todo}" if self.todo else text


class PreflightError(HavenError):
    """Some nodes cannot be worked on; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        nodes = sorted({problem.node for problem in problems})
        lines = "\n  ".join(str(problem) for problem in problems)
        super().__init__(
            f"{len(nodes)} node{'s' if len(nodes) > 1 else ''} cannot be worked on; nothing was changed\n  {lines}",
            rule="preflight",
        )
        self.problems = tuple(problems)


async def preflight(pool: Pool, nodes: Sequence[str], requirements: Requirements) -> tuple[Problem, ...]:
    """Ask every node for its facts, together; the problems in the order of `nodes`, empty if there are none."""
    found = await asyncio.gather(*(_examine(pool, node, requirements) for node in nodes))
    twins = _twins({node: facts for node, facts, _ in found if facts})
    return (*(problem for _, _, problems in found for problem in problems), *twins)


async def _examine(
    pool: Pool, node: str, requirements: Requirements
) -> tuple[str, dict[str, Any], tuple[Problem, ...]]:
    try:
        async with pool.use(node) as channel:
            before = time.time()
            facts = await channel.call("hello", timeout_s=HELLO_S, systemd=requirements.systemd)
            after = time.time()
    except LinkLostError as error:
        return node, {}, (Problem(node=node, rule="node-link", what=error.reason, todo=error.todo),)
    except AgentFailedError as error:
        return node, {}, (Problem(node=node, rule="node-agent", what=error.what),)
    offset_s = clock_offset(facts["clock"], before, after)
    return node, facts, judge(node, facts, offset_s, requirements)


def clock_offset(theirs: float, before: float, after: float) -> float:
    """Seconds by which a clock is ahead, at least: the reading happened somewhere between `before` and `after`."""
    return theirs - after if theirs > after else min(0.0, theirs - before)


def judge(
    node: str, facts: dict[str, Any], offset_s: float, requirements: Requirements
) -> tuple[Problem, ...]:
    """What is wrong with a machine of these facts. Pure."""
    problems = []

    def problem(rule: str, what: str, todo: str) -> None:
        problems.append(Problem(node=node, rule=rule, what=what, todo=todo))

    if facts["uid"] != 0:
        problem("node-root", "the agent does not run as root", "use root, or an account with sudo")
    system = facts["os"]
    wanted = requirements.distribution
    if wanted and (system["ID"], system["VERSION_ID"]) != wanted:
        name = system["PRETTY_NAME"] or "an unknown system"
        problem(
            "node-system", f"runs {name}, not {wanted[0].title()} {wanted[1]}", "install that release there"
        )
    if requirements.systemd and facts["systemd"] not in {"running", "degraded", "starting", "initializing"}:
        problem(
            "node-systemd", f"systemd is {facts['systemd'] or 'not there'}", "boot it with systemd as init"
        )
    if facts["memory_mb"] < requirements.memory_mb:
        text = f"has {facts['memory_mb']} MiB of memory, needs {requirements.memory_mb}"
        problem("node-memory", text, "give it more memory, or fewer roles")
    if facts["disk_free_mb"] < requirements.disk_free_mb:
        text = f"has {facts['disk_free_mb']} MiB free below /var, needs {requirements.disk_free_mb}"
        problem("node-disk", text, "make room there")
    if abs(offset_s) > requirements.clock_s:
        way = "ahead of" if offset_s > 0 else "behind"
        text = f"its clock is {abs(offset_s):.1f} s {way} ours"
        problem("node-clock", text, "set it: systemctl restart systemd-timesyncd (or chronyd); timedatectl")
    return tuple(problems)


def _twins(facts: dict[str, dict[str, Any]]) -> tuple[Problem, ...]:
    """Two names for one machine would be deployed over each other."""
    owners: dict[str, str] = {}
    problems = []
    for node, fact in facts.items():
        identity = fact["machine_id"]
        if identity and identity in owners:
            problems.append(
                Problem(
                    node=node,
                    rule="node-twin",
                    what=f"has the same machine id as {owners[identity]}: the same machine, or a copied disk",
                    todo="correct the address; on a copy: rm /etc/machine-id && systemd-machine-id-setup",
                )
            )
        owners.setdefault(identity, node)
    return tuple(problems)
