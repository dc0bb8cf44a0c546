"""Probes against real sockets on loopback: listeners, consoles, pings."""

from __future__ import annotations

import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from stackhaven.observe.api import ApiError, fetch, sign_in
from stackhaven.observe.status.outside import ask_listener
from stackhaven.observe.verify.check import CheckFailedError
from stackhaven.observe.verify.icmp import ping
from stackhaven.observe.verify.websocket import first_bytes
from stackhaven.services.base import Listener

pytestmark = pytest.mark.integration

HOST = "127.0.0.1"


@contextmanager
def web(status: int, body: bytes = b"{}") -> Iterator[int]:
    """An HTTP server that answers everything alike; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("X-Subject-Token", "t0ken")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the server's spelling

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def talks(conversation: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that has this conversation with its first client; gives its port."""
    server = socket.create_server((HOST, 0))
    server.settimeout(10)

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            conversation(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        thread.join(5)
        server.close()


def waits(event: threading.Event) -> None:
    event.wait(5)


def listener(port: int, mode: str = "http") -> Listener:
    assert mode in {"http", "tcp"}
    return Listener(name="x", port=port, service="x", mode="tcp" if mode == "tcp" else "http")


@pytest.mark.parametrize(("status", "answers"), [(200, True), (300, True), (401, True), (503, False)])
def test_an_http_listener_answers_unless_the_balancer_has_no_member(status: int, answers: bool) -> None:
    with web(status) as port:
        fact = ask_listener(listener(port), HOST)
    assert fact.answers is answers
    assert str(status) in fact.detail


def test_a_closed_port_does_not_answer() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
    assert not ask_listener(listener(port), HOST).answers
    assert not ask_listener(listener(port, "tcp"), HOST).answers


def test_a_tcp_listener_that_greets_or_stays_answers() -> None:
    gone = threading.Event()
    with talks(lambda c: c.sendall(b"hello")) as port:
        assert ask_listener(listener(port, "tcp"), HOST).detail == "greets"
    with talks(lambda _: waits(gone)) as port:
        assert ask_listener(listener(port, "tcp"), HOST).detail == "accepts"
        gone.set()


def test_a_balancer_that_hangs_up_has_no_member() -> None:
    with talks(lambda c: c.close()) as port:
        fact = ask_listener(listener(port, "tcp"), HOST)
    assert not fact.answers
    assert "hangs up" in fact.detail


def test_a_server_that_never_answers_costs_its_deadline_only() -> None:
    with socket.create_server((HOST, 0)) as server:
        fact = ask_listener(listener(server.getsockname()[1]), HOST, timeout_s=0.3)
    assert not fact.answers
    assert fact.seconds < 2


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with web(200) as port:
        assert fetch("GET", f"http://{HOST}:{port}/", timeout_s=5).status == 200


def test_a_refused_sign_in_is_an_error_without_the_password() -> None:
    with web(401) as port, pytest.raises(ApiError) as caught:
        sign_in(f"http://{HOST}:{port}/v3", password="s3cret-value", region="R", timeout_s=5)
    assert "401" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def console(status: str, frame: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        request = connection.recv(4096)
        assert request.startswith(b"GET /?token=abc ")
        connection.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode() + frame[:3])
        connection.sendall(frame[3:])

    return talk


def test_a_console_greets_through_its_url() -> None:
    with talks(console("101 Switching Protocols", b"\x82\x0cRFB 003.008\n")) as port:
        url = f"http://{HOST}:{port}/vnc_lite.html?path=%3Ftoken%3Dabc"
        assert first_bytes(url, timeout_s=5) == b"RFB 003.008\n"


def test_a_console_that_refuses_its_token() -> None:
    with (
        talks(console("403 Forbidden", b"")) as port,
        pytest.raises(CheckFailedError, match="403"),
    ):
        first_bytes(f"http://{HOST}:{port}/vnc_lite.html?path=%3Ftoken%3Dabc", timeout_s=5)


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket needs root")
def test_this_machine_answers_its_own_ping() -> None:
    took = ping(HOST, timeout_s=2)
    assert took is not None
    assert took < 2


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket needs root")
def test_an_address_that_nobody_has_does_not_answer() -> None:
    assert ping("127.255.255.255", timeout_s=0.2) is None
