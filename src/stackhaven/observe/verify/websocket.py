"""As much of the WebSocket protocol (RFC 6455) as it takes to hear a console's first words."""

from __future__ import annotations

import base64
import secrets
import socket
from urllib.parse import parse_qs, urlsplit

from stackhaven.observe.verify.check import CheckFailedError

HEAD_LIMIT = 16 * 1024
SHORT_FRAME = 126
BINARY = 2


def first_bytes(console_url: str, *, timeout_s: float) -> bytes:
    """The first message behind a noVNC console's URL.

    Raises:
        CheckFailedError: the proxy refuses the token or says nothing.

    """
    parts = urlsplit(console_url)
    path = parse_qs(parts.query).get("path", ["?" + parts.query])[0]
    request = upgrade_request(parts.netloc, "/" + path.lstrip("/"))
    try:
        with socket.create_connection(
            (parts.hostname or "", parts.port or 80), timeout=timeout_s
        ) as connection:
            connection.sendall(request)
            head, rest = _head(connection)
            status = head.split("\r\n")[0]
            if " 101 " not in f"{status} ":
                raise CheckFailedError(f"the console proxy answers {status!r} to its token")
            return _message(connection, rest)
    except OSError as error:
        raise CheckFailedError(f"the console proxy at {parts.netloc}: {error}") from None


def upgrade_request(host: str, path: str) -> bytes:
    """The request that turns a connection into a WebSocket."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: binary",
        f"Origin: http://{host}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _head(connection: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(4096)
        data += chunk
        if not chunk or len(data) > HEAD_LIMIT:
            raise CheckFailedError("the console proxy hung up")
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _message(connection: socket.socket, data: bytes) -> bytes:
    while (message := frame(data)) is None:
        chunk = connection.recv(4096)
        if not chunk:
            raise CheckFailedError("the console proxy hung up before the screen said anything")
        data += chunk
    return message


def frame(data: bytes) -> bytes | None:
    """The payload of the short, unmasked frame that `data` begins with; None while it is not whole."""
    if len(data) < 2:
        return None
    kind, length = data[0] & 0x0F, data[1] & 0x7F
    if kind != BINARY or length >= SHORT_FRAME:
        raise CheckFailedError(f"the console proxy sent a frame of kind {kind}, length {length}")
    return data[2 : 2 + length] if len(data) >= 2 + length else None
