"""The order in which a cloud stops, and what happens to its guests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.design.addresses import layout_of
from stackhaven.errors import HavenError
from stackhaven.model.load import load_cloud
from stackhaven.observe.api import Api
from stackhaven.operate import down
from stackhaven.operate.down import active_guests, shut_down, stop_steps
from stackhaven.plan import Step, Unit
from stackhaven.plan.graph import build_graph
from stackhaven.services.base import Site
from stackhaven.services.contents import declarations_of, plan_of

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "examples"
LAYOUT = layout_of(load_cloud(EXAMPLES / "lab.yaml"))
DECLARED = declarations_of(LAYOUT)
EVERYONE = tuple(n.name for n in LAYOUT.nodes)
BOOT_ONLY = {"haven-external-bridge.service", "haven-tunnel-address.service"}
"""They hold nothing and are taken down with the switch that they belong to."""
WRAPPERS = {"ovn-host.service", "ovn-central.service", "openvswitch-switch.service", "virtlogd.socket"}
"""Empty units and sockets: their parts have units of their own, which the plan starts by name or by requirement."""


class AnySecret(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"secret-{key}"


def units_of(step: Step) -> dict[str, list[str]]:
    return {node: [r.name for r in step.resources(node) if isinstance(r, Unit)] for node in step.nodes}


def order_of(nodes: tuple[str, ...] = EVERYONE) -> list[tuple[str, str]]:
    """(unit, node) in one order in which the graph lets them stop."""
    steps = stop_steps(DECLARED, LAYOUT, nodes)
    by_name = {s.name: s for s in steps}
    graph = build_graph(steps)
    stopped = []
    for vertex in (graph.vertices[v] for v in graph.order):
        if vertex.node is not None:
            stopped += [(unit, vertex.node) for unit in units_of(by_name[vertex.step])[vertex.node]]
    return stopped


def test_what_clients_call_stops_first_and_the_database_last() -> None:
    units = [unit for unit, _ in order_of()]
    first = {unit: units.index(unit) for unit in set(units)}
    last = {unit: len(units) - 1 - units[::-1].index(unit) for unit in set(units)}
    assert last["horizon.service"] < first["nova-compute.service"]
    assert last["nova-api.service"] < first["nova-compute.service"] < first["nova-conductor.service"]
    assert last["nova-conductor.service"] < first["keystone.service"]
    assert last["keystone.service"] < first["keepalived.service"] < first["haproxy.service"]
    assert last["haproxy.service"] < first["rabbitmq-server.service"] < first["mariadb.service"]
    assert last["mariadb.service"] < first["haven-galera-check.service"]
    assert last["haven-galera-check.service"] < first["haven-liveness.service"]


def test_every_declared_daemon_is_stopped_exactly_once_and_stays_enabled() -> None:
    declared = {(d.unit, node) for one in DECLARED for d in one.daemons for node in d.nodes}
    assert sorted(order_of()) == sorted(declared)
    for step in stop_steps(DECLARED, LAYOUT, EVERYONE):
        for node in step.nodes:
            for resource in step.resources(node):
                assert isinstance(resource, Unit)
                assert resource.active is False
                assert resource.enabled is None


def test_every_unit_that_the_plan_keeps_running_is_stopped() -> None:
    site = Site(layout=LAYOUT, secrets=AnySecret(), declared=DECLARED, kernel_datapath=False)
    running = {
        resource.name
        for step in plan_of(site)
        for node in step.nodes
        for resource in step.resources(node)
        if isinstance(resource, Unit) and resource.active and not resource.masked
    }
    assert running - {unit for unit, _ in order_of()} - BOOT_ONLY - WRAPPERS == set()


def test_database_members_leave_one_by_one() -> None:
    steps = {s.name: s for s in stop_steps(DECLARED, LAYOUT, EVERYONE)}
    assert steps["down.mariadb.95"].serial
    assert steps["down.rabbitmq.90"].serial
    assert steps["down.mariadb.95"].nodes == tuple(n.name for n in LAYOUT.controllers)
    assert not steps["down.keystone.50"].serial


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(EVERYONE)))
def test_nodes_that_do_not_answer_are_left_out_and_the_order_holds(gone: set[str]) -> None:
    there = tuple(n for n in EVERYONE if n not in gone)
    everywhere_order = [entry for entry in order_of() if entry[1] in there]
    assert {node for _, node in order_of(there)} == set(there)
    assert sorted(order_of(there)) == sorted(everywhere_order)


class FakeApi(Api):
    """Guests that need some polls to stop."""

    def __init__(self, polls: int) -> None:
        super().__init__("token", {"compute": "http://192.0.2.5:8774/v2.1"}, 1.0)
        object.__setattr__(self, "polls", polls)
        object.__setattr__(self, "asked", [])

    def get(self, service: str, path: str, *, version: str = "") -> Any:
        object.__setattr__(self, "polls", self.polls - 1)  # type: ignore[attr-defined]
        return {"servers": [{"id": "1", "name": "web"}] if self.polls >= 0 else []}  # type: ignore[attr-defined]

    def post(self, service: str, path: str, body: object) -> Any:
        self.asked.append((path, body))  # type: ignore[attr-defined]


def test_guests_are_asked_to_stop_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(down, "POLL_S", 0.0)
    api = FakeApi(polls=3)
    shut_down(api, active_guests(api))
    assert api.asked == [("/servers/1/action", {"os-stop": None})]  # type: ignore[attr-defined]


def test_guests_that_do_not_stop_end_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(down, "POLL_S", 0.0)
    api = FakeApi(polls=10**6)
    with pytest.raises(HavenError, match="web") as caught:
        shut_down(api, active_guests(api), deadline_s=0.01)
    assert caught.value.rule == "guests-stop"
