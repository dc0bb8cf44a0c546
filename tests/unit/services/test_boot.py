"""Programs of a controller that boots start in turns, and only then."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stackhaven.plan import File
from stackhaven.services.common.boot import START_AFTER
from stackhaven.services.common.script import path_of
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

start_after = program("node", "start_after")
KEYSTONE, NOVA, NEUTRON = ":5000/v3", ":8774/", ":9696/"


class Answer(BaseHTTPRequestHandler):
    """Answers with the status that the path is."""

    def do_GET(self) -> None:
        self.send_error(int(self.path.strip("/")))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """Where somebody answers."""
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_after, "booting", lambda: True)
    monkeypatch.setattr(start_after, "PAUSE_S", 0.01)


@pytest.mark.usefixtures("boots")
def test_any_answer_of_a_program_ends_the_wait(url: str) -> None:
    assert start_after.wait(10, [f"{url}300", f"{url}404"]) == []


@pytest.mark.usefixtures("boots")
def test_a_balancer_that_has_nobody_to_ask_is_no_answer_and_not_waited_for_for_ever(url: str) -> None:
    assert start_after.wait(0.2, [f"{url}404", f"{url}503"]) == [f"{url}503"]
    assert start_after.wait(0.2, ["http://127.0.0.1:9/"]) == ["http://127.0.0.1:9/"]


def test_a_machine_that_runs_already_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_after, "booting", lambda: False)
    assert start_after.wait(60, ["http://127.0.0.1:9/"]) == []


@pytest.mark.usefixtures("boots")
def test_the_holder_of_the_vip_goes_before_the_others(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [f"{url}404", f"{url}503"]
    monkeypatch.setattr(start_after, "holds", lambda address: address == "192.0.2.1")
    assert start_after.wait(10, urls, "192.0.2.1", 1) == []
    assert start_after.wait(0.2, urls, "192.0.2.2", 1) == [f"{url}503"], "another machine waits for all"
    assert start_after.wait(0.2, urls[::-1], "192.0.2.1", 1) == urls[::-1], "the holder waits for the first"


@pytest.mark.usefixtures("boots")
def test_who_had_to_wait_for_the_whole_cloud_leaves_it_a_while_to_those_who_waited_for_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    tries = iter([False, True, True, True])
    monkeypatch.setattr(start_after, "answers", lambda *_: next(tries))
    monkeypatch.setattr(start_after, "holds", lambda _: False)
    monkeypatch.setattr(start_after.time, "sleep", slept.append)
    assert start_after.wait(10, [url], "192.0.2.1", 0, 30) == []
    assert slept == [start_after.PAUSE_S, 30]
    slept.clear()
    assert start_after.wait(10, [url], "192.0.2.1", 0, 30) == []
    assert slept == [], "where the others serve already, nobody waits"


def test_the_address_of_this_machine_is_held_and_no_other() -> None:
    assert start_after.holds("127.0.0.1")
    assert not start_after.holds("192.0.2.1")


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What a unit waits for: the URLs below the VIP, and how many of them where the VIP is."""

    urls: tuple[str, ...]
    holder: int | None


def waits_of(cloud: str) -> dict[str, Wait]:
    """By unit."""
    site = site_of(cloud)
    name, vip = site.layout.controllers[0].name, site.layout.vip_internal
    found = {}
    for step in plan_of(site):
        for resource in step.resources(name) if name in step.nodes else ():
            if isinstance(resource, File) and resource.path.startswith("/etc/systemd/system/"):
                unit = resource.path.rpartition("/")[2].removesuffix(".service")
                start = rf"^ExecStartPre=-{path_of(START_AFTER)} (?:--holder {re.escape(vip)} (\d) \d+ )?\d+ (.+)$"
                if line := re.search(start, resource.content, re.M):
                    urls = line[2].split()
                    assert all(url.startswith(f"http://{vip}:") for url in urls)
                    found[unit] = Wait(
                        urls=tuple(url.removeprefix(f"http://{vip}") for url in urls),
                        holder=int(line[1]) if line[1] else None,
                    )
    return found


SECOND = (
    "glance-api",
    "placement-api",
    "nova-api",
    "nova-api-metadata",
    "nova-conductor",
    "nova-scheduler",
    "neutron-api",
)
THIRD = ("nova-novncproxy", "neutron-periodic-workers", "neutron-ovn-maintenance-worker", "horizon")


def test_identity_is_first_what_makes_a_server_second_and_the_rest_third() -> None:
    found = waits_of("hosts")
    assert found.keys() == {*SECOND, *THIRD}
    assert all(found[unit] == Wait(urls=(KEYSTONE,), holder=None) for unit in SECOND)
    assert all(found[unit] == Wait(urls=(KEYSTONE, NOVA, NEUTRON), holder=None) for unit in THIRD)


def test_in_a_lab_only_the_holder_of_the_vip_is_in_turns_and_the_others_come_last() -> None:
    found, everything = waits_of("lab"), (KEYSTONE, NOVA, NEUTRON)
    assert found.keys() == {"keystone", *SECOND, *THIRD}
    assert found["keystone"] == Wait(urls=everything, holder=0)
    assert all(found[unit] == Wait(urls=everything, holder=1) for unit in SECOND)
    assert all(found[unit] == Wait(urls=everything, holder=3) for unit in THIRD)


def test_nobody_waits_for_what_this_cloud_does_not_run() -> None:
    assert all(wait.urls == (KEYSTONE,) for wait in waits_of("small").values())
