"""The end of a way to a node that does not answer in time."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass

import pytest

from stackhaven.observe.status.ask import ask

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Hanging:
    """A way that leads nowhere, by way of another process."""

    name: str = "hanging"

    def argv(self) -> list[str]:
        return ["sh", "-c", "sleep 60; exit 3"]


def test_a_way_that_hangs_is_ended_and_not_reaped_behind_asyncio(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def poll(process: subprocess.Popen[bytes]) -> None:
        raise AssertionError(f"process {process.pid} was asked whether it has ended, which reaps it")

    monkeypatch.setattr(subprocess.Popen, "poll", poll)
    began: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def remember(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        began.append(await create(*arguments, **options))  # type: ignore[arg-type]
        return began[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    node = asyncio.run(ask(Hanging(), {}, deadline_s=0.2))
    assert not node.reachable
    assert [process.returncode for process in began] == [-9]
    assert "Unknown child" not in caplog.text
