"""What balancers are told of an API: no new calls from before it stops until its application is loaded again."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from stackhaven.plan import File
from stackhaven.services.common.uwsgi import DRAIN, DRAIN_S
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


def asked(line: bytes) -> bytes:
    async def main() -> bytes:
        async with await asyncio.start_server(check.answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(line)
            said = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return said

    return asyncio.run(main())


def test_a_program_drains_while_its_mark_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "DRAIN", str(tmp_path))
    (tmp_path / "nova-api").mkdir()
    assert asked(b"nova-api\n") == b"ready up\n"
    (tmp_path / "nova-api" / "drain").touch()
    assert asked(b"nova-api\n") == b"drain\n"
    assert asked(b"keystone\n") == b"ready up\n"


@pytest.mark.parametrize("line", [b"\n", b"../nova-api\n", b"\xff\n"])
def test_who_asks_for_no_unit_hears_of_no_drain(
    line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "DRAIN", str(tmp_path / "within"))
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "drain").touch()
    (tmp_path / "nova-api").mkdir()
    (tmp_path / "nova-api" / "drain").touch()
    assert asked(line) in {b"ready up\n", b""}


@pytest.mark.parametrize("unit", UNITS)
def test_an_api_gets_calls_when_its_application_is_loaded_and_not_before(unit: str) -> None:
    """A program whose port is open, and that does not answer yet, made a call and its retry fail after `kill-nova`."""
    assert f"/run/{DRAIN}" == check.DRAIN
    mark = f"/run/{DRAIN}/{unit}/drain"
    service = FILES[f"/etc/systemd/system/{unit}.service"]
    lines = service.splitlines()
    assert f"RuntimeDirectory={DRAIN}/{unit}" in lines
    assert "RuntimeDirectoryPreserve=yes" in lines, "the mark stays while the program starts again"
    before = [line for line in lines if line.startswith("ExecStartPre=")]
    assert before[0] == f"ExecStartPre=/usr/bin/touch {mark}"
    assert f"ExecStopPost=/usr/bin/touch {mark}" in lines, "of a program that was killed, too"
    ini = FILES[f"/etc/stackhaven/uwsgi/{unit}.ini"]
    assert re.search(rf"^hook-accepting *= *exec:/bin/rm -f {mark}$", ini, re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS)
def test_balancers_know_of_a_dead_program_before_its_port_is_open_again(unit: str) -> None:
    intervals = re.findall(r"agent-inter (\d+)s", FILES["/etc/haproxy/haproxy.cfg"])
    assert set(intervals)
    assert max(map(int, intervals)) < DRAIN_S
    assert f"RestartSec={DRAIN_S}" in FILES[f"/etc/systemd/system/{unit}.service"].splitlines()
