"""Relations between files: a client's port has a listener, one account has one secret, one host one address."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from stackhaven.model.lint.claims import calls, listeners, logins, virtual_addresses
from stackhaven.model.lint.parsers import addresses_in, as_address, commands, options
from stackhaven.model.lint.rule import WARNING, Hit, between_files
from stackhaven.model.lint.sources import Source


@between_files(
    "port-no-listener",
    catches=("E-07", "E-16"),
    title="A client calls a port of the VIP where nobody listens",
    why="The service starts, and every call fails; the typo is in one file and the symptom in another.",
)
def _no_listener(sources: Sequence[Source]) -> Iterator[Hit]:
    bound: dict[str, set[int]] = defaultdict(set)
    for claim in listeners([s for s in sources if s.is_a("haproxy")]):
        bound[claim.host].add(claim.port)
    everywhere = bound.pop("*", set())
    vips = set(virtual_addresses(sources)) if bound or everywhere else set()
    for call in calls(sources):
        open_ports = bound.get(call.host, set()) | everywhere
        if call.host in vips and open_ports and call.port not in open_ports:
            listening = ", ".join(map(str, sorted(p for p in open_ports if p)))
            what = f"{call.what} calls {call.host}:{call.port}, where the balancer does not listen"
            yield Hit(call.source, call.line, what, f"the balancer listens there on {listening}")


@between_files(
    "port-taken-twice",
    catches=("E-40", "E-14"),
    title="Two programs want one port of one machine",
    why="The second does not start; whether it is the second depends on the order of the boot.",
)
def _taken_twice(sources: Sequence[Source]) -> Iterator[Hit]:
    first: dict[int, tuple[str, str]] = {}
    for claim in listeners([s for s in sources if not s.is_a("haproxy")]):
        if not claim.port:
            continue
        taken = first.get(claim.port)
        if taken and taken[0] != claim.what:
            what = f"{claim.what} and {taken[0]} ({taken[1]}) both listen on port {claim.port}"
            yield Hit(claim.source, claim.line, what, "put them on different machines, or change one port")
        first.setdefault(claim.port, (claim.what, claim.source.file))


@between_files(
    "secret-differs",
    catches=("E-05", "E-10", "E-37", "E-38", "E-49"),
    title="One account, two secrets",
    why="The secret that is set and the one that is used must be equal; otherwise a member never joins or a "
    "service never logs in. Only that they differ is shown, never what they are.",
)
def _secret(sources: Sequence[Source]) -> Iterator[Hit]:
    first: dict[tuple[str, str], tuple[str, str, int]] = {}
    for login in logins(sources):
        key = (login.realm, login.user)
        known = first.get(key)
        if known and known[0] != login.secret:
            what = f"{login.realm} account {login.user} has another secret here than in {known[1]}:{known[2]}"
            yield Hit(login.source, login.line, what, "write the same secret in both places")
        first.setdefault(key, (login.secret, login.source.file, login.line))


@between_files(
    "address-two-values",
    catches=("E-02", "E-06"),
    title="One host, two addresses in one network",
    why="One of the two is a typing error; copies and rings that go to it reach nobody, or somebody else.",
)
def _two_addresses(sources: Sequence[Source]) -> Iterator[Hit]:
    first: dict[tuple[str, str], tuple[str, str, int]] = {}
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            found = re.match(r"^\s*(\d+\.\d+\.\d+\.\d+)\s+([\w][\w .-]*)$", line.split("#")[0])
            address = as_address(found[1]) if found else None
            if not found or not address or address.is_loopback:
                continue
            network = found[1].rsplit(".", 1)[0]
            for name in found[2].split():
                known = first.setdefault((name, network), (found[1], source.file, number))
                if known[0] != found[1]:
                    what = f"{name} is {found[1]} here and {known[0]} in {known[1]}:{known[2]}"
                    yield Hit(source, number, what, "find out which it is; write it once")


@between_files(
    "address-unknown",
    kinds=("shell", "ring", "hosts"),
    catches=("E-02", "E-39"),
    title="A copy goes to an address nobody has",
    why="Rings, keys and certificates must reach every member; the one that is missed differs from then on.",
)
def _unknown_address(sources: Sequence[Source]) -> Iterator[Hit]:
    members = {
        str(a) for s in sources if s.is_a("ring", "hosts") for line in s.lines for a in addresses_in(line)
    }
    if not members:
        return
    networks = {m.rsplit(".", 1)[0] for m in members}
    for source in sources:
        for command in commands(source):
            if command.words[0] not in {"scp", "rsync"}:
                continue
            for address in map(str, addresses_in(command.text)):
                if address.rsplit(".", 1)[0] in networks and address not in members:
                    what = f"{command.words[0]} copies to {address}, which is no member"
                    near = ", ".join(
                        sorted(m for m in members if m.rsplit(".", 1)[0] == address.rsplit(".", 1)[0])
                    )
                    yield Hit(source, command.line, what, f"members are {near}")


_VIP_OPTION = re.compile(r"\bvip[\"']?\s*[:=]\s*[\"']?(\d+\.\d+\.\d+\.\d+)")
_ENDPOINT = re.compile(r"https?://(\d+\.\d+\.\d+\.\d+)(?::\d+)?[/\w%$().-]*")


@between_files(
    "endpoint-not-vip",
    kinds=("shell", "json", "haproxy", "keepalived", "juju", "rc"),
    catches=("E-48",),
    title="An endpoint on one machine's own address",
    why="The catalogue is part of high availability: a client that is sent to one machine fails with it.",
)
def _endpoint(sources: Sequence[Source]) -> Iterator[Hit]:
    vips = set(virtual_addresses(sources))
    for source in sources:
        vips |= {
            a
            for line in source.lines
            for a in re.findall(r"\bvip[\"']?\s*[:=]\s*[\"']?(\d+\.\d+\.\d+\.\d+)", line)
        }
    if not vips:
        return
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if not re.search(r"endpoint|publicurl|internalurl|adminurl|\"url\"", line, re.IGNORECASE):
                continue
            for found in _ENDPOINT.finditer(line):
                if found[1] not in vips:
                    what = f"an endpoint is on {found[1]}, which is no virtual address"
                    yield Hit(source, number, what, f"write one of: {', '.join(sorted(vips))}")


@between_files(
    "auth-url-not-identity",
    catches=("E-49",),
    title="OS_AUTH_URL names another service's address",
    why="With one VIP per service the identity VIP is the only one where Keystone answers.",
)
def _auth_url(sources: Sequence[Source]) -> Iterator[Hit]:
    owners: dict[str, str] = {}
    for source in sources:
        for line in source.lines:
            found = re.search(r"(?:juju set|vip[_-]|create vip-)\s*(\w[\w-]*).*?(\d+\.\d+\.\d+\.\d+)", line)
            if found:
                owners.setdefault(found[2], found[1])
    identity = {a for a, who in owners.items() if "keystone" in who or "identity" in who}
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            told = re.search(r"OS_?AUTH_?URL=[\"']?https?://(\d+\.\d+\.\d+\.\d+)", line)
            if told and identity and told[1] in owners and told[1] not in identity:
                what = f"OS_AUTH_URL names {told[1]}, the address of {owners[told[1]]}"
                yield Hit(source, number, what, f"write {min(identity)}")


@between_files(
    "copy-missing-member",
    kinds=("shell",),
    catches=("E-10",),
    title="A secret is copied to one member only",
    why="Keys and tokens must be equal on all members; the one that is left out answers differently.",
    severity=WARNING,
)
def _copied(sources: Sequence[Source]) -> Iterator[Hit]:
    targets: dict[str, dict[str, tuple[Source, int]]] = defaultdict(dict)
    hosts: set[str] = set()
    for source in sources:
        for command in commands(source):
            if command.words[0] not in {"scp", "rsync"} or len(command.words) < 3:
                continue
            host, colon, _ = command.words[-1].rpartition("@")[2].partition(":")
            if colon and host:
                hosts.add(host)
                targets[command.words[-2]][host] = (source, command.line)
    for what_file, reached in targets.items():
        missed = sorted(hosts - set(reached))
        if re.search(r"token|key|cookie|authkey|ssl|\.crt|\.ring|password", what_file) and missed:
            source, line = next(iter(reached.values()))
            yield Hit(
                source,
                line,
                f"{what_file} is copied to {', '.join(sorted(reached))}, not to {', '.join(missed)}",
                "copy it to every member",
            )


@between_files(
    "memcached-bind",
    kinds=("memcached", "keepalived", "haproxy", "shell"),
    catches=("E-04", "E-45"),
    title="memcached listens on the wrong address",
    why="It has no login: on every address it is open to all; on the VIP it runs on one node at a time. It belongs on "
    "the node's own management address.",
)
def _memcached(sources: Sequence[Source]) -> Iterator[Hit]:
    vips = set(virtual_addresses(sources))
    for source in sources:
        if not source.is_a("memcached"):
            continue
        bound = False
        for number, line in enumerate(source.lines, 1):
            found = re.search(r"(?:^|[\s\"'])-l[ =]?(\d+\.\d+\.\d+\.\d+)", line)
            if not found or line.lstrip().startswith("#"):
                continue
            bound = True
            if found[1] == "0.0.0.0" or found[1] in vips:
                where = "every address" if found[1] == "0.0.0.0" else f"the virtual address {found[1]}"
                yield Hit(
                    source, number, f"memcached listens on {where}", "write -l and the node's own address"
                )
        if not bound:
            yield Hit(
                source,
                0,
                "memcached is not told where to listen: every address",
                "write -l and the node's own",
            )


@between_files(
    "members-differ",
    kinds=("oslo",),
    catches=("E-10", "E-37"),
    title="The same file says different things on different members",
    why="Behind one VIP every member must answer alike; lists and regions that differ make every second call fail.",
)
def _members(sources: Sequence[Source]) -> Iterator[Hit]:
    alike = {
        "transport_url",
        "connection",
        "memcached_servers",
        "memcache_servers",
        "region_name",
        "auth_url",
    }
    first: dict[tuple[str, str, str], tuple[str, str]] = {}
    for source in sources:
        for option in options(source):
            if option.name not in alike:
                continue
            key = (source.base, option.section, option.name)
            value, where = first.setdefault(key, (option.value, source.file))
            if value != option.value and where != source.file:
                what = f"[{option.section}] {option.name} differs from {where}"
                yield Hit(source, option.line, what, "write the same on every member")
