"""HAProxy and keepalived: health that means usable, one writer, and an address that really moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from stackhaven.model.lint.parsers import (
    Block,
    Proxy,
    as_address,
    as_interface,
    blocks,
    mode_of,
    proxies,
)
from stackhaven.model.lint.rule import WARNING, Hit, between_files, in_file
from stackhaven.model.lint.sources import Source

_HAPROXY = ("haproxy",)
_KEEPALIVED = ("keepalived",)
_USUAL = {
    "mysql": 3306,
    "galera": 3306,
    "keystone_public": 5000,
    "keystone": 5000,
    "glance_api": 9292,
    "nova_osapi": 8774,
    "nova_metadata": 8775,
    "placement": 8778,
    "neutron": 9696,
    "cinder": 8776,
    "memcached": 11211,
    "rabbit": 5672,
}


def _is_database(proxy: Proxy) -> bool:
    named = any(word in proxy.name.lower() for word in ("mysql", "galera", "maria", "db"))
    return bool(proxy.servers) and (named or any(s.port == 3306 for s in proxy.servers))


@in_file(
    "galera-many-writers",
    kinds=_HAPROXY,
    catches=("E-11",),
    title="Writes are spread over several Galera members",
    why="Two members that change the same row at once: one loses its transaction with a deadlock error that most "
    "services do not retry. One writer and standby members avoid it.",
)
def _many_writers(source: Source) -> Iterator[Hit]:
    for proxy in proxies(source):
        writers = [s for s in proxy.servers if "backup" not in s.words]
        if _is_database(proxy) and len(writers) > 1 and not proxy.first("stick", "on"):
            yield Hit(
                source,
                writers[1].line,
                f"{proxy.name} sends writes to {len(writers)} database members at once",
                "write `backup` behind all servers but the first (and `stick on dst` with a stick-table)",
            )


@in_file(
    "galera-tcp-check",
    kinds=_HAPROXY,
    catches=("E-13",),
    title="The database is judged by its open port only",
    why="A member that is joining, or a donor, or outside the primary component, accepts connections and answers "
    "with errors. Only a check that asks wsrep_local_state tells usable from open.",
)
def _tcp_check(source: Source) -> Iterator[Hit]:
    for proxy in proxies(source):
        asks = proxy.first("option", "httpchk") or proxy.first("option", "external-check")
        if _is_database(proxy) and not asks:
            yield Hit(
                source,
                proxy.line,
                f"{proxy.name} checks its database members by TCP only: one that is not synced still gets work",
                "write `option httpchk` and `check port 9200` (a clustercheck answers 200 only when synced)",
            )


@in_file(
    "haproxy-unchecked",
    kinds=_HAPROXY,
    catches=("E-13",),
    title="A server is never checked",
    why="Without `check` a dead server keeps its share of requests.",
)
def _unchecked(source: Source) -> Iterator[Hit]:
    for proxy in proxies(source):
        for server in proxy.servers:
            if "check" not in server.words and "track" not in server.words:
                yield Hit(
                    source,
                    server.line,
                    f"server {server.name} of {proxy.name} is never checked",
                    "write `check inter 2s fall 2 rise 2` behind it",
                )


@in_file(
    "haproxy-bind-clash",
    kinds=_HAPROXY,
    catches=("E-14",),
    title="Two sections bind the same port",
    why="A bind on every address takes the port of a VIP too; which of the two answers is chance, or HAProxy "
    "does not start.",
)
def _bind_clash(source: Source) -> Iterator[Hit]:
    binds = [(p, b) for p in proxies(source) for b in p.binds if b[1]]
    for (one, first), (two, second) in combinations(binds[:2000], 2):
        same_host = first[0] == second[0] or "*" in {first[0], second[0]}
        if first[1] == second[1] and same_host:
            yield Hit(
                source,
                second[2],
                f"{two.name} binds port {second[1]}, which {one.name} binds too (line {first[2]})",
                "give one of them another port or another address",
            )


@in_file(
    "haproxy-stats-open",
    kinds=_HAPROXY,
    catches=("E-14", "E-45"),
    title="The statistics page can change the balancer",
    why="With `stats admin if TRUE` anyone who reaches the page can take servers out; a password in the file is "
    "known to all who read it.",
)
def _stats_open(source: Source) -> Iterator[Hit]:
    for proxy in proxies(source):
        for words, line in proxy.directives:
            if words[:2] == ("stats", "admin"):
                what = f"{proxy.name or proxy.kind} lets the statistics page change the balancer"
                yield Hit(source, line, what, "remove `stats admin`; use the admin socket, mode 600")
            elif words[:2] == ("stats", "auth"):
                what = f"{proxy.name or proxy.kind} has the statistics page's password in the file"
                yield Hit(source, line, what, "bind the page to 127.0.0.1, or use a `userlist` with a hash")


@in_file(
    "haproxy-cookie-void",
    kinds=_HAPROXY,
    catches=("E-15",),
    title="Cookie persistence without effect",
    why="A `cookie` behind a server does nothing in TCP mode or without a `cookie` directive in the section: "
    "sessions jump between servers and log users out.",
)
def _cookie_void(source: Source) -> Iterator[Hit]:
    everything = proxies(source)
    for proxy in everything:
        server = next((s for s in proxy.servers if "cookie" in s.words), None)
        if server is None:
            continue
        if mode_of(proxy, everything) != "http":
            what = f"{proxy.name} gives server {server.name} a cookie, but its mode is tcp"
            yield Hit(source, server.line, what, "write `mode http`")
        if not proxy.first("cookie"):
            what = f"{proxy.name} gives server {server.name} a cookie, but has no `cookie` directive"
            yield Hit(source, server.line, what, "write `cookie SERVERID insert indirect nocache`")


@in_file(
    "port-not-usual",
    kinds=_HAPROXY,
    catches=("E-16", "E-07"),
    title="A listener is not on its protocol's port",
    why="Clients that are not told otherwise use the usual port; a transposed digit makes a service nobody reaches.",
    severity=WARNING,
)
def _not_usual(source: Source) -> Iterator[Hit]:
    for proxy in proxies(source):
        name = proxy.name.lower().replace("-", "_")
        for word in sorted(_USUAL, key=len, reverse=True):
            if word in name and "admin" not in name:
                for _, port, line in proxy.binds:
                    if port and port != _USUAL[word]:
                        what = f"{proxy.name} listens on {port}; clients of {word} use {_USUAL[word]}"
                        yield Hit(source, line, what, f"write {_USUAL[word]}, or tell every client {port}")
                break


@in_file(
    "vip-all-eggs",
    kinds=_HAPROXY,
    catches=("E-18",),
    title="One virtual address carries everything",
    why="Database, queue, cache and dashboard behind one address and one pair fail over together. That may be "
    "meant; it should be known.",
    severity=WARNING,
)
def _all_eggs(source: Source) -> Iterator[Hit]:
    by_host: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for proxy in proxies(source):
        for host, port, line in proxy.binds:
            if as_address(host) and port in {3306, 5672, 5670, 11211, 80, 443}:
                by_host.setdefault(host, []).append(proxy.name)
                lines.setdefault(host, line)
    for host, names in by_host.items():
        if len(set(names)) >= 3:
            what = f"{host} carries {', '.join(dict.fromkeys(names))}: they fail over together"
            yield Hit(source, lines[host], what, "give queue and cache clients the member list instead")


@in_file(
    "cache-balanced",
    kinds=_HAPROXY,
    catches=("E-04",),
    title="memcached behind a balancer",
    why="Members do not share their contents: a value written to one is missing on the next request.",
)
def _cache_balanced(source: Source) -> Iterator[Hit]:
    for proxy in proxies(source):
        servers = [s for s in proxy.servers if s.port == 11211 and "backup" not in s.words]
        if len(servers) > 1:
            what = f"{proxy.name} balances {len(servers)} memcached members, which do not share contents"
            yield Hit(source, proxy.line, what, "give clients the list: memcache_servers = a:11211,b:11211")


def _instances(source: Source) -> list[Block]:
    return blocks(source).inside("vrrp_instance")


def _name(block: Block) -> str:
    return block.words[1] if len(block.words) > 1 else "without a name"


@in_file(
    "keepalived-untracked",
    kinds=_KEEPALIVED,
    catches=("E-17",),
    title="The address stays when the balancer dies",
    why="VRRP notices a dead machine, not a dead haproxy. Without a tracked script the VIP stays where nobody answers.",
)
def _untracked(source: Source) -> Iterator[Hit]:
    for block in _instances(source):
        tracked = any(b.entries for b in block.inside("track_script") + block.inside("track_process"))
        if not tracked:
            what = f"instance {_name(block)} tracks no script: the death of haproxy never moves the VIP"
            todo = "write `vrrp_script alive {...}` and `track_script { alive }`"
            yield Hit(source, block.line, what, todo)


@between_files(
    "keepalived-two-masters",
    kinds=_KEEPALIVED,
    catches=("E-17",),
    title="Two nodes both begin as master",
    why="Each takes the address at start and after every return: two holders until one gives way, and sessions cut.",
)
def _two_masters(sources: Sequence[Source]) -> Iterator[Hit]:
    first: dict[str, Source] = {}
    for source in sources:
        for block in _instances(source):
            if block.value("state") != "MASTER":
                continue
            key = block.value("virtual_router_id")
            if key in first and first[key] is not source:
                what = f"router id {key} begins as MASTER here and in {first[key].file}"
                yield Hit(
                    source, block.line_of("state"), what, "write `state BACKUP` and `nopreempt` on both"
                )
            first.setdefault(key, source)


@in_file(
    "keepalived-open",
    kinds=_KEEPALIVED,
    catches=("E-17",),
    title="Anyone in the network can take the address",
    why="Multicast VRRP without unicast peers: another machine with the same router id joins the election.",
    severity=WARNING,
)
def _open(source: Source) -> Iterator[Hit]:
    for block in _instances(source):
        if not block.inside("unicast_peer") and not block.inside("authentication"):
            what = f"instance {_name(block)} has neither unicast peers nor authentication"
            yield Hit(source, block.line, what, "write `unicast_peer { the other members }`")


@in_file(
    "vip-outside-network",
    kinds=_KEEPALIVED,
    catches=("E-01",),
    title="The virtual address is not in a network of its holders",
    why="A holder without a leg in the VIP's network can put the address up, and nobody can reach it.",
)
def _vip_outside(source: Source) -> Iterator[Hit]:
    for block in _instances(source):
        own = as_address(block.value("unicast_src_ip") or block.value("mcast_src_ip"))
        for part in block.inside("virtual_ipaddress"):
            for words, line in part.entries:
                vip = as_interface(words[0])
                if not own or not vip:
                    continue
                network = vip.network if vip.network.prefixlen < 32 else None
                outside = (
                    own not in network if network else str(own).split(".")[:2] != str(vip.ip).split(".")[:2]
                )
                if outside:
                    what = f"VIP {words[0]} is in another network than this node's {own}"
                    todo = f"take a free address of the network of {own}, or attach the holders to the VIP's"
                    yield Hit(source, line, what, todo)


@between_files(
    "vrrp-priority-equal",
    kinds=_KEEPALIVED,
    catches=("E-17",),
    title="Two nodes with one priority",
    why="The highest address wins: the holder is decided by accident.",
    severity=WARNING,
)
def _equal(sources: Sequence[Source]) -> Iterator[Hit]:
    seen: dict[tuple[str, str], Source] = {}
    for source in sources:
        for block in _instances(source):
            key = (block.value("virtual_router_id"), block.value("priority"))
            if all(key) and key in seen and seen[key] is not source:
                what = f"priority {key[1]} of router id {key[0]} is that of {seen[key].file} too"
                yield Hit(source, block.line_of("priority"), what, "give each node a priority of its own")
            seen.setdefault(key, source)


@in_file(
    "timers-inconsistent",
    kinds=_KEEPALIVED,
    catches=("E-17",),
    title="The script is slower than the election",
    why="A check that runs less often than several advertisements hides a dead balancer longer than a dead machine.",
    severity=WARNING,
)
def _timers(source: Source) -> Iterator[Hit]:
    top = blocks(source)
    adverts = [float(b.value("advert_int")) for b in _instances(source) if _number(b.value("advert_int"))]
    for script in top.inside("vrrp_script"):
        interval = script.value("interval")
        if adverts and _number(interval) and float(interval) > 10 * min(adverts):
            what = f"the script runs every {interval} s, advertisements every {min(adverts):g} s"
            yield Hit(source, script.line_of("interval"), what, "let the script run about as often")


def _number(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit() and len(text) < 9
