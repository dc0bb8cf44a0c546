"""The login check against the other end of a socket that speaks a broker's few frames."""

from __future__ import annotations

import io
import json
import socket
import struct
import sys
import threading
from typing import Any

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

amqp = program("rabbitmq", "amqp_login")


def frame(method: tuple[int, int], arguments: bytes = b"") -> bytes:
    payload = struct.pack(">HH", *method) + arguments
    return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"


class Broker(threading.Thread):
    """Accepts one login by PLAIN; closes the connection on a wrong one, as RabbitMQ does."""

    def __init__(self, end: socket.socket, password: str, answer: bytes | None = None) -> None:
        super().__init__(daemon=True)
        self.end, self.password, self.answer = end, password, answer
        self.virtual_host = ""

    def run(self) -> None:
        with self.end:
            assert self.end.recv(8) == b"AMQP\x00\x00\x09\x01"
            if self.answer is not None:
                self.end.sendall(self.answer)
                return
            self.end.sendall(frame((10, 10), b"\x00\x09"))
            if f"\0openstack\0{self.password}".encode() not in self.receive():
                return
            tune = struct.pack(">HIH", 2047, 131072, 20)
            self.end.sendall(frame((10, 30), tune))
            assert self.receive()[4:12] == tune
            arguments = self.receive()[4:]
            self.virtual_host = arguments[1 : 1 + arguments[0]].decode()
            self.end.sendall(frame((10, 41), b"\x00"))

    def receive(self) -> bytes:
        size = struct.unpack(">BHI", self.end.recv(7))[2]
        return self.end.recv(size + 1)[:-1]


def login(monkeypatch: pytest.MonkeyPatch, password: str, answer: bytes | None = None) -> tuple[int, Broker]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    broker = Broker(theirs, "right", answer)
    broker.start()
    monkeypatch.setattr(amqp.socket, "create_connection", lambda *_, **__: ours)
    monkeypatch.setattr(sys, "argv", ["amqp-login", "192.0.2.1", "5672"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"user": "openstack", "password": password})))
    code: Any = amqp.main()
    broker.join(5)
    return code, broker


def test_the_right_password_opens_the_virtual_host(monkeypatch: pytest.MonkeyPatch) -> None:
    code, broker = login(monkeypatch, "right")
    assert (code, broker.virtual_host) == (0, "/")


def test_a_wrong_password_is_refused_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert login(monkeypatch, "a-wrong-one")[0] == 1
    said = capsys.readouterr().out
    assert "login refused" in said
    assert "a-wrong-one" not in said


@pytest.mark.parametrize("answer", [b"", b"AMQP\x00\x00\x09\x01", frame((10, 50))])
def test_a_peer_that_speaks_otherwise_is_no_broker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    assert login(monkeypatch, "right", answer)[0] == 1
    assert capsys.readouterr().out.startswith("192.0.2.1:5672: ")
