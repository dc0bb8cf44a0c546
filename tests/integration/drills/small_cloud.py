"""Enough of five APIs for a ledger: things are made, listed and deleted by path."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import unquote

Thing = tuple[str, str]
"""Kind and name; the name is its id, too."""


class SmallCloud:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self._things: list[Thing] = []

    def names(self) -> list[str]:
        return [name for _, name in self._things]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.splitlines()[0].split()
        lengths = [
            line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length")
        ]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        status, answer = self._act(method, unquote(target.partition("?")[0]), json.loads(body or b"{}"))
        text = json.dumps(answer).encode() if answer is not None else b""
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        await writer.drain()
        writer.close()

    def _act(self, method: str, path: str, body: dict[str, dict[str, str]]) -> tuple[int, object]:
        parts = [part for part in path.split("/") if part not in {"", "v2", "v2.0"}]
        kind = parts[0].removeprefix("os-")
        if method == "GET":
            return 200, self._list(kind)
        if method == "DELETE":
            self._things.remove((kind, parts[1]))
            return 204, None
        if method == "PUT":
            self._things.append((kind, parts[1]))
            return 201, None
        inner = body.get(kind.removesuffix("s"), body)
        name = str(inner.get("name") or inner.get("id"))
        self._things.append((kind, name))
        made = {"id": name, "name": name}
        return 201, made if kind == "images" else {kind.removesuffix("s"): made}

    def _list(self, kind: str) -> object:
        names = [name for of, name in self._things if of == kind]
        if kind == "traits":
            return {"traits": names}
        entries = [{"id": name, "name": name} for name in names]
        return {kind: [{"keypair": entry} for entry in entries] if kind == "keypairs" else entries}
