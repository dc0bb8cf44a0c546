"""The program that runs on nodes, as far as it needs no node."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from stackhaven.observe.status import collector

pytestmark = pytest.mark.unit

METRICS = """\
# TYPE erlang_vm_dist_node_state gauge
erlang_vm_dist_node_state{peer="rabbit@control2"} 3
erlang_vm_dist_node_state{peer="rabbit@control3"} 1
rabbitmq_alarms_memory_used_watermark 0
rabbitmq_alarms_free_disk_space_watermark 1
"""
DETAILED = """\
rabbitmq_detailed_raft_term_total{vhost="/",queue="conductor"} 1
rabbitmq_detailed_raft_term_total{vhost="/",queue="reply_compute2:nova-compute:1"} 1
rabbitmq_detailed_raft_term_total{raft_cluster="rabbitmq_metadata"} 1
rabbitmq_detailed_raft_log_commit_index{vhost="/",queue="scheduler"} 1
"""


def test_a_question_that_hangs_costs_its_own_answer_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "ASK_S", 0.2)
    began = time.monotonic()
    found = collector.ask_all({"slow": lambda: time.sleep(2), "quick": lambda: 1, "wrong": lambda: 1 / 0})
    assert time.monotonic() - began < 1
    assert found["quick"] == 1
    assert found["wrong"] == {"error": "ZeroDivisionError: division by zero"}
    assert "no answer" in found["slow"]["error"]


@pytest.mark.parametrize(("status", "body"), [("200 OK", "body\r\n\r\nand more"), ("503 no", "not synced")])
def test_a_page_of_the_node_is_its_body_or_a_complaint(status: str, body: str) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{server.getsockname()[1]}/state"

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            assert connection.recv(4096).startswith(b"GET /state HTTP/1.0\r\n")
            connection.sendall(f"HTTP/1.0 {status}\r\nX: y\r\n\r\n{body}".encode())

    thread = threading.Thread(target=answer)
    thread.start()
    with server:
        if status.startswith("200"):
            assert collector.get(url) == body
        else:
            with pytest.raises(RuntimeError, match=f"{url} answers 503"):
                collector.get(url)
        thread.join()


def test_a_brokers_metrics_and_what_it_is_parted_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, ...]] = []

    def command(*argv: str) -> str:
        asked.append(argv)
        return "[rabbit@control2, 'rabbit@control-3']"

    (tmp_path / "env").write_text("NODENAME=rabbit@control1\nRABBITMQ_X=y\n")
    monkeypatch.setattr(collector, "BROKER_ENVIRONMENT", str(tmp_path / "env"))
    monkeypatch.setattr(collector, "command", command)
    monkeypatch.setattr(collector, "get", lambda url: DETAILED if "detailed" in url else METRICS)
    assert collector.broker("http://192.0.2.1:15692/metrics") == {
        "peers": {"rabbit@control2": 3, "rabbit@control3": 1},
        "alarms": ["free_disk_space_watermark"],
        "queues": ["conductor", "reply_compute2:nova-compute:1"],
        "parted": ["control2", "control-3"],
    }
    assert "rabbit@control1" in asked[0]


def test_filesystems_are_told_once(tmp_path: Path) -> None:
    found = collector.disks((str(tmp_path), str(tmp_path), "/does/not/exist"))
    assert len(found) == 1
    assert 0 <= found[0]["free_mb"] <= found[0]["size_mb"]


def test_this_machine_has_memory_and_load() -> None:
    machine = collector.machine()
    assert machine["memory_mb"] > machine["available_mb"] > 0
    assert machine["cores"] >= 1


def test_addresses_come_with_the_mac_of_their_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, Any] = {
        "addr": '[{"ifname":"mgmt0","address":"52:00:00:00:00:01","addr_info":['
        '{"local":"192.0.2.5"},{"local":"192.0.2.11"}]}]',
        "neigh": '[{"dst":"192.0.2.5","lladdr":"52:00:00:00:00:02","state":["REACHABLE"]},'
        '{"dst":"192.0.2.6","state":["FAILED"]},'
        '{"dst":"192.0.2.7","lladdr":"52:00:00:00:00:03","state":["STALE"]}]',
    }
    monkeypatch.setattr(collector, "command", lambda *argv: answers[argv[2]])
    assert collector.addresses(["192.0.2.5"]) == {"192.0.2.5": "52:00:00:00:00:01"}
    assert collector.neighbours(["192.0.2.5", "192.0.2.6"]) == {"192.0.2.5": "52:00:00:00:00:02"}
