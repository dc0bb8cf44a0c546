"""One HTTP call over a connection of its own, cheap enough to be made many times a second.

A client of a cloud that fails over must not keep a connection: one call, one connection, one deadline for all of it.
The error tells how far it came: what never reached a server has surely not been done.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

LINE_LIMIT = 256 * 1024


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body)


class CallError(Exception):
    """A call without an answer. `sent`: the server may have acted on it."""

    def __init__(self, kind: str, *, sent: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sent = sent


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked. `url` is absolute, `body` is sent as JSON."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None


async def call(request: Request, *, timeout_s: float) -> Reply:
    """Ask and wait for the whole answer, `timeout_s` seconds in all; any HTTP status is an answer.

    Raises:
        CallError: refused, unreachable, cut off, or too late.

    """
    reached = _Reached()
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(request, reached)
    except TimeoutError:
        raise CallError(
            "no answer in time" if reached.sent else "no connection in time", sent=reached.sent
        ) from None
    except ConnectionRefusedError:
        raise CallError("refused", sent=False) from None
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError):
        raise CallError("cut off", sent=reached.sent) from None
    except OSError as error:
        raise CallError((error.strerror or type(error).__name__).lower(), sent=reached.sent) from None


@dataclass
class _Reached:
    sent: bool = False


async def _exchange(request: Request, reached: _Reached) -> Reply:
    parts = urlsplit(request.url)
    host, port = parts.hostname or "", parts.port or 80
    reader, writer = await asyncio.open_connection(host, port, limit=LINE_LIMIT)
    try:
        writer.write(_bytes(request, host, port, parts.path or "/", parts.query))
        reached.sent = True
        await writer.drain()
        return await _reply(reader)
    finally:
        writer.close()


def _bytes(request: Request, host: str, port: int, path: str, query: str) -> bytes:
    body = b"" if request.body is None else json.dumps(request.body).encode()
    headers = {
        "Host": f"{host}:{port}",
        "Connection": "close",
        "Accept": "application/json",
        **request.headers,
    }
    if request.body is not None:
        headers["Content-Type"] = headers.get("Content-Type", "application/json")
    if body or request.method in {"POST", "PUT", "PATCH"}:
        headers["Content-Length"] = str(len(body))
    target = f"{path}?{query}" if query else path
    head = f"{request.method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    return head.encode() + b"\r\n" + body


async def _reply(reader: asyncio.StreamReader) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(maxsplit=2)[1])
    headers = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    if status in {204, 304}:
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return Reply(status, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    return b"".join(parts)
