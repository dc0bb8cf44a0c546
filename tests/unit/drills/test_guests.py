from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from stackhaven.drills.load.guests import Count, Guests, counting, read_count
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
