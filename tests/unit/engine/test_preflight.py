from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from stackhaven.engine.link import LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.preflight import PreflightError, Requirements, clock_offset, judge, preflight
from stackhaven.engine.ssh import LocalTarget, Target

pytestmark = pytest.mark.unit

GOOD: dict[str, Any] = {
    "uid": 0,
    "os": {"ID": "debian", "VERSION_ID": "13", "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)"},
    "systemd": "running",
    "memory_mb": 4096,
    "disk_free_mb": 10000,
    "clock": 0.0,
    "machine_id": "",
}


def rules(facts: dict[str, Any], offset_s: float = 0.0) -> list[str]:
    return [problem.rule for problem in judge("n", GOOD | facts, offset_s, Requirements())]


def test_a_good_machine_has_no_problem() -> None:
    assert rules({}) == []
    assert rules({"systemd": "degraded"}) == []


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"uid": 1000}, "node-root"),
        ({"os": {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian 12"}}, "node-system"),
        ({"os": {"ID": "", "VERSION_ID": "", "PRETTY_NAME": ""}}, "node-system"),
        ({"systemd": "absent"}, "node-systemd"),
        ({"memory_mb": 900}, "node-memory"),
        ({"disk_free_mb": 10}, "node-disk"),
    ],
)
def test_each_fault_has_its_rule(facts: dict[str, Any], rule: str) -> None:
    assert rules(facts) == [rule]


def test_all_faults_are_told_at_once() -> None:
    assert rules({"uid": 1, "memory_mb": 1, "disk_free_mb": 1}, offset_s=-90.0) == [
        "node-root", "node-memory", "node-disk", "node-clock",
    ]  # fmt: skip


def test_a_slow_answer_is_not_a_wrong_clock() -> None:
    assert clock_offset(104.0, before=100.0, after=108.0) == 0.0
    assert clock_offset(111.0, before=100.0, after=108.0) == 3.0
    assert clock_offset(95.0, before=100.0, after=108.0) == -5.0


class Answering:
    lost = False

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    async def call(self, operation: str, *, timeout_s: float, progress: Any = None, **arguments: Any) -> Any:
        assert operation == "hello"
        return self.facts | {"clock": time.time() + self.facts["clock"]}

    async def close(self, *, grace_s: float = 0) -> None:
        self.lost = True


def test_all_nodes_are_asked_and_all_problems_told_together() -> None:
    nodes = {"ok": GOOD, "small": GOOD | {"memory_mb": 1}, "late": GOOD | {"clock": -100.0}}
    twins = {name: GOOD | {"machine_id": "same"} for name in ("one", "two")}

    async def opener(target: Target) -> Answering:
        if target.name == "gone":
            raise LinkLostError("gone", "unreachable: no answer", todo="is it powered on?")
        return Answering((nodes | twins)[target.name])

    async def main() -> list[tuple[str, str]]:
        names = [*nodes, "gone", *twins]
        pool = Pool({name: LocalTarget(name=name) for name in names}, Limits(), opener=opener)
        problems = await preflight(pool, names, Requirements())
        await pool.close()
        text = str(PreflightError(problems))
        assert "4 nodes cannot be worked on; nothing was changed" in text
        assert "gone: [node-link] unreachable: no answer\n    do: is it powered on?" in text
        return [(problem.node, problem.rule) for problem in problems]

    assert asyncio.run(main()) == [
        ("small", "node-memory"), ("late", "node-clock"), ("gone", "node-link"), ("two", "node-twin"),
    ]  # fmt: skip
