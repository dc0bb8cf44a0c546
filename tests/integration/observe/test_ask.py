"""The collector sent to this machine as it is sent to a node, and to ends that do not answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest

from stackhaven.engine.ssh import LocalTarget
from stackhaven.observe.status.ask import ask

pytestmark = pytest.mark.integration

REQUEST = {
    "address": "127.0.0.1",
    "units": [],
    "vips": ["127.0.0.1"],
    "galera": 9,
    "haproxy": "/nowhere",
    "rabbitmq": 0,
    "ovn": False,
}


@dataclass(frozen=True)
class Odd:
    """A way that ends somewhere else."""

    command: tuple[str, ...]
    name: str = "odd"

    def argv(self) -> list[str]:
        return list(self.command)


def test_this_machine_tells_its_state() -> None:
    node = asyncio.run(ask(LocalTarget(name="here"), REQUEST, deadline_s=20))
    assert node.reachable, node.reason
    assert node.machine is not None
    assert list(node.holds) == ["127.0.0.1"]
    assert node.clock_off_s == 0
    assert set(node.unanswered) == {"galera", "haproxy"}


def test_a_way_that_hangs_costs_its_deadline_only() -> None:
    began = time.monotonic()
    node = asyncio.run(ask(Odd(("sleep", "30")), REQUEST, deadline_s=0.5))
    assert time.monotonic() - began < 3
    assert not node.reachable
    assert "0.5 s" in node.reason


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("sh", "-c", "cat >/dev/null; echo 'ssh: Connection refused' >&2; exit 255"), "connection refused"),
        (("sh", "-c", "cat >/dev/null; echo welcome"), "did not start"),
        (("/does/not/exist",), "cannot start"),
    ],
)
def test_a_way_that_leads_nowhere_says_why(command: tuple[str, ...], reason: str) -> None:
    node = asyncio.run(ask(Odd(command), REQUEST, deadline_s=10))
    assert not node.reachable
    assert reason in node.reason
