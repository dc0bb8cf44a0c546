"""Tolerant readers of the formats: each takes any text and keeps the line of everything it understood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from stackhaven.model.lint.sources import Source


@dataclass(frozen=True)
class Option:
    """``name = value`` with its section and line."""

    section: str
    name: str
    value: str
    line: int


def options(source: Source) -> Iterator[Option]:
    """The options of an INI-like file; a hyphen in a name is an underscore. Comments are left out."""
    section = ""
    for number, line in enumerate(source.lines, 1):
        text = line.strip()
        header = re.fullmatch(r"\[([^\]]*)\]", text)
        if header:
            section = header[1]
            continue
        if not text or text[0] in "#;":
            continue
        name, equals, value = text.partition("=")
        if equals:
            yield Option(section, name.strip().replace("-", "_"), value.strip(), number)


@dataclass(frozen=True)
class Server:
    """A ``server`` line of HAProxy."""

    name: str
    host: str
    port: int
    words: tuple[str, ...]
    line: int


@dataclass
class Proxy:
    """A section of HAProxy: ``defaults``, ``listen``, ``frontend`` or ``backend``."""

    kind: str
    name: str
    line: int
    binds: list[tuple[str, int, int]] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    directives: list[tuple[tuple[str, ...], int]] = field(default_factory=list)

    def first(self, *words: str) -> tuple[tuple[str, ...], int] | None:
        """The first directive that begins with these words."""
        return next((d for d in self.directives if d[0][: len(words)] == words), None)


def proxies(source: Source) -> list[Proxy]:
    """The sections of an HAProxy configuration."""
    found: list[Proxy] = []
    for number, line in enumerate(source.lines, 1):
        words = tuple(line.split("#", maxsplit=1)[0].split())
        if not words:
            continue
        if words[0] in {"global", "defaults", "listen", "frontend", "backend"}:
            found.append(Proxy(words[0], words[1] if len(words) > 1 else "", number))
            if words[0] in {"listen", "frontend"} and len(words) > 2:
                _bind(found[-1], words[2], number)
        elif found:
            found[-1].directives.append((words, number))
            if words[0] == "bind" and len(words) > 1:
                _bind(found[-1], words[1], number)
            elif words[0] == "server" and len(words) > 2:
                host, _, port = words[2].rpartition(":")
                server = Server(words[1], host or words[2], as_port(port), words[3:], number)
                found[-1].servers.append(server)
    return found


def _bind(proxy: Proxy, text: str, line: int) -> None:
    for part in text.split(","):
        host, colon, port = part.rpartition(":")
        if colon:
            proxy.binds.append((host or "*", as_port(port), line))


def mode_of(proxy: Proxy, everything: list[Proxy]) -> str:
    """``tcp`` or ``http``: the section's own, else that of the defaults above it."""
    mode = "tcp"
    for other in everything:
        if other.kind == "defaults":
            mode = _own_mode(other) or mode
        if other is proxy:
            return _own_mode(proxy) or mode
    return mode


def _own_mode(proxy: Proxy) -> str:
    found = proxy.first("mode")
    return found[0][1] if found and len(found[0]) > 1 else ""


@dataclass
class Block:
    """A brace block of keepalived or corosync: its words, its lines of words, the blocks inside."""

    words: tuple[str, ...]
    line: int
    entries: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def value(self, key: str) -> str:
        """The word after `key`, or nothing."""
        return next((w[1] for w, _ in self.entries if len(w) > 1 and w[0].rstrip(":") == key), "")

    def line_of(self, key: str) -> int:
        """The line of `key`, or the block's own."""
        return next((n for w, n in self.entries if w[0].rstrip(":") == key), self.line)

    def inside(self, name: str) -> list[Block]:
        """The blocks of this name, at any depth."""
        found = []
        for block in self.blocks:
            if block.words and block.words[0] == name:
                found.append(block)
            found += block.inside(name)
        return found


def blocks(source: Source) -> Block:
    """The brace structure of a file; unbalanced braces close at its end."""
    top = Block((), 0)
    stack = [top]
    for number, line in enumerate(source.lines, 1):
        text = re.split(r"[#!]", line, maxsplit=1)[0]
        for piece in re.findall(r"[^{}]+|[{}]", text):
            words = tuple(piece.replace(":", ": ").split()) if piece not in "{}" else ()
            if piece == "{":
                name, at = _opened_by(stack[-1].entries, number, line)
                block = Block(name, at)
                stack[-1].blocks.append(block)
                if len(stack) < 50:
                    stack.append(block)
            elif piece == "}":
                if len(stack) > 1:
                    stack.pop()
            elif words:
                stack[-1].entries.append((words, number))
    return top


def _opened_by(
    entries: list[tuple[tuple[str, ...], int]], number: int, line: str
) -> tuple[tuple[str, ...], int]:
    """The words a brace belongs to: those before it, or those of the line above when it stands alone."""
    alone = line.strip() == "{"
    if entries and (entries[-1][1] == number or (alone and entries[-1][1] == number - 1)):
        return entries.pop()
    return (), number


def as_port(text: str) -> int:
    """A port number, 0 when there is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0


def as_address(text: str) -> IPv4Address | None:
    """An IPv4 address, or None."""
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def as_interface(text: str) -> IPv4Interface | None:
    """An address with its mask, or None."""
    try:
        return IPv4Interface(text)
    except ValueError:
        return None


def as_network(text: str) -> IPv4Network | None:
    """A network, or None; an address inside it will do."""
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")


def addresses_in(text: str) -> list[IPv4Address]:
    """Every IPv4 address in a text."""
    return [a for a in map(as_address, _ADDRESS.findall(text)) if a]


@dataclass(frozen=True)
class Command:
    """A command line, continued lines joined."""

    words: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(self.words)

    def option(self, *names: str) -> str:
        """The value of an option, written ``--name value`` or ``--name=value``; nothing when absent."""
        for index, word in enumerate(self.words):
            for name in names:
                if word == name and index + 1 < len(self.words):
                    return self.words[index + 1].strip("\"'")
                if word.startswith(f"{name}="):
                    return word[len(name) + 1 :].strip("\"'")
        return ""


def commands(source: Source) -> Iterator[Command]:
    """The command lines of a script or a recipe, prompts and ``sudo`` taken off."""
    waiting: list[str] = []
    start = 0
    for number, line in enumerate(source.lines, 1):
        text = line.strip()
        if not waiting:
            start = number
            text = re.sub(r"^(\[?[\w.-]+@[^\]$#]*\]?\s*)?[$#]\s+", "", text)
        joined = text.endswith("\\")
        waiting.append(text.rstrip("\\").strip())
        if joined and len(waiting) < 100:
            continue
        words = " ".join(waiting).split()
        waiting = []
        if words and words[0] == "sudo":
            words = words[1:]
        if words and not words[0].startswith("#"):
            yield Command(tuple(words), start)
