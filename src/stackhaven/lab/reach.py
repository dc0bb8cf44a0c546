"""Ways into a lab from the host, all through its hub namespace."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress

from stackhaven.errors import HavenError
from stackhaven.lab import netns
from stackhaven.lab.spec import hub_of

SSH_PORT = 22

_CONNECT_TIMEOUT_S = 5.0
_BANNER_TIMEOUT_S = 5.0
_POLL_S = 0.05
_CHUNK_BYTES = 65536


def ssh_prefix(lab: str) -> tuple[str, ...]:
    """What stands before an SSH command line so that it speaks from the lab's hub."""
    return ("nsenter", f"--net={netns.NETNS_DIR / hub_of(lab)}", "--")


def enter_hub(lab: str) -> None:
    """Move the calling thread into the lab's hub network namespace, for good; threads made afterwards follow.

    Raises:
        HavenError: rule ``lab-down``.

    """
    netns.enter(hub_of(lab))


def wait_for_ssh(hub: str, address: str, *, timeout_s: float) -> bool:
    """Whether an SSH server greets on the address, seen from the hub, within the time."""
    deadline = time.monotonic() + timeout_s
    with netns.entered(hub):
        while time.monotonic() < deadline:
            if _greets(address):
                return True
            time.sleep(_POLL_S)
    return False


async def forward(lab: str, local_port: int, target_ip: str, target_port: int) -> None:
    """Relay ``127.0.0.1:local_port`` of the host to an address in the lab, until cancelled.

    The listening socket is made in the host's namespace; afterwards the calling thread stays in the hub.

    Raises:
        HavenError: rule ``lab-forward`` when the port is taken, ``lab-down`` when there is no lab.

    """
    try:
        listener = socket.create_server(("127.0.0.1", local_port))
    except OSError as error:
        raise HavenError(
            f"cannot listen on 127.0.0.1:{local_port}: {error.strerror}",
            todo="choose another port with --port",
            rule="lab-forward",
        ) from None
    enter_hub(lab)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _relay(reader, writer, target_ip, target_port)

    server = await asyncio.start_server(relay, sock=listener)
    async with server:
        await server.serve_forever()


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, SSH_PORT), timeout=1.0) as connection:
            connection.settimeout(_BANNER_TIMEOUT_S)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target_ip: str, target_port: int
) -> None:
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            far_reader, far_writer = await asyncio.open_connection(target_ip, target_port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()
