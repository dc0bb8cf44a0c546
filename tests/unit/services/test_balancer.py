"""The load balancer's and the VIP's files follow from what services declare."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.drills.load.probes import READ_DEADLINE_S
from stackhaven.model.load import parse_cloud
from stackhaven.plan import File
from stackhaven.services import haproxy, keepalived
from stackhaven.services.base import Site
from stackhaven.services.common import oslo
from stackhaven.services.common.ini import Because
from stackhaven.services.common.sizes import workers
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import TEXTS, site_of

pytestmark = pytest.mark.unit

CLOUDS = sorted(TEXTS)


def stanzas(text: str) -> dict[str, str]:
    parts = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return {part.split()[1]: part for part in parts if part.startswith("listen ")}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_listener_has_a_stanza_with_all_members(cloud: str) -> None:
    site = site_of(cloud)
    found = stanzas(haproxy.configuration(site, site.layout.controllers[0]))
    listeners = {listener.name: listener for d in site.declared for listener in d.listeners}
    assert found.keys() == listeners.keys()
    for name, listener in listeners.items():
        servers = re.findall(r"^  server (\S+) (\S+):(\d+) check ", found[name], re.MULTILINE)
        port = str(listener.backend_port or listener.port)
        assert servers == [(n.name, n.management, port) for n in site.layout.controllers]
        binds = re.findall(r"^  bind (\S+):(\d+)$", found[name], re.MULTILINE)
        assert {int(p) for _, p in binds} == {listener.port}
        inside = {site.layout.vip_internal}
        everywhere = inside | {site.layout.vip_public}
        assert {a for a, _ in binds} == (inside if listener.internal_only else everywhere)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_database_has_one_writer(cloud: str) -> None:
    site = site_of(cloud)
    database = stanzas(haproxy.configuration(site, site.layout.controllers[0]))["mariadb"]
    assert "stick on int(1)" in database
    assert "roundrobin" not in database
    servers = [line for line in database.splitlines() if line.startswith("  server ")]
    assert len(servers) == len(site.layout.controllers)
    assert all("port 9200" in line for line in servers)
    # HAProxy 3.0.11 leaves sessions that are just being connected behind for ever: the members end theirs themselves.
    assert "shutdown-sessions" not in database
    assert database.count("bind ") == 1, "the database is not for the outside"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_balancers_differ_only_in_their_own_address_and_stay_the_same(cloud: str) -> None:
    site = site_of(cloud)
    texts = [
        haproxy.configuration(site, node).replace(f"bind {node.management}:", "bind ME:")
        for node in site.layout.controllers
    ]
    assert len(set(texts)) == 1
    first = site.layout.controllers[0]
    assert haproxy.configuration(site, first) == haproxy.configuration(site, first)


def test_statistics_want_a_login() -> None:
    site = site_of("lab")
    text = haproxy.configuration(site, site.layout.controllers[0])
    assert f"stats auth haven:{site.secrets['haproxy.stats']}" in text


@pytest.mark.parametrize("cloud", CLOUDS)
def test_priorities_of_the_vip_fall_and_never_tie(cloud: str) -> None:
    site = site_of(cloud)
    texts = [keepalived.configuration(site, node) for node in site.layout.controllers]
    found = [int(re.search(r"priority (\d+)", text)[1]) for text in texts]  # type: ignore[index]
    assert found == sorted(set(found), reverse=True)
    assert 0 < min(found) <= max(found) < 255


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_vip_is_tracked_by_a_balancer_that_answers_and_told_to_the_others(cloud: str) -> None:
    site = site_of(cloud)
    for node in site.layout.controllers:
        text = keepalived.configuration(site, node)
        assert f"unicast_src_ip {node.management}" in text
        peers = re.search(r"unicast_peer \{([^}]*)\}", text)
        assert peers is not None
        assert peers[1].split() == [n.management for n in site.layout.controllers if n is not node]
        assert re.search(r"track_script \{\s+balancer\s+\}", text)
        assert "vrrp_version 3" in text
        vips = re.search(r"virtual_ipaddress \{([^}]*)\}", text)
        assert vips is not None
        addresses = re.findall(r"(\S+)/\d+ dev", vips[1])
        assert addresses == list(dict.fromkeys((site.layout.vip_internal, site.layout.vip_public)))


def addresses_of(site: Site) -> list[set[tuple[str, str]]]:
    texts = [keepalived.configuration(site, node) for node in site.layout.controllers]
    return [set(re.findall(r"^    (\S+/\d+) dev (\S+)$", text, re.MULTILINE)) for text in texts]


def test_each_vip_is_on_the_interface_of_its_network() -> None:
    site = site_of("hosts")
    # These controllers are chassis: Open vSwitch has the interface itself.
    assert addresses_of(site) == [{("172.30.10.5/24", "eno1"), ("172.30.40.5/22", "br-ex")}] * 3
    step = next(s for s in plan_of(site) if s.name == "keepalived.start")
    assert "switch" in {need.name for need in step.needs}
    unit = next(r for r in step.resources("c1") if isinstance(r, File) and "keepalived.service.d" in r.path)
    assert "After=haven-external-bridge.service" in unit.content


def test_a_controller_that_is_no_chassis_holds_the_public_vip_on_its_own_interface() -> None:
    text = (
        TEXTS["hosts"]
        .replace("[controller, network]", "[controller]")
        .replace("[compute]", "[compute, network]")
    )
    site = replace(site_of("hosts"), layout=layout_of(parse_cloud(text)))
    assert addresses_of(site) == [{("172.30.10.5/24", "eno1"), ("172.30.40.5/22", "eno3")}] * 3


@pytest.mark.parametrize("cloud", ["lab", "odd"])
def test_a_vip_in_the_management_network_waits_for_no_switch(cloud: str) -> None:
    site = site_of(cloud)
    assert {interface for found in addresses_of(site) for _, interface in found} == {"mgmt0"}
    step = next(s for s in plan_of(site) if s.name == "keepalived.start")
    assert "switch" not in {need.name for need in step.needs}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_calls_wait_in_the_balancer_and_leave_a_thread_for_checks(cloud: str) -> None:
    site = site_of(cloud)
    found = stanzas(haproxy.configuration(site, site.layout.controllers[0]))
    apis = [one for d in site.declared for one in d.listeners if one.calls]
    assert {"keystone"} <= {one.name for one in apis}
    for one in apis:
        limits = [int(n) for n in re.findall(r" maxconn (\d+)", found[one.name])]
        wanted = [workers(site.cloud, node) * one.calls for node in site.layout.controllers]
        assert limits == 2 * wanted, "the last resort, too: what waits in the program cannot be taken back"
        assert "option abortonclose" in found[one.name]
        ini = next(
            resource.content
            for step in plan_of(site)
            for node in step.nodes[:1]
            for resource in step.resources(node)
            if isinstance(resource, File) and resource.path == f"/etc/stackhaven/uwsgi/{one.unit}.ini"
        )
        threads = int(re.search(r"^threads *= *(\d+)$", ini, re.MULTILINE)[1])  # type: ignore[index]
        assert threads == (one.calls + 1 if one.calls > 1 else 1)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_api_whose_checks_all_fail_is_asked_all_the_same_and_a_database_is_not(cloud: str) -> None:
    site = site_of(cloud)
    found = stanzas(haproxy.configuration(site, site.layout.controllers[0]))
    assert "backup" not in found["mariadb"]
    keystone = found["keystone"]
    assert "option allbackups" in keystone
    last = re.findall(r"^  server last-(\S+) \S+ backup(?: maxconn \d+)?$", keystone, re.MULTILINE)
    assert last == [node.name for node in site.layout.controllers]


def test_calls_wait_in_the_balancer_for_less_than_their_callers_wait_for_the_answer() -> None:
    """Otherwise an overloaded API works for nobody, and goes on being overloaded."""
    site = site_of("lab")
    text = haproxy.configuration(site, site.layout.controllers[0])
    waits_ms = int(re.search(r"^  timeout queue (\d+)ms$", text, re.MULTILINE)[1])  # type: ignore[index]
    validation = oslo.keystone_authtoken(site, "nova")["http_connect_timeout"]
    assert isinstance(validation, Because)
    assert waits_ms < 1000 * min(float(validation.value), READ_DEADLINE_S / 2)


def test_who_keeps_a_thread_for_checks_is_left_sooner_when_it_stands_still() -> None:
    """Keystone is behind every call: until a frozen one is left its clients wait for their own patience."""
    site = site_of("lab")
    found = stanzas(haproxy.configuration(site, site.layout.controllers[0]))
    for name, listener in {one.name: one for d in site.declared for one in d.listeners}.items():
        assert f"  timeout check {listener.check_timeout_ms}ms\n" in found[name]
        assert f"check inter {listener.inter_ms}ms" in found[name]
    for name in ("keystone", "glance", "placement"):
        assert "timeout check 1000ms" in found[name]
        assert "check inter 1000ms fall 2" in found[name]
    for name in ("nova", "neutron"):
        assert "check inter 2000ms fall 3" in found[name], "a check waits behind the one call they answer"
    assert "check inter 300ms fastinter 300ms fall 2" in found["mariadb"]
