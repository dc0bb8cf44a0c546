"""Programs of a controller that boots start in turns, and only then."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
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


def waited_for(cloud: str) -> dict[str, list[str]]:
    """By unit, the URLs below the VIP that it waits for while its machine boots."""
    site = site_of(cloud)
    name = site.layout.controllers[0].name
    found = {}
    for step in plan_of(site):
        for resource in step.resources(name) if name in step.nodes else ():
            if isinstance(resource, File) and resource.path.startswith("/etc/systemd/system/"):
                unit = resource.path.rpartition("/")[2].removesuffix(".service")
                line = re.search(rf"^ExecStartPre=-{path_of(START_AFTER)} \d+ (.+)$", resource.content, re.M)
                if line:
                    vip = f"http://{site.layout.vip_internal}"
                    assert all(url.startswith(vip) for url in line[1].split())
                    found[unit] = [url.removeprefix(vip) for url in line[1].split()]
    return found


def test_identity_is_first_what_makes_a_server_second_and_the_rest_third() -> None:
    second = ("glance-api", "placement-api", "nova-api", "nova-conductor", "nova-scheduler", "neutron-api")
    third = (
        "nova-api-metadata",
        "nova-novncproxy",
        "neutron-periodic-workers",
        "neutron-ovn-maintenance-worker",
        "horizon",
    )
    found = waited_for("lab")
    assert found.keys() == {*second, *third}
    assert all(found[unit] == [KEYSTONE] for unit in second)
    assert all(found[unit] == [KEYSTONE, NOVA, NEUTRON] for unit in third)


def test_nobody_waits_for_what_this_cloud_does_not_run() -> None:
    assert all(urls == [KEYSTONE] for urls in waited_for("small").values())
