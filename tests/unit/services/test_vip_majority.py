"""The watch over the majority: what it concludes, and the program itself between sockets of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackhaven.plan import File, Unit
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import SERVICES, program

pytestmark = pytest.mark.unit

majority = program("keepalived", "vip_majority")
FILES = SERVICES / "keepalived" / "files"
REACHED, LOST, UNKNOWN = "reachable", "lost", "unknown"


@pytest.mark.parametrize(
    ("states", "cut_off"),
    [
        ([REACHED, REACHED], False),
        ([REACHED, LOST], False),
        ([LOST, LOST], True),
        ([UNKNOWN, UNKNOWN], None),
        ([LOST, UNKNOWN], None),
        ([LOST], True),
        ([REACHED, LOST, LOST], True),
        ([REACHED, REACHED, LOST, LOST], False),
        ([REACHED, LOST, LOST, LOST], True),
    ],
)
def test_half_of_the_controllers_is_no_majority(states: list[str], cut_off: bool | None) -> None:
    verdict = majority.Verdict()
    assert verdict.judge(states, 0.0) is (cut_off is not None)
    assert verdict.cut_off is cut_off


def test_the_majority_is_lost_at_once_and_regained_after_a_while() -> None:
    verdict = majority.Verdict()
    verdict.judge([REACHED, REACHED], 0.0)
    assert verdict.judge([LOST, LOST], 1.0)
    said = []
    for tenths in range(30):
        # A link that comes and goes: it must hold for the whole time.
        states = [LOST, LOST] if tenths == 5 else [REACHED, LOST]
        verdict.judge(states, 2.0 + tenths / 10)
        said.append(verdict.cut_off)
    assert said.index(False) == 16
    assert not any(said[16:])


def test_a_peer_is_lost_after_several_connections_and_not_by_time_alone() -> None:
    peer = majority.Peer("10.0.0.1")
    assert peer.state(0.0) == UNKNOWN
    peer.ask(0.0)
    peer.answer()
    assert peer.state(100.0) == REACHED
    peer.ask(100.0)
    # This program stood still: one connection without an answer proves nothing.
    assert peer.state(500.0) == REACHED
    for at in (500.0, 500.2, 500.4):
        peer.ask(at)
    assert peer.state(500.4) == LOST
    peer.answer()
    assert peer.state(500.5) == REACHED


def test_a_peer_is_given_its_time_however_many_connections_fail() -> None:
    peer = majority.Peer("10.0.0.1")
    peer.ask(0.0)
    peer.answer()
    for hundredths in range(10, 60, 5):
        peer.ask(hundredths / 100)
    assert peer.state(0.55) == REACHED
    assert peer.state(0.1 + majority.LOST_S) == LOST


def test_being_cut_off_is_seen_about_when_the_other_side_takes_the_vip() -> None:
    """After 3 adverts of 0.2 s and the skew, 0.44 to 0.64 s, while half a second of two holders is a handover."""
    assert majority.PROBE_S + majority.LOST_S + majority.PROBE_S <= 0.7
    assert (majority.FALL - 1) * majority.PROBE_S < majority.LOST_S


@contextmanager
def running(directory: Path, port: int, *peers: str, tools: Path | None = None) -> Iterator[None]:
    """`tools`: where it finds its programs; by default nowhere, so that no connection of this machine is ended."""
    argv = [
        sys.executable,
        str(FILES / "vip_majority.py"),
        str(directory),
        "127.0.0.1",
        str(port),
        "192.0.2.1",
    ]
    found = str(tools or directory)
    with subprocess.Popen(
        [*argv, *peers], stdout=subprocess.DEVNULL, env={**os.environ, "PATH": found}
    ) as process:
        try:
            yield
        finally:
            process.kill()


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.02)
    return happened()


def says(directory: Path, word: str) -> Callable[[], bool]:
    path = directory / "cut-off"
    return lambda: path.exists() and path.read_text() == word


@contextmanager
def silent_listener() -> Iterator[int]:
    """A port of this machine that answers nothing: its queue is full, so the kernel drops what comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(2)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for sock in waiting:
                sock.close()


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_a_refused_connection_is_an_answer(tmp_path: Path) -> None:
    with running(tmp_path, closed_port(), "127.0.0.1", "127.0.0.1"):
        assert within(10, says(tmp_path, "0\n"))
        assert within(5, (tmp_path / "beat").exists)
    beat = int((tmp_path / "beat").read_text())
    assert abs(float(Path("/proc/uptime").read_text().split()[0]) - beat) < 15


def test_an_open_port_is_an_answer(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as listener,
        running(tmp_path, listener.getsockname()[1], "127.0.0.1", "127.0.0.1"),
    ):
        assert within(10, says(tmp_path, "0\n"))


def test_silence_of_all_peers_takes_the_vip_away(tmp_path: Path) -> None:
    with silent_listener() as port, running(tmp_path, port, "127.0.0.1", "127.0.0.1"):
        assert within(10, says(tmp_path, "1\n"))


def test_connections_to_the_vip_are_reset_while_it_is_still_here(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    seen = tmp_path / "seen"
    ss = tools / "ss"
    ss.write_text(f'#!/bin/sh\n[ ! -e {tmp_path}/cut-off ] && echo "$@" > {seen}\n')
    ss.chmod(0o755)
    with silent_listener() as port, running(tmp_path, port, "127.0.0.1", "127.0.0.1", tools=tools):
        assert within(10, says(tmp_path, "1\n"))
    assert seen.read_text() == "-K -H -n -t state connected exclude syn-sent src 192.0.2.1\n"


def test_the_vip_goes_even_when_its_connections_cannot_be_reset(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    ss = tools / "ss"
    ss.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    ss.chmod(0o755)
    with silent_listener() as port, running(tmp_path, port, "127.0.0.1", "127.0.0.1", tools=tools):
        assert within(10, says(tmp_path, "1\n"))


def test_systemd_hears_of_the_first_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(address))
        sock.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        with running(tmp_path, closed_port(), "127.0.0.1", "127.0.0.1"):
            assert sock.recv(100) == b"READY=1"
            assert (tmp_path / "cut-off").read_text() == "0\n"
            assert sock.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(("age_s", "alive"), [(0, True), (2, True), (30, False), (None, False)])
def test_an_old_word_does_not_hold_the_vip(tmp_path: Path, age_s: int | None, alive: bool) -> None:
    beat = tmp_path / "beat"
    if age_s is not None:
        beat.write_text(f"{int(float(Path('/proc/uptime').read_text().split()[0])) - age_s}\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        argv = [
            "bash",
            str(FILES / "balancer_alive.sh"),
            "127.0.0.1",
            str(listener.getsockname()[1]),
            str(beat),
        ]
        with subprocess.Popen(argv, env={"PATH": os.environ["PATH"]}) as check:
            if alive:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    assert check.wait(10) == 0
            else:
                assert check.wait(10) == 1


@pytest.mark.parametrize("cloud", ["lab", "odd", "hosts"])
def test_keepalived_follows_the_watch_of_its_own_node(cloud: str) -> None:
    site = site_of(cloud)
    step = next(s for s in plan_of(site) if s.name == "keepalived.start")
    for node in site.layout.controllers:
        found = step.resources(node.name)
        files = {r.path: r.content for r in found if isinstance(r, File)}
        conf = files["/etc/keepalived/keepalived.conf"]
        assert 'file "/run/stackhaven-vip/cut-off"' in conf
        assert "weight 0" in conf
        assert '/run/stackhaven-vip/beat"' in conf
        unit = files["/etc/systemd/system/haven-vip-majority.service"]
        vips = ",".join(sorted({site.layout.vip_internal, site.layout.vip_public}))
        others = " ".join(n.management for n in site.layout.controllers if n is not node)
        assert f"/run/stackhaven-vip {node.management} 8404 {vips} {others}\n" in unit
        assert "AmbientCapabilities=CAP_NET_ADMIN" in unit
        assert (
            "After=haven-vip-majority.service"
            in files["/etc/systemd/system/keepalived.service.d/stackhaven.conf"]
        )
        units = [r.name for r in found if isinstance(r, Unit)]
        assert units == ["haven-vip-majority.service", "keepalived.service"]


def test_a_single_controller_asks_nobody() -> None:
    site = site_of("one")
    step = next(s for s in plan_of(site) if s.name == "keepalived.start")
    found = step.resources(site.layout.controllers[0].name)
    files = {r.path: r.content for r in found if isinstance(r, File)}
    assert not any("majority" in path for path in files)
    assert "track_file" not in files["/etc/keepalived/keepalived.conf"]
    assert "haven-vip-majority" not in "\n".join(files.values())
