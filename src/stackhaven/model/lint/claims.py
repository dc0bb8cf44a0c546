"""What files claim about each other: who listens where, who calls whom, which account has which secret.

Secrets are compared and never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackhaven.model.lint.parsers import as_port, blocks, commands, options, proxies
from stackhaven.model.lint.sources import Source

DEFAULT_PORTS = {"mysql": 3306, "rabbit": 5672, "http": 80, "https": 443, "mongodb": 27017}
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+]*)://(?:(?P<user>[^:/@\s]*)(?::(?P<secret>[^@\s]*))?@)?(?P<hosts>[^/\s\"'?]+)"
)


@dataclass(frozen=True)
class Claim:
    """A host and port that somebody listens on, or calls; `what` is the listener's or the option's name."""

    source: Source
    line: int
    host: str
    port: int
    what: str


@dataclass(frozen=True)
class Login:
    """An account of a realm (database, queue, identity) with the secret that one place states for it."""

    source: Source
    line: int
    realm: str
    user: str
    secret: str


def listeners(sources: Sequence[Source]) -> Iterator[Claim]:
    """Every bound port that the files state."""
    for source in sources:
        if source.is_a("haproxy"):
            yield from _balancer_binds(source)
        if source.is_a("rabbitmq"):
            yield from _broker_listeners(source)
        if source.is_a("elasticsearch"):
            for number, line in enumerate(source.lines, 1):
                found = re.match(r"\s*http\.port:\s*(\d+)", line)
                if found:
                    yield Claim(source, number, "*", as_port(found[1]), "elasticsearch")
        if source.is_a("xinetd"):
            for block in blocks(source).blocks:
                port = _after_equals(block.entries, "port")
                if block.words[:1] == ("service",) and port:
                    name = block.words[1] if len(block.words) > 1 else "xinetd"
                    yield Claim(source, block.line, "*", as_port(port), name)


def _balancer_binds(source: Source) -> Iterator[Claim]:
    for proxy in proxies(source):
        for host, port, line in proxy.binds:
            yield Claim(source, line, host, port, proxy.name)


def _broker_listeners(source: Source) -> Iterator[Claim]:
    for option in options(source):
        if option.name.startswith("listeners.tcp."):
            host, _, port = option.value.rpartition(":")
            yield Claim(source, option.line, host or "*", as_port(port), "rabbitmq")


def _after_equals(entries: list[tuple[tuple[str, ...], int]], key: str) -> str:
    return next((w[2] for w, _ in entries if len(w) > 2 and w[0] == key and w[1] == "="), "")


def virtual_addresses(sources: Sequence[Source]) -> dict[str, Claim]:
    """Every virtual address, from keepalived, Pacemaker commands and the balancer's own binds."""
    found: dict[str, Claim] = {}
    for source in sources:
        if source.is_a("keepalived"):
            for block in blocks(source).inside("virtual_ipaddress"):
                for words, line in block.entries:
                    address = words[0].split("/")[0]
                    found.setdefault(address, Claim(source, line, address, 0, "keepalived"))
        for number, text in enumerate(source.lines, 1):
            if "ipaddr2" in text.lower():
                for address in re.findall(r"\bip=\"?(\d+\.\d+\.\d+\.\d+)", text):
                    found.setdefault(address, Claim(source, number, address, 0, "IPaddr2"))
    for claim in listeners([s for s in sources if s.is_a("haproxy")]):
        if claim.host[:1].isdigit() and not claim.host.startswith("127."):
            found.setdefault(claim.host, claim)
    return found


def calls(sources: Sequence[Source]) -> Iterator[Claim]:
    """Every host and port that clients are told to call."""
    for source in sources:
        if not source.is_a("oslo", "rc", "shell"):
            continue
        told = {o.name: o for o in options(source)} if source.is_a("oslo") else {}
        if "rabbit_host" in told:
            port = told.get("rabbit_port")
            line = port.line if port else told["rabbit_host"].line
            number = as_port(port.value) if port else DEFAULT_PORTS["rabbit"]
            yield Claim(source, line, told["rabbit_host"].value, number, "rabbit_port")
        for number, text in enumerate(source.lines, 1):
            if text.lstrip().startswith("#") and source.is_a("oslo"):
                continue
            for found in _URL.finditer(text):
                scheme = found["scheme"].split("+", maxsplit=1)[0]
                for part in found["hosts"].rsplit("@", 1)[-1].split(","):
                    host, _, port_text = part.rpartition("@")[2].partition(":")
                    port_number = as_port(port_text) or DEFAULT_PORTS.get(scheme, 0)
                    if port_number:
                        yield Claim(source, number, host, port_number, scheme)


def logins(sources: Sequence[Source]) -> Iterator[Login]:
    """Every account with a secret, from URLs, option files, SQL, scripts and RC files."""
    for source in sources:
        yield from _in_urls(source)
        yield from _in_options(source)
        yield from _in_scripts(source)


def _in_urls(source: Source) -> Iterator[Login]:
    for number, text in enumerate(source.lines, 1):
        for found in _URL.finditer(text):
            scheme = found["scheme"].split("+", maxsplit=1)[0]
            realm = {"mysql": "database", "rabbit": "queue", "mongodb": "mongodb"}.get(scheme)
            if realm and found["user"] and found["secret"]:
                yield Login(source, number, realm, found["user"], found["secret"])


_PAIRS = (
    ("username", "password", "identity"),
    ("admin_user", "admin_password", "identity"),
    ("os_username", "os_password", "identity"),
    ("rabbit_userid", "rabbit_password", "queue"),
    ("DBUser", "DBPassword", "database"),
)


def _in_options(source: Source) -> Iterator[Login]:
    by_section: dict[str, dict[str, tuple[str, int]]] = {}
    for option in options(source):
        by_section.setdefault(option.section, {})[option.name] = (option.value.strip("\"'"), option.line)
        if option.name == "wsrep_sst_auth":
            user, colon, secret = option.value.strip("\"'").partition(":")
            if colon and secret:
                yield Login(source, option.line, "database", user, secret)
    for told in by_section.values():
        for user, secret, realm in _PAIRS:
            if user in told and secret in told:
                yield Login(source, told[secret][1], realm, told[user][0], told[secret][0])


_SQL = re.compile(
    r"(?:TO|USER)\s+['\"]?([\w-]+)['\"]?@\S+\s+IDENTIFIED BY\s+['\"]([^'\"]+)['\"]", re.IGNORECASE
)
_SQL_VARIABLE = re.compile(r"SET PASSWORD FOR\s+['\"]?([\w-]+)['\"]?@.*?['\"]([^'\"]+)['\"]\)", re.IGNORECASE)


def _in_scripts(source: Source) -> Iterator[Login]:
    exported: dict[str, tuple[str, int]] = {}
    for number, text in enumerate(source.lines, 1):
        for pattern in (_SQL, _SQL_VARIABLE):
            for found in pattern.finditer(text):
                yield Login(source, number, "database", found[1], found[2])
        variable = re.match(r"\s*export\s+(OS_USERNAME|OS_PASSWORD)=[\"']?([^\"'\s]+)", text)
        if variable:
            exported[variable[1]] = (variable[2], number)
    if len(exported) == 2:
        secret, line = exported["OS_PASSWORD"]
        yield Login(source, line, "identity", exported["OS_USERNAME"][0], secret)
    if source.is_a("shell"):
        for command in commands(source):
            words = command.words
            if words[:2] == ("rabbitmqctl", "add_user") and len(words) > 3:
                yield Login(source, command.line, "queue", words[2], words[3])
            if words[:3] == ("openstack", "user", "create") and command.option("--password"):
                yield Login(source, command.line, "identity", words[-1], command.option("--password"))
            if words[:2] == ("keystone", "user-create") and command.option("--pass"):
                yield Login(
                    source, command.line, "identity", command.option("--name"), command.option("--pass")
                )
