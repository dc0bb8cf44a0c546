from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.integration.lab.conftest import Bench

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

FORWARD = """
import asyncio, sys
from stackhaven.lab.reach import forward
asyncio.run(forward(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_port_of_the_host_leads_into_the_lab(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.up()
    port = free_port()
    argv = [sys.executable, "-c", FORWARD, one.lab.spec.name, str(port), "172.30.1.11", "22"]
    relay = subprocess.Popen(argv)
    try:
        assert banner(port) == b"SSH-"
        assert banner(port) == b"SSH-", "one client only"
        one.lab.power_off("n1")
        assert banner(port, tries=1) == b"", "a dead target is told by closing"
    finally:
        relay.terminate()
        relay.wait(timeout=10)


def banner(port: int, *, tries: int = 50) -> bytes:
    for attempt in range(tries):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                return connection.recv(4)
        except ConnectionRefusedError:
            if attempt == tries - 1:
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")
