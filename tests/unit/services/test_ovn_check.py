"""The program beside OVN's databases: which of them it calls standing still."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from stackhaven.services import ovn as service
from stackhaven.services.common import ports
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

check = program("ovn", "ovn_check")


def database() -> Any:
    return check.Database("nb", 6641, 2.5)


def test_it_stands_still_when_it_answered_once_and_then_no_more() -> None:
    asked = database()
    assert not asked.stands_still(100.0)
    assert not asked.heard(100.0)
    assert not asked.stands_still(102.4)
    assert asked.stands_still(102.5)


def test_one_that_is_not_there_does_not_stand_still() -> None:
    asked = database()
    asked.heard(100.0)
    asked.gone()
    assert not asked.stands_still(200.0)


def test_its_return_is_told_once() -> None:
    asked = database()
    asked.heard(100.0)
    asked.swept = True
    assert asked.heard(110.0)
    assert not asked.heard(111.0)


@contextmanager
def server(*, answering: bool) -> Iterator[int]:
    """A server on the loopback that takes connections and echoes, or stands still."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line, suppress(ConnectionError):
                    while data := line.recv(1024):
                        line.sendall(data)

        if answering:
            threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("answering", [True, False])
def test_a_server_is_asked_and_ends_up_swept_only_when_it_does_not_answer(
    answering: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    with server(answering=answering) as port:
        one = {"name": "nb", "port": port, "silence_s": 2.5}
        asking = check.Program({"address": "127.0.0.1", "interval_s": 0.05, "databases": [one]})
        monkeypatch.setattr(asking, "end", lambda database: ended.append(database.name))
        (asked,) = asking.databases
        now = check.time.monotonic()
        asked.heard(now - 2.0)
        asking.look(asked, now)
        for key, _ in asking.selector.select(0.5):
            asking.read(key.data)
        asking.look(asked, now + 1.0)
        asking.hang_up(asked)
    assert ended == ([] if answering else ["nb"])


def test_a_refused_connection_is_no_standstill() -> None:
    with server(answering=False) as port:
        pass
    one = {"name": "nb", "port": port, "silence_s": 2.5}
    asking = check.Program({"address": "127.0.0.1", "interval_s": 0.05, "databases": [one]})
    (asked,) = asking.databases
    asked.heard(100.0)
    asking.look(asked, 100.1)
    assert not asked.stands_still(1000.0)


def test_its_file_has_both_databases_and_gives_the_larger_one_more_time() -> None:
    config = json.loads(service.check_config("10.0.0.11"))
    found = {one["name"]: one for one in config["databases"]}
    assert found["nb"]["port"] == ports.OVN_NORTHBOUND
    assert found["sb"]["port"] == ports.OVN_SOUTHBOUND
    assert found["nb"]["silence_s"] < found["sb"]["silence_s"]
