"""Enough of five APIs for a ledger: things are made, listed and deleted by path."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from urllib.parse import unquote

Thing = tuple[str, str, str]
"""Kind, id and name."""


class SmallCloud:
    """Keeps what it is given. Of each kind in `cuts` as many writes are done without an answer."""

    def __init__(self, cuts: Mapping[str, int] | None = None) -> None:
        self._things: list[Thing] = []
        self._cuts = Counter(cuts or {})

    def names(self) -> list[str]:
        return [name for _, _, name in self._things]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.splitlines()[0].split()
        lengths = [
            line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length")
        ]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        path = unquote(target.partition("?")[0])
        parts = [part for part in path.split("/") if part not in {"", "v2", "v2.0"}]
        kind = parts[0].removeprefix("os-")
        status, answer = self._act(method, kind, parts[1:], json.loads(body or b"{}"))
        if method != "GET" and self._cuts[kind] > 0:
            self._cuts[kind] -= 1
            writer.close()
            return
        text = json.dumps(answer).encode() if answer is not None else b""
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        await writer.drain()
        writer.close()

    def _act(
        self, method: str, kind: str, rest: list[str], body: dict[str, dict[str, str]]
    ) -> tuple[int, object]:
        if method == "GET":
            return 200, self._list(kind)
        if method == "DELETE":
            return (204, None) if self._remove(kind, rest[0]) else (404, None)
        if method == "PUT":
            self._remove(kind, rest[0])
            self._things.append((kind, rest[0], rest[0]))
            return 201, None
        inner = body.get(kind.removesuffix("s"), body)
        name = str(inner.get("name") or inner.get("id"))
        number = f"network-{len(self._things)}" if kind == "networks" else str(inner.get("id") or name)
        if (kind, number) in {(one[0], one[1]) for one in self._things}:
            return 409, None
        self._things.append((kind, number, name))
        made = {"id": number, "name": name}
        return 201, made if kind == "images" else {kind.removesuffix("s"): made}

    def _remove(self, kind: str, key: str) -> bool:
        before = len(self._things)
        self._things = [one for one in self._things if one[:2] != (kind, key)]
        return len(self._things) < before

    def _list(self, kind: str) -> object:
        found = [(key, name) for of, key, name in self._things if of == kind]
        if kind == "traits":
            return {"traits": [name for _, name in found]}
        entries = [{"id": key, "name": name} for key, name in found]
        return {kind: [{"keypair": entry} for entry in entries] if kind == "keypairs" else entries}
