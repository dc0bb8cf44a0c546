"""The small programs that ask brokers and network databases whether they belong together."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

rabbit = program("rabbitmq", "rabbit_joined")
member = program("ovn", "ovn_member")
database = program("ovn", "ovn_database")

METRICS = """rabbitmq_identity_info{rabbitmq_node="rabbit@a",rabbitmq_cluster="lab"} 1
erlang_vm_dist_node_state{peer="rabbit@b"} 3
erlang_vm_dist_node_state{peer="rabbit@c"} %d
"""
STATUS = """1a2b
Name: OVN_Northbound
Cluster ID: c0ff (c0ffee)
Server ID: 1a2b (1a2b3c4d)
Status: %s
Role: follower
Term: 2
Leader: %s
Servers:
    1a2b (1a2b at tcp:10.0.0.11:6643) (self)
    5e6f (5e6f at tcp:10.0.0.12:6643)
"""


def joined(monkeypatch: pytest.MonkeyPatch, metrics: str, *arguments: str) -> int:
    monkeypatch.setattr(rabbit.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(metrics.encode()))
    monkeypatch.setattr(sys, "argv", ["rabbit-joined", "10.0.0.11", *arguments])
    code: int = rabbit.main()
    return code


def test_a_broker_is_in_when_all_named_peers_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert joined(monkeypatch, METRICS % 3, "lab", "rabbit@b", "rabbit@c") == 0


def test_a_broker_of_another_cluster_or_without_a_peer_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert joined(monkeypatch, METRICS % 3, "other", "rabbit@b") == 1
    assert joined(monkeypatch, METRICS % 1, "lab", "rabbit@b", "rabbit@c") == 1
    assert capsys.readouterr().out.endswith("not connected to rabbit@c\n")


@pytest.mark.parametrize(
    ("status", "leader", "size", "code"),
    [
        ("cluster member", "5e6f", "2", 0),
        ("cluster member", "self", "2", 0),
        ("cluster member", "5e6f", "3", 1),
        ("cluster member", "unknown", "2", 1),
        ("joining cluster", "5e6f", "2", 1),
    ],
)
def test_a_member_counts_with_a_leader_and_all_servers(
    monkeypatch: pytest.MonkeyPatch, status: str, leader: str, size: str, code: int
) -> None:
    answer = CompletedProcess([], 0, STATUS % (status, leader), "")
    monkeypatch.setattr(member.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(sys, "argv", ["ovn-member", "nb", size])
    assert member.main() == code


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Calls of ovsdb-tool, which makes the file it is told to."""
    calls: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> CompletedProcess[str]:
        calls.append(argv)
        Path(argv[2]).write_text("a database")
        return CompletedProcess(argv, 0)

    monkeypatch.setattr(database.subprocess, "run", run)
    monkeypatch.setattr(database.os, "makedirs", lambda *_, **__: None)
    monkeypatch.setattr(database, "DEADLINE_S", 0)
    monkeypatch.setitem(database.FILES, "nb", str(tmp_path / "nb.db"))
    return calls


def test_the_first_founds_only_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, tools: list[list[str]], tmp_path: Path
) -> None:
    monkeypatch.setattr(database, "answers", lambda *_: False)
    assert database.make("nb", "10.0.0.11", "found", ["10.0.0.12"]) == 0
    assert tools[0][1] == "create-cluster"
    assert (tmp_path / "nb.db").exists()


def test_a_first_node_with_an_empty_disk_joins_the_living(
    monkeypatch: pytest.MonkeyPatch, tools: list[list[str]]
) -> None:
    monkeypatch.setattr(database, "answers", lambda address, _: address == "10.0.0.13")
    assert database.make("nb", "10.0.0.11", "found", ["10.0.0.12", "10.0.0.13"]) == 0
    assert tools[0][1] == "join-cluster"
    assert tools[0][-1] == "tcp:10.0.0.13:6643"


def test_a_joiner_alone_makes_nothing(monkeypatch: pytest.MonkeyPatch, tools: list[list[str]]) -> None:
    monkeypatch.setattr(database, "answers", lambda *_: False)
    assert database.make("nb", "10.0.0.12", "join", ["10.0.0.11"]) == 1
    assert tools == []
