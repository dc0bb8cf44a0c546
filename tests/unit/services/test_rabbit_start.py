"""The guard before a broker starts: what a broker without data does beside others."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pytest

from stackhaven.plan import File
from stackhaven.services import rabbitmq
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

guard = program("rabbitmq", "rabbit_start")

COUNTS_ME = {"members": ["a", "b", "c"], "running": ["b", "c"]}
FORGOT_ME = {"members": ["b", "c"], "running": ["b", "c"]}
ALONE = {"members": ["b"], "running": ["b"]}
MINORITY = {"members": ["a", "b", "c"], "running": ["b"]}


@pytest.mark.parametrize(
    ("b", "c", "waited_s", "verb"),
    [
        ("blank", "blank", 0, "start"),
        ("blank", "silent", 0, "wait"),
        ("blank", "silent", 60, "start"),
        ("silent", "silent", 10_000, "wait"),
        (COUNTS_ME, COUNTS_ME, 0, "forget"),
        (COUNTS_ME, "silent", 0, "forget"),
        (MINORITY, "silent", 10_000, "wait"),
        (FORGOT_ME, FORGOT_ME, 0, "start"),
        (ALONE, "blank", 0, "start"),
        (None, "silent", 10_000, "wait"),
        (None, COUNTS_ME, 0, "forget"),
    ],
)
def test_a_blank_broker(b: Any, c: Any, waited_s: float, verb: str) -> None:
    assert guard.decide("a", {"b": b, "c": c}, waited_s)[0] == verb


def test_a_blank_broker_never_founds_a_cluster_beside_one_that_runs_or_may_have_the_data() -> None:
    states: list[Any] = ["silent", "blank", None, COUNTS_ME, MINORITY, FORGOT_ME, ALONE]
    for b, c, waited_s in itertools.product(states, states, (0, 59, 60, 10_000)):
        verb, sentence, peer = guard.decide("a", {"b": b, "c": c}, waited_s)
        assert sentence
        assert verb != "forget" or peer
        if verb == "start" and not peer:
            assert "blank" in (b, c)
            assert {"blank", "silent"} >= {b, c}, "nobody runs"
        if b in (COUNTS_ME, MINORITY) and c in (COUNTS_ME, MINORITY):
            assert verb != "start", "they would refuse it"


def test_only_a_majority_is_asked_to_forget() -> None:
    _, sentence, peer = guard.decide("a", {"b": MINORITY, "c": COUNTS_ME}, 0)
    assert peer == "c"
    assert "no data" in sentence


def test_what_counts_as_data(tmp_path: Path) -> None:
    assert guard.is_blank(str(tmp_path / "absent"))
    (tmp_path / "coordination" / "rabbit@a").mkdir(parents=True)
    (tmp_path / "node-type.txt").write_text("disc.")
    assert guard.is_blank(str(tmp_path))
    (tmp_path / "coordination" / "rabbit@a" / "00000001.wal").write_text("x")
    assert not guard.is_blank(str(tmp_path))
    for name in ("schema.DAT", "cluster_nodes.config"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("x")
        assert not guard.is_blank(str(tmp_path / name))


def test_a_broker_with_data_and_a_single_one_start_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MNESIA", str(tmp_path))
    config = tmp_path / "config.json"
    monkeypatch.setattr(guard.sys, "argv", ["rabbit-start", str(config)])
    known = {"node": "a", "members": {"a": "127.0.0.1"}, "guard_port": 1, "metrics_port": 1}
    config.write_text(json.dumps(known))
    assert guard.main() == 0
    (tmp_path / "rabbit@a").mkdir()
    (tmp_path / "rabbit@a" / "schema.DAT").write_text("x")
    config.write_text(json.dumps({**known, "members": {"a": "127.0.0.1", "b": "127.0.0.2"}}))
    assert guard.main() == 0


def test_blank_brokers_hear_of_each_other_and_found_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LINGER_S", 0.5)
    monkeypatch.setattr(guard, "POLL_S", 0.05)
    ports = []
    for address in ("127.0.0.1", "127.0.0.1"):
        with socket.socket() as sock:
            sock.bind((address, 0))
            ports.append(sock.getsockname()[1])
    members = {"a": "127.0.0.1", "b": "127.0.0.2", "c": "127.0.0.3"}
    config = {"guard_port": ports[0], "metrics_port": ports[1]}
    codes: dict[str, int] = {}

    def run(me: str) -> None:
        others = {name: address for name, address in members.items() if name != me}
        with guard.Server((members[me], ports[0]), guard.Answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            codes[me] = guard.settle(me, others, config)
            server.shutdown()

    threads = [threading.Thread(target=run, args=(me,), daemon=True) for me in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert codes == {"a": 0, "b": 0, "c": 0}


def test_a_refused_broker_names_what_helps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "DEADLINE_S", 0.2)
    monkeypatch.setattr(guard, "POLL_S", 0.05)
    monkeypatch.setattr(guard, "look_at_all", lambda *_: {"b": "silent", "c": "silent"})
    assert guard.settle("a", {"b": "127.0.0.2", "c": "127.0.0.3"}, {}) == 1
    said = capsys.readouterr().out
    assert said.startswith("wait: this broker has no data")
    assert "`haven recover`" in said


def test_the_cluster_forgets_the_broker_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    world: list[Any] = [COUNTS_ME]

    def ctl(name: str, *arguments: str, **_: object) -> str:
        asked.append((name, *arguments))
        if arguments[0] == "forget_cluster_node":
            world[0] = FORGOT_ME
        return ""

    monkeypatch.setattr(guard, "POLL_S", 0)
    monkeypatch.setattr(guard, "ctl", ctl)
    monkeypatch.setattr(guard, "look_at_all", lambda *_: {"b": world[0], "c": world[0]})
    assert guard.settle("a", {"b": "", "c": ""}, {}) == 0
    assert asked == [("b", "shrink", "rabbit@a"), ("b", "forget_cluster_node", "rabbit@a")]


def test_the_unit_runs_the_guard_with_what_the_plan_wrote() -> None:
    site = site_of("lab")
    node = site.layout.controllers[0]
    files = {r.path: r.content for r in rabbitmq.configuration(site, node) if isinstance(r, File)}
    unit = files["/etc/systemd/system/rabbitmq-server.service.d/stackhaven.conf"]
    assert "ExecStartPre=/usr/local/lib/stackhaven/rabbit-start /etc/stackhaven/rabbitmq.json\n" in unit
    known = json.loads(files["/etc/stackhaven/rabbitmq.json"])
    assert known["node"] == node.name
    assert known["members"] == {n.name: n.management for n in site.layout.controllers}


def test_a_broker_that_was_reset_leaves_its_queues_before_it_joins_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no member any more and still counts as a replica, whose log it has lost."""
    asked: list[tuple[str, ...]] = []
    answers = iter([CalledProcessError(1, "rabbitmq-queues"), None])

    def ctl(name: str, *arguments: str, **options: Any) -> str:
        asked.append((options.get("program", "rabbitmqctl"), name, *arguments))
        error = next(answers)
        if error:
            raise error
        return ""

    monkeypatch.setattr(guard, "POLL_S", 0)
    monkeypatch.setattr(guard, "ctl", ctl)
    monkeypatch.setattr(guard, "look_at_all", lambda *_: {"b": FORGOT_ME, "c": FORGOT_ME})
    assert guard.settle("a", {"b": "127.0.0.2", "c": "127.0.0.3"}, {}) == 0
    assert asked == [("rabbitmq-queues", "b", "shrink", "rabbit@a")] * 2, "asked again until it was done"
