"""What balancers are told of an API that stops, starts or stands still, and that its connections are ended then."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stackhaven.plan import File
from stackhaven.services.common.uwsgi import DRAIN_S, RUN
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

check = program("haproxy", "agent_check")
SITE = site_of("lab")
FILES = {
    resource.path: resource.content
    for step in plan_of(SITE)
    for node in step.nodes[:1]
    for resource in step.resources(node)
    if isinstance(resource, File)
}
UNITS = sorted(
    listener.unit for declared in SITE.declared for listener in declared.listeners if listener.unit
)


NOVA = "nova-api"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of Nova's API, whose parent is that of all."""
    monkeypatch.setattr(check, "RUN", str(tmp_path))
    (tmp_path / NOVA).mkdir()
    return tmp_path / NOVA


@pytest.fixture
def agent() -> Iterator[Any]:
    """The program on a free port of the loopback, with Nova's API to look after."""
    made = check.Agent("127.0.0.1", 0, [check.Program(NOVA, 8774)])
    yield made
    made.selector.close()
    made.listening.close()


def until(agent: Any, done: Callable[[], bool]) -> None:
    """The program's loop, for five seconds at most."""
    end = time.monotonic() + 5
    while not done():
        assert time.monotonic() < end
        agent.wait(time.monotonic() + 0.01)


def said(agent: Any, line: bytes) -> bytes:
    """What it says to a balancer that sends a line."""
    with socket.create_connection(agent.listening.getsockname(), timeout=5) as balancer:
        until(agent, lambda: bool(agent.balancers))
        balancer.sendall(line)
        until(agent, lambda: not agent.balancers)
        return balancer.recv(100)


def test_a_program_drains_while_its_mark_is_there(agent: Any, home: Path) -> None:
    assert said(agent, b"nova-api\n") == b"ready up\n"
    (home / "drain").touch()
    assert said(agent, b"nova-api\n") == b"drain\n"
    assert said(agent, b"keystone\n") == b"ready up\n"


@pytest.mark.parametrize("line", [b"\n", b"../nova-api\n", b"\xff\n"])
def test_who_asks_for_no_unit_hears_of_no_drain(line: bytes, agent: Any, home: Path) -> None:
    (home / "drain").touch()
    (home.parent / "drain").touch()
    assert said(agent, line) == b"ready up\n"


def test_a_balancer_that_asks_nothing_is_left(agent: Any) -> None:
    with socket.create_connection(agent.listening.getsockname(), timeout=5) as balancer:
        until(agent, lambda: bool(agent.balancers))
        agent.sweep(time.monotonic())
        assert agent.balancers
        agent.sweep(time.monotonic() + check.ANSWER_S + 1)
        assert not agent.balancers
        assert balancer.recv(100) == b""


def test_it_stands_still_when_it_does_not_answer_in_time(agent: Any, home: Path) -> None:
    program = agent.programs[NOVA]
    assert agent.word(NOVA, 100.0) == b"ready up\n"
    program.asked_at = 100.0
    assert agent.word(NOVA, 100.0 + check.SILENT_S - 0.01) == b"ready up\n"
    assert agent.word(NOVA, 100.0 + check.SILENT_S) == b"down #stands still\n"
    agent.excuse(101.25)
    assert agent.word(NOVA, 101.25) == b"ready up\n"
    assert not (home / "drain").exists()


def test_one_that_stops_or_starts_does_not_stand_still(agent: Any, home: Path) -> None:
    """Its master process ends its workers then, and answers when they are gone: their calls are to be answered."""
    agent.programs[NOVA].asked_at = 100.0
    (home / "drain").touch()
    assert agent.word(NOVA, 200.0) == b"drain\n"
    assert not agent.programs[NOVA].stands_still(200.0)


def test_it_is_asked_through_its_socket_and_may_answer_late(agent: Any, home: Path) -> None:
    """Who hangs has one question to answer afterwards, not hundreds."""
    program = agent.programs[NOVA]
    agent.ask(100.0)
    assert program.asked_at is None, "nobody is there, who does not stand still"
    with socket.socket(socket.AF_UNIX) as api:
        api.settimeout(5)
        api.bind(str(home / "stats"))
        api.listen()
        agent.ask(100.5)
        agent.ask(101.0)
        assert program.asked_at == 100.5
        asked, _ = api.accept()
        api.setblocking(False)
        with pytest.raises(BlockingIOError):
            api.accept()
        asked.sendall(b"{}")
        asked.close()
        until(agent, lambda: program.asked_at is None)
        agent.ask(102.0)
        assert program.asked_at == 102.0
        api.accept()[0].close()
        until(agent, lambda: program.asked_at is None)


def test_connections_are_ended_while_it_stands_still_and_its_return_is_told_once(
    agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = agent.programs[NOVA]
    ended: list[int] = []
    told: list[str] = []
    monkeypatch.setattr(agent, "end", lambda one: ended.append(one.port))
    monkeypatch.setattr(check, "tell", told.append)
    program.asked_at = 100.0
    for now in (100.5, 101.5, 101.75):
        agent.sweep(now)
    assert ended == [8774, 8774]
    program.asked_at = None
    for now in (102.0, 102.25):
        agent.sweep(now)
    assert ended == [8774, 8774]
    assert told == ["nova-api stands still: connections to it are ended", "nova-api goes on"]


@pytest.mark.parametrize("unit", UNITS)
def test_an_api_gets_calls_when_its_application_is_loaded_and_not_before(unit: str) -> None:
    """A program whose port is open, and that does not answer yet, made a call and its retry fail after `kill-nova`."""
    assert f"/run/{RUN}" == check.RUN
    mark = f"/run/{RUN}/{unit}/drain"
    service = FILES[f"/etc/systemd/system/{unit}.service"]
    lines = service.splitlines()
    assert f"RuntimeDirectory={RUN}/{unit}" in lines
    assert "RuntimeDirectoryPreserve=yes" in lines, "the mark stays while the program starts again"
    before = [line for line in lines if line.startswith("ExecStartPre=")]
    assert before[0] == f"ExecStartPre=/usr/bin/touch {mark}"
    assert f"ExecStopPost=/usr/bin/touch {mark}" in lines, "of a program that was killed, too"
    ini = FILES[f"/etc/stackhaven/uwsgi/{unit}.ini"]
    assert re.search(rf"^hook-accepting *= *exec:/bin/rm -f {mark}$", ini, re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS)
def test_an_api_is_asked_at_its_own_socket_and_its_own_port_is_what_is_ended(unit: str) -> None:
    ini = FILES[f"/etc/stackhaven/uwsgi/{unit}.ini"]
    assert re.search(rf"^stats *= */run/{RUN}/{unit}/stats$", ini, re.MULTILINE)
    port = re.search(r"^http-socket *= *\S+:(\d+)$", ini, re.MULTILINE)
    assert port is not None
    start = re.search(
        r"^ExecStart=(.*)$", FILES["/etc/systemd/system/haven-agent-check.service"], re.MULTILINE
    )
    assert start is not None
    assert f"{unit}:{port[1]}" in start[1].split()


@pytest.mark.parametrize("unit", UNITS)
def test_balancers_know_of_a_dead_program_before_its_port_is_open_again(unit: str) -> None:
    intervals = re.findall(r"agent-inter (\d+)s", FILES["/etc/haproxy/haproxy.cfg"])
    assert set(intervals)
    assert max(map(int, intervals)) < DRAIN_S
    assert f"RestartSec={DRAIN_S}" in FILES[f"/etc/systemd/system/{unit}.service"].splitlines()
