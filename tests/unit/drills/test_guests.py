from __future__ import annotations

import asyncio
import base64
import dataclasses
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stackhaven.drills import stage as stage_module
from stackhaven.drills.ground import Ground
from stackhaven.drills.load import guests as guests_module
from stackhaven.drills.load.client import ProbeFailed
from stackhaven.drills.load.guests import Count, Guests, counting, read_count
from stackhaven.drills.stage import Stage
from stackhaven.observe.verify.guest import read_console, user_data

pytestmark = pytest.mark.unit


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """A guest whose metadata says who it is, and which nobody answers."""
    for name, script in (
        ("wget", 'echo \'{"uuid": "abc", "x": 1}\''),
        ("ping", "exit 1"),
        ("usleep", "exit 0"),
    ):
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        tool.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


@pytest.mark.parametrize("script", [counting("192.0.2.9"), user_data("192.0.2.9")], ids=["drill", "verify"])
def test_every_guest_says_who_it_is_as_the_checks_ask(script: str, tools: dict[str, str]) -> None:
    text = base64.b64decode(script).decode()
    says_who = text.partition("\n(\n")[0].partition("\nmeets()")[0]
    done = subprocess.run(
        ["sh", "-c", says_who], env=tools, capture_output=True, text=True, timeout=20, check=True
    )
    assert read_console(done.stdout).uuid == "abc"


def test_the_counter_is_a_script_that_a_shell_understands() -> None:
    subprocess.run(["sh", "-n"], input=base64.b64decode(counting("192.0.2.9")), timeout=20, check=True)


def test_what_a_guest_counted_is_read_from_its_page() -> None:
    before, after = read_count("sent 10 heard 9\n"), read_count("sent 30 heard 27\n")
    assert after == Count(sent=30, heard=27)
    assert after.lost_since(before) == 2
    with pytest.raises(ValueError, match="no count"):
        read_count("nothing")


def guests_on(*nodes: str) -> Guests:
    made = SimpleNamespace(
        guests=[SimpleNamespace(name=f"g-{node}", node=node) for node in nodes],
        floating={f"g-{node}": f"192.0.2.{number}" for number, node in enumerate(nodes, 1)},
    )
    guests = object.__new__(Guests)
    vars(guests).update(_bench=SimpleNamespace(made=made), _running=True)
    return guests


def test_the_floating_ip_that_is_asked_is_not_that_of_a_guest_on_the_victim() -> None:
    guests = guests_on("k1", "k2")
    assert guests.floating() == "192.0.2.1"
    assert guests.floating(["k1"]) == "192.0.2.2"
    assert guests.floating(["k2"]) == "192.0.2.1"
    assert guests.floating(["k1", "k2"]) == "192.0.2.1", "with nowhere else to be, the first is as good"
    assert [probe.name for probe in guests.probes(["k1"])] == ["boot", "ping", "http"]


def test_the_guest_image_is_built_before_the_drill_goes_where_clients_stand(
    lab: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it cannot reach the packages: on a host without the image no drill with guests could begin."""
    order: list[str] = []

    class Made:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            return lambda: order.append(name)

    def as_client(work: Any) -> Any:
        order.append("at the clients' place:")
        return SimpleNamespace(result=lambda _: work())

    monkeypatch.setattr(stage_module, "Guests", Made)
    stage = Stage(dataclasses.replace(lab, as_client=as_client), lambda _: None)
    with stage.guests(["boot"]):
        pass
    place = "at the clients' place:"
    assert order == ["prepare", place, "make", place, "remove"]


class Compute:
    """Nova as a client meets it: makes every server, and loses as many answers as it is told to."""

    def __init__(self, lost: int) -> None:
        self.servers: dict[str, str] = {}
        self._lost = lost

    async def another_token(self, *_: object, **__: object) -> str:
        return "token"

    async def ask(self, method: str, _: str, path: str, *__: object, **more: Any) -> Any:
        key = path.removeprefix("/servers").strip("/")
        answer: object = {}
        if method == "POST":
            key = f"id{len(self.servers)}"
            self.servers[key] = more["body"]["server"]["name"]
            if self._lost:
                self._lost -= 1
                raise ProbeFailed("no answer in time", "unknown")
            answer = {"server": {"id": key}}
        elif method == "DELETE":
            del self.servers[key]
        elif key.startswith("?"):
            answer = {"servers": [{"id": key, "name": name} for key, name in self.servers.items()]}
        else:
            answer = {"server": {"status": "ACTIVE"}}
        return SimpleNamespace(json=lambda: answer)


def test_a_server_that_nobody_was_told_of_is_deleted_with_the_next_boot(
    lab: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under emulation each guest takes a processor: those of lost answers kept a cloud from coming back."""
    monkeypatch.setattr(guests_module, "POLL_S", 0.0)
    guests = Guests(lab.site, lab.masker, lambda _: None, running=False)
    (boots,) = guests.probes()
    compute: Any = Compute(lost=1)

    async def boot() -> None:
        await boots.attempt(compute, 5.0)

    with pytest.raises(ProbeFailed):
        asyncio.run(boot())
    assert len(compute.servers) == 1
    asyncio.run(boot())
    assert not compute.servers
