"""From recorded answers to facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.observe.status.parse import clock_off, node_facts, raft_fact
from tests.unit.observe.status.clouds import VIP, healthy_node, recorded

pytestmark = pytest.mark.unit

OVN_FOLLOWER = """d731
Name: OVN_Northbound
Cluster ID: 33b6 (33b69dc9-aa51-49a1-ac68-49f31301268a)
Address: tcp:10.81.252.11:6643
Status: cluster member
Role: candidate
Term: 7
Leader: unknown
Vote: self

Servers:
    b622 (b622 at tcp:10.81.252.12:6643) next_index=10 match_index=9 last msg 143 ms ago
    d731 (d731 at tcp:10.81.252.11:6643) (self)
"""


def test_a_controller_tells_everything() -> None:
    node = healthy_node("control3")
    assert node.reachable
    assert not node.unanswered
    assert all(unit.runs for unit in node.units)
    assert node.galera is not None
    assert node.galera.synced
    assert node.galera.size == 3
    assert {fact.member for fact in node.backends} == {"control1", "control2", "control3"}
    assert all(fact.up for fact in node.backends)
    assert node.broker is not None
    assert node.broker.connected == {"control1", "control2"}
    assert {fact.database for fact in node.raft} == {"nb", "sb"}
    assert node.raft_of("nb") is not None
    assert node.machine is not None
    assert 0 < node.machine.available_mb < node.machine.memory_mb
    assert list(node.holds) == [VIP]


def test_a_compute_is_not_asked_about_clusters() -> None:
    node = healthy_node("compute1")
    assert node.galera is None
    assert node.broker is None
    assert node.raft == ()
    assert not node.unanswered


def test_a_question_that_failed_is_unknown_with_its_reason() -> None:
    answer = recorded("control1") | {"galera": {"error": "URLError: refused"}, "units": [{"odd": 1}]}
    node = node_facts("control1", answer, asked_at=0, heard_at=2e9)
    assert node.galera is None
    assert node.unanswered["galera"] == "URLError: refused"
    assert "cannot be read" in node.unanswered["units"]
    assert node.broker is not None


def test_a_member_that_is_down_has_a_reason() -> None:
    answer = recorded("control1") | {"galera": {"running": False, "reason": "OperationalError"}}
    node = node_facts("control1", answer, asked_at=0, heard_at=2e9)
    assert node.galera is not None
    assert not node.galera.running
    assert node.galera.state == "OperationalError"


def test_an_election_has_no_leader() -> None:
    fact = raft_fact("nb", OVN_FOLLOWER)
    assert (fact.leader, fact.role, fact.term, fact.servers, fact.member) == (
        "unknown",
        "candidate",
        7,
        2,
        True,
    )


@given(asked=st.floats(0, 1e9), took=st.floats(0, 60), inside=st.floats(0, 1), off=st.floats(-1e6, 1e6))
def test_a_clock_is_only_called_wrong_by_what_is_certain(
    asked: float, took: float, inside: float, off: float
) -> None:
    told = clock_off(asked + inside * took + off, asked, asked + took)
    assert abs(told) <= abs(off) + 1e-3
    assert abs(told) >= abs(off) - took - 1e-3
    assert told == 0 or (told > 0) == (off > 0)


@given(st.dictionaries(st.sampled_from(sorted(recorded("control1"))), st.integers() | st.none() | st.text()))
def test_no_answer_is_too_odd(odd: dict[str, object]) -> None:
    node = node_facts("control1", recorded("control1") | odd, asked_at=0, heard_at=2e9)
    assert node.reachable
