"""From facts to findings: how a cloud looks that has lost this or that."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from stackhaven.observe.status.facts import BrokerFact, CloudFacts, GaleraFact, NodeFacts, ServiceFact
from stackhaven.observe.status.finding import Finding, Severity
from stackhaven.observe.status.judge import exit_code, judge, verdict
from tests.unit.observe.status.clouds import (
    EXPECTED,
    LAYOUT,
    VIP,
    cloud,
    dead_node,
    healthy_node,
    nothing_answers,
    outside,
)

pytestmark = pytest.mark.unit

HOLDER = next(n.name for n in LAYOUT.controllers if healthy_node(n.name).holds)
OTHERS = [n.name for n in LAYOUT.controllers if n.name != HOLDER]


def judged(facts: CloudFacts) -> tuple[Finding, ...]:
    return judge(EXPECTED, facts)


def with_unit(name: str, unit: str, state: str) -> NodeFacts:
    node = healthy_node(name)
    units = tuple(replace(u, state=state, detail=state) if u.name == unit else u for u in node.units)
    assert units != node.units
    return replace(node, units=units)


def only(facts: CloudFacts) -> Finding:
    found = judged(facts)
    assert len(found) == 1, [f.what for f in found]
    return found[0]


def test_a_healthy_cloud_has_no_findings() -> None:
    found = judged(cloud())
    assert found == ()
    assert (verdict(found), exit_code(found)) == ("healthy", 0)


@pytest.mark.parametrize("name", OTHERS)
def test_a_dead_controller_is_one_finding(name: str) -> None:
    finding = only(cloud(dead_node(name)))
    assert finding.severity is Severity.DEGRADED
    assert name in finding.what
    assert "one more loss stops the cloud" in finding.means
    assert f"haven lab power on {name}" in finding.todo


def test_a_dead_holder_whose_vip_still_answers_is_not_a_lost_vip() -> None:
    assert only(cloud(dead_node(HOLDER))).area == "nodes"


def test_a_dead_compute_says_what_becomes_of_guests() -> None:
    finding = only(cloud(dead_node("compute1")))
    assert finding.severity is Severity.DEGRADED
    assert "guests" in finding.means


def test_a_lost_majority_is_down_and_says_nothing_else() -> None:
    for pair in combinations([n.name for n in LAYOUT.controllers], 2):
        found = judged(cloud(*map(dead_node, pair), **nothing_answers()))
        nodes = [f for f in found if f.area == "nodes"]
        assert [f.severity for f in nodes] == [Severity.DOWN]
        assert "no majority" in nodes[0].means
        assert {f.area for f in found} <= {"nodes", "vip"}
        assert exit_code(found) == 2


def test_silent_nodes_whose_services_answer_are_only_busy() -> None:
    everyone = [dead_node(n.name) for n in LAYOUT.nodes]
    finding = only(cloud(*everyone))
    assert finding.severity is Severity.DEGRADED
    assert "served all the same" in finding.means


def test_nothing_at_all_answers() -> None:
    everyone = [dead_node(n.name) for n in LAYOUT.nodes]
    finding = only(cloud(*everyone, **nothing_answers()))
    assert finding.severity is Severity.DOWN
    assert "haven lab up" in finding.todo


def test_a_stopped_cloud_is_called_stopped() -> None:
    stopped = [
        replace(
            healthy_node(n.name),
            units=tuple(replace(u, state="inactive") for u in healthy_node(n.name).units),
            holds={},
            galera=None,
            broker=None,
            raft=(),
            backends=(),
        )
        for n in LAYOUT.nodes
    ]
    finding = only(cloud(*stopped, **nothing_answers()))
    assert finding.todo == "haven up"
    assert "stopped" in finding.what


def test_two_holders_of_the_vip() -> None:
    found = judged(cloud(replace(healthy_node(OTHERS[0]), holds={VIP: "52:00:00:00:00:01"})))
    vip = next(f for f in found if f.area == "vip")
    assert vip.severity is Severity.DOWN
    assert "2 nodes hold" in vip.what


def test_no_holder_and_no_answer() -> None:
    found = judged(cloud(replace(healthy_node(HOLDER), holds={}), **nothing_answers()))
    assert any(f.area == "vip" and f.severity is Severity.DOWN for f in found)


def test_a_stale_neighbour_entry_is_named() -> None:
    stale = replace(healthy_node("compute2"), neighbours={VIP: "52:00:00:00:00:99"})
    finding = only(cloud(stale))
    assert finding.severity is Severity.DEGRADED
    assert "compute2" in finding.what
    assert "ip neigh flush" in finding.todo


def test_our_own_stale_neighbour_entry_is_named() -> None:
    assert "this machine" in only(cloud(neighbours={VIP: "52:00:00:00:00:99"})).what


def test_a_member_that_joins() -> None:
    joining = replace(
        healthy_node(OTHERS[0]), galera=GaleraFact(running=True, state="Joining", uuid="x", primary=False)
    )
    finding = only(cloud(joining))
    assert finding.area == "database"
    assert "Joining" in finding.what
    assert "the next loss stops the database" in finding.means


def test_two_database_clusters_are_down() -> None:
    node = healthy_node(OTHERS[0])
    assert node.galera is not None
    found = judged(cloud(replace(node, galera=replace(node.galera, uuid="another"))))
    assert any(f.area == "database" and f.severity is Severity.DOWN for f in found)


def test_brokers_that_do_not_see_each_other() -> None:
    node = healthy_node(OTHERS[0])
    assert node.broker is not None
    found = judged(cloud(replace(node, broker=replace(node.broker, connected=frozenset()))))
    assert {f.area for f in found} == {"queue"}


def test_brokers_that_are_connected_again_and_still_parted() -> None:
    """Neither connections nor queues told it: a frozen broker that went on looked healthy for as long as it ran."""
    node = healthy_node(OTHERS[0])
    assert node.broker is not None
    finding = only(cloud(replace(node, broker=replace(node.broker, parted=frozenset({HOLDER})))))
    assert finding.severity is Severity.DEGRADED
    assert HOLDER in finding.what


def test_an_alarm_holds_all_publishers_back() -> None:
    node = healthy_node(HOLDER)
    assert node.broker is not None
    finding = only(cloud(replace(node, broker=replace(node.broker, alarms=("free_disk_space_watermark",)))))
    assert finding.severity is Severity.DOWN


def test_a_queue_without_a_member_is_counted() -> None:
    node = healthy_node(OTHERS[0])
    assert node.broker is not None
    fewer = BrokerFact(connected=node.broker.connected, queues=frozenset(sorted(node.broker.queues)[1:]))
    finding = only(cloud(replace(node, broker=fewer)))
    assert "1 queue has fewer than 3 members" in finding.what


def test_queues_of_a_dead_broker_are_not_held_against_the_others() -> None:
    assert only(cloud(dead_node(OTHERS[0]))).area == "nodes"


def test_an_election_of_the_network_database() -> None:
    def candidate(name: str) -> NodeFacts:
        node = healthy_node(name)
        return replace(node, raft=tuple(replace(f, role="candidate", leader="unknown") for f in node.raft))

    found = judged(cloud(*(candidate(n.name) for n in LAYOUT.controllers)))
    assert [f.severity for f in found if f.area == "network"] == [Severity.DOWN, Severity.DOWN]


def test_a_failed_daemon_is_one_finding_with_its_log() -> None:
    finding = only(cloud(with_unit("control2", "nova-scheduler.service", "failed")))
    assert finding.severity is Severity.DEGRADED
    assert "2 of 3" in finding.means
    assert "journalctl" in finding.todo


def test_a_daemon_that_runs_nowhere_is_down() -> None:
    everywhere = [with_unit(n.name, "keystone.service", "failed") for n in LAYOUT.controllers]
    found = judged(cloud(*everywhere))
    assert [f.severity for f in found if f.area == "daemons"] == [Severity.DOWN]


def test_members_that_the_balancer_does_not_use() -> None:
    holder = healthy_node(HOLDER)

    def ill(*listeners: str) -> NodeFacts:
        backends = tuple(
            replace(b, status="DOWN", check="L7STS")
            if b.listener in listeners and b.member == OTHERS[0]
            else b
            for b in holder.backends
        )
        return replace(holder, backends=backends)

    finding = only(cloud(ill("glance")))
    assert finding.severity is Severity.DEGRADED
    assert "2 of 3 members" in finding.means


def test_a_service_without_any_member_is_down() -> None:
    holder = healthy_node(HOLDER)
    backends = tuple(replace(b, status="DOWN") if b.listener == "glance" else b for b in holder.backends)
    assert only(cloud(replace(holder, backends=backends))).severity is Severity.DOWN


def test_an_api_that_does_not_answer_its_clients() -> None:
    listeners = tuple(
        replace(one, answers=False, detail="timed out") if one.listener == "neutron" else one
        for one in outside().listeners
    )
    finding = only(cloud(listeners=listeners))
    assert finding.severity is Severity.DOWN
    assert "neutron" in finding.what


def test_openstack_sees_a_dead_program_on_a_living_node() -> None:
    services = (
        ServiceFact(kind="nova-compute", host="compute1", up=False),
        ServiceFact(kind="nova-compute", host="compute2", up=True),
    )
    assert "compute1" in only(cloud(services=services)).what


def test_a_disabled_hypervisor_is_somebodys_decision() -> None:
    services = (ServiceFact(kind="nova-compute", host="compute1", up=True, enabled=False, reason="drain"),)
    found = judged(cloud(services=services))
    assert [f.severity for f in found] == [Severity.NOTICE]
    assert exit_code(found) == 0


def test_a_clock_that_is_off() -> None:
    finding = only(cloud(replace(healthy_node("compute1"), clock_off_s=-3.2)))
    assert "3.2 s behind" in finding.what


def test_a_full_disk_of_the_labs_host_is_told_once() -> None:
    def full(name: str) -> NodeFacts:
        node = healthy_node(name)
        assert node.machine is not None
        disks = tuple(replace(d, free_mb=d.size_mb // 50) for d in node.machine.disks[:1])
        return replace(node, machine=replace(node.machine, disks=disks))

    finding = only(cloud(*(full(n.name) for n in LAYOUT.nodes)))
    assert finding.area == "disk"
    assert "the lab's host" in finding.what


def test_every_hosts_own_memory_is_judged() -> None:
    def poor(name: str) -> NodeFacts:
        node = healthy_node(name)
        assert node.machine is not None
        return replace(
            node, machine=replace(node.machine, container=False, available_mb=node.machine.memory_mb // 50)
        )

    found = judged(cloud(poor("control1"), poor("compute1")))
    assert [f.area for f in found] == ["memory", "memory"]


def test_the_most_urgent_comes_first() -> None:
    stale = replace(healthy_node("compute2"), neighbours={VIP: "52:00:00:00:00:99"}, clock_off_s=9.0)
    broken = [with_unit(n.name, "keystone.service", "failed") for n in LAYOUT.controllers]
    found = judged(cloud(stale, *broken))
    assert [f.severity for f in found] == sorted((f.severity for f in found), reverse=True)


def test_every_finding_says_what_it_means_and_what_to_do() -> None:
    worlds = [
        cloud(dead_node("control1")),
        cloud(*map(dead_node, ("control1", "control2")), **nothing_answers()),
        cloud(with_unit("control2", "mariadb.service", "failed")),
        cloud(error="timed out", services=None),
    ]
    for facts in worlds:
        for finding in judged(facts):
            assert finding.what
            assert finding.means
            assert finding.todo
