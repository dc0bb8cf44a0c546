"""Answers of nodes become facts; moves become calls that the program on a node understands."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.model.load import parse_cloud
from stackhaven.operate.recover import program
from stackhaven.operate.recover.facts import NO_UUID
from stackhaven.operate.recover.gather import cloud_facts
from stackhaven.operate.recover.judge import Memory, Wishes, units_of
from stackhaven.operate.recover.move import Kind, Move
from stackhaven.operate.recover.steps import PROGRAM, steps_of
from stackhaven.plan import Command, File
from stackhaven.services.contents import declarations_of

pytestmark = pytest.mark.unit

UUID = "1" * 36
VIEW = "my_uuid: id-a\n#vwbeg\nview_id: 3 id-a 3\nbootstrap: 0\nmember: id-a 0\nmember: id-b 0\n#vwend\n"
STATUS = """2348
Name: OVN_Northbound
Cluster ID: 1d8a (1d8abe8e-8154-49ea-a476-b8ed47815d10)
Server ID: 2348 (234862e1-734c-44ce-bd6a-fff346ae9f1a)
Address: tcp:10.80.248.11:6643
Status: cluster member
Role: leader
Term: 4
Leader: self
Log: [2, 6]
Servers:
    bea3 (bea3 at tcp:10.80.248.12:6643) next_index=6 match_index=5 last msg 214 ms ago
    2348 (2348 at tcp:10.80.248.11:6643) (self) next_index=2 match_index=5
"""
CLOUD = (
    "name: little\nlab: {}\nnodes:\n  c: {roles: [controller, network], count: 3}\n  k: {roles: [compute]}\n"
)
LAYOUT = layout_of(parse_cloud(CLOUD))


def database(**state: Any) -> dict[str, Any]:
    return {
        "database": {
            "unit": {"ActiveState": "activating", "NRestarts": "2"},
            "state": {"running": False, "boot_id": "now", **state},
            "view": VIEW,
            "files": ["ibdata1"],
            "log": [],
        }
    }


def test_a_member_that_decides_tells_its_position_and_why_it_waits() -> None:
    start = {
        "phase": "deciding",
        "position": {"uuid": UUID, "seqno": 7},
        "sentence": "no answer from c",
        "boot_id": "now",
    }
    fact = cloud_facts({"a": database(start=start)}).database[0]
    assert (fact.phase, str(fact.position), fact.said) == ("deciding", f"{UUID}:7", "no answer from c")
    assert (fact.view, fact.self_id, fact.restarts) == (frozenset({"id-a", "id-b"}), "id-a", 2)


def test_what_was_said_before_a_reboot_is_not_believed() -> None:
    start = {"phase": "deciding", "position": {"uuid": UUID, "seqno": 7}, "boot_id": "before"}
    fact = cloud_facts({"a": database(start=start)}).database[0]
    assert (fact.phase, fact.position) == ("stopped", None)


@pytest.mark.parametrize(
    ("seqno", "uuid", "known"), [(7, UUID, True), (-1, UUID, False), (-1, NO_UUID, False)]
)
def test_only_an_orderly_stop_leaves_a_position(seqno: int, uuid: str, known: bool) -> None:
    fact = cloud_facts({"a": database(stored={"uuid": uuid, "seqno": seqno})}).database[0]
    assert (fact.position is not None) is known


def test_a_server_of_a_network_database_is_read_from_its_status() -> None:
    answer = {
        "unit": {"ActiveState": "active"},
        "file": True,
        "status": STATUS,
        "db-cid": "1d8abe8e",
        "db-sid": "234862e1",
    }
    fact = cloud_facts({"a": {"nb": answer}}).rafts[0]
    assert (fact.has_leader, fact.term, fact.last, fact.server) == (True, 4, 6, "2348")
    assert fact.servers == {"bea3": "10.80.248.12", "2348": "10.80.248.11"}


@pytest.mark.parametrize(("believer", "blank", "forgotten"), [("a", True, False), ("b", False, True)])
def test_who_disagrees_tells_whether_a_broker_is_blank_or_forgotten(
    believer: str, blank: bool, forgotten: bool
) -> None:
    said = f"Mnesia: node rabbit@{believer} thinks it's clustered with node rabbit@b, but rabbit@b disagrees"
    answer = {"unit": {"ActiveState": "activating"}, "data": True, "disagrees": [said]}
    fact = cloud_facts({"b": {"queue": answer}}).brokers[0]
    assert (fact.running, fact.blank, fact.forgotten) == (False, blank, forgotten)


def test_a_silent_node_and_an_answer_that_cannot_be_read_are_facts_too() -> None:
    facts = cloud_facts({"a": "unreachable: no answer", "b": {"database": {"error": "no answer within 6 s"}}})
    assert facts.silent == {"a": "unreachable: no answer"}
    assert facts.database == ()
    assert facts.unknown == {"database on b": "no answer within 6 s"}


DETAILS = {
    "database": "nb", "position": f"{UUID}:7", "broker": "c2", "queues": "quorum q\nstream s", "server": "cb61",
    "cluster": "1d8abe8e", "local": "10.0.0.1", "peers": "10.0.0.2 10.0.0.3", "servers": "mariadb/c2 mariadb/c3",
    "unit": "nova-conductor.service", "since": "5",
}  # fmt: skip


@pytest.mark.parametrize("kind", list(Kind))
def test_every_move_is_a_call_that_the_program_understands(kind: Kind) -> None:
    move = Move(area="network", kind=kind, nodes=("c1",), sentence="does something", details=DETAILS)
    (step,) = steps_of(move, LAYOUT)
    sent, command = step.resources("c1")
    assert isinstance(sent, File)
    assert sent.path == PROGRAM
    assert isinstance(command, Command)
    name, *arguments = command.apply[2:]
    assert command.check[2:] == command.apply[2:]
    for function in program.MOVES[name]:
        inspect.signature(function).bind(*arguments)


def test_a_move_that_fails_says_why_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert program.main("apply", "kick", "nb", "cb61") == 1
    assert "ovn-appctl" in capsys.readouterr().out


def test_patience_ends_when_nothing_changes_and_starts_again_after_a_move() -> None:
    memory = Memory(began=0, wishes=Wishes(patience_s=30))
    assert not memory.lasts("database", "as it is", 0)
    assert not memory.lasts("database", "as it is", 29)
    assert memory.lasts("database", "as it is", 30)
    assert not memory.lasts("database", "otherwise", 31)
    assert memory.lasts("database", "otherwise", 61)
    memory.moved(Move(area="database", kind=Kind.COPY, nodes=("a",), sentence="copy"))
    assert memory.copied == {"a"}
    assert not memory.lasts("database", "otherwise", 62)
    memory.moved(Move(area="database", kind=Kind.START, nodes=("a",), sentence="start"))
    assert memory.copied == frozenset()


def test_services_are_found_by_the_name_that_openstack_gives_them() -> None:
    units = units_of(declarations_of(LAYOUT))
    assert units["nova-conductor", "c2"] == "nova-conductor.service"
    assert units["nova-compute", "k"] == "nova-compute.service"
