"""Address plans, tenant networks, VPNs and openings, as scripts and templates state them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from stackhaven.model.lint.parsers import Command, as_address, as_network, commands, options
from stackhaven.model.lint.rule import WARNING, Hit, between_files, in_file
from stackhaven.model.lint.sources import Source

_DOCKER = IPv4Network("172.17.0.0/16")
_DOCUMENTATION = (IPv4Network("192.0.2.0/24"), IPv4Network("198.51.100.0/24"), IPv4Network("203.0.113.0/24"))
FEW_VLANS = 100


def _subnets(source: Source) -> Iterator[tuple[Command, IPv4Network]]:
    for command in commands(source):
        if re.match(r"(neutron subnet-create|openstack subnet create)\b", command.text):
            told = command.option("--subnet-range") or next((w for w in command.words if "/" in w), "")
            network = as_network(told)
            if network:
                yield command, network


@in_file(
    "net-gateway-outside",
    kinds=("shell",),
    catches=("E-30",),
    title="A gateway outside its subnet",
    why="Guests cannot reach a router that is not in their network.",
)
def _gateway(source: Source) -> Iterator[Hit]:
    for command, network in _subnets(source):
        gateway = as_address(command.option("--gateway"))
        if gateway and gateway not in network:
            what = f"gateway {gateway} is not in {network}"
            yield Hit(
                source,
                command.line,
                what,
                f"write one of {network}, such as {network[min(1, network.num_addresses - 1)]}",
            )


@in_file(
    "net-pool-outside",
    kinds=("shell",),
    catches=("E-30",),
    title="An allocation pool outside its subnet",
    why="Neutron refuses it, or gives out addresses nobody routes.",
)
def _pool(source: Source) -> Iterator[Hit]:
    for command, network in _subnets(source):
        for found in re.finditer(r"start=([\d.]+),end=([\d.]+)", command.text):
            first, last = as_address(found[1]), as_address(found[2])
            if not first or not last:
                continue
            if first not in network or last not in network:
                yield Hit(
                    source, command.line, f"pool {first} to {last} is not in {network}", "write it inside"
                )
            elif first == last:
                yield Hit(source, command.line, f"the pool is one address, {first}", "write a range", WARNING)


_CIDR = re.compile(r"(?<![\d.])(\d+\.\d+\.\d+\.\d+/\d{1,2})(?!\d)")


@between_files(
    "net-overlap",
    kinds=("shell", "xcat"),
    catches=("E-30",),
    title="A tenant's network lies in a network of the hosts",
    why="Guests cannot tell a host of that range from a neighbour, and routes to one of the two are lost.",
)
def _overlap(sources: Sequence[Source]) -> Iterator[Hit]:
    hosts: dict[IPv4Network, str] = {}
    for source in sources:
        for line in source.lines:
            for text in _CIDR.findall(line):
                network = as_network(text)
                if network and re.search(r"(?i)management|admin|storage", line) and network.prefixlen < 30:
                    hosts.setdefault(network, source.file)
    for source in sources:
        for command, network in _subnets(source):
            for host_network, where in hosts.items():
                if network != host_network and network.overlaps(host_network):
                    what = f"{network} lies in {host_network}, a network of the hosts ({where})"
                    yield Hit(source, command.line, what, "take another range for tenants")


@in_file(
    "net-public-range",
    kinds=("hosts", "xcat", "dhcp"),
    catches=("E-30",),
    title="Other people's addresses inside",
    why="An internal network of public addresses hides the part of the Internet that owns them.",
    severity=WARNING,
)
def _public(source: Source) -> Iterator[Hit]:
    seen: set[IPv4Network] = set()
    for number, line in enumerate(source.lines, 1):
        found = re.match(r"\s*(\d+\.\d+\.\d+\.\d+)\s+[A-Za-z]", line) or re.search(
            r"\bip=(\d+\.\d+\.\d+\.\d+)", line
        )
        address = as_address(found[1]) if found else None
        network = as_network(f"{address}/16") if address else None
        if not address or not network or network in seen:
            continue
        if address.is_global and not any(address in n for n in _DOCUMENTATION):
            seen.add(network)
            what = f"{address} is a public address of someone else"
            yield Hit(source, number, what, "use 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
        elif address in _DOCKER:
            seen.add(network)
            what = f"{address} is in 172.17.0.0/16, which Docker takes on every host it runs on"
            yield Hit(source, number, what, "take another range, or set Docker's bip")


def _ranges(source: Source) -> Iterator[tuple[IPv4Address, IPv4Address, int]]:
    pattern = re.compile(r"(?:dhcp-range=|range\s+|dynamicrange=\"?)(?:[\w:]+,)?([\d.]+)[\s,-]+([\d.]+)")
    for number, line in enumerate(source.lines, 1):
        for found in pattern.finditer(line):
            first, last = as_address(found[1]), as_address(found[2])
            if first and last:
                yield first, last, number


@between_files(
    "dhcp-range-static",
    kinds=("dhcp", "hosts", "xcat", "shell"),
    catches=("E-31",),
    title="Static addresses inside the dynamic range",
    why="The server gives a static host's address to the next one that asks: two machines with one address.",
)
def _dhcp(sources: Sequence[Source]) -> Iterator[Hit]:
    static: dict[IPv4Address, str] = {}
    for source in sources:
        for line in source.lines:
            found = re.match(r"\s*(\d+\.\d+\.\d+\.\d+)\s+([A-Za-z][\w.-]*)", line)
            address = as_address(found[1]) if found else None
            if found and address and not address.is_loopback:
                static.setdefault(address, found[2])
    for source in sources:
        for first, last, number in _ranges(source):
            inside = [f"{name} {a}" for a, name in sorted(static.items()) if first <= a <= last]
            if inside:
                more = f" and {len(inside) - 3} more" if len(inside) > 3 else ""
                what = f"the dynamic range {first} to {last} contains {', '.join(inside[:3])}{more}"
                yield Hit(source, number, what, "let the range begin behind the static addresses")


@in_file(
    "lease-twice",
    kinds=("dhcp", "shell"),
    catches=("E-31",),
    title="One machine has two leases",
    why="Installer and operating system asked with different client ids; DNS and inventory follow one of the two.",
    severity=WARNING,
)
def _lease(source: Source) -> Iterator[Hit]:
    seen: dict[str, str] = {}
    for number, line in enumerate(source.lines, 1):
        found = re.search(r"DHCPACK on ([\d.]+) to ([0-9a-f]{2}(?::[0-9a-f]{2}){5})", line)
        if found and seen.setdefault(found[2], found[1]) != found[1]:
            what = f"{found[2]} has {seen[found[2]]} and {found[1]}"
            yield Hit(
                source,
                number,
                what,
                "reserve one address by MAC, and let installer and system send the same id",
            )


@in_file(
    "vlan-too-few",
    kinds=("oslo",),
    catches=("E-32",),
    title="Few tenant VLANs",
    why="One VLAN is one tenant network; the range is soon used up, and changing it touches every switch.",
    severity=WARNING,
)
def _vlans(source: Source) -> Iterator[Hit]:
    for option in options(source):
        found = re.fullmatch(r"\w+:(\d{1,4}):(\d{1,4})", option.value)
        if option.name != "network_vlan_ranges" or not found:
            continue
        count = int(found[2]) - int(found[1]) + 1
        if 0 < count < FEW_VLANS:
            what = f"{option.value} allows {count} tenant networks in all"
            yield Hit(source, option.line, what, "use geneve for tenants, VLANs for provider networks")


_VPN = r"(neutron|openstack) (vpn-\w+-create|ipsec-site-connection-create|vpn [\w ]+ create)"


@between_files(
    "vpn-ends-differ",
    kinds=("shell",),
    catches=("E-28",),
    title="The two ends of a tunnel differ",
    why="Both ends must propose the same lifetime and ciphers and name each other's address, or the tunnel stays down.",
)
def _vpn(sources: Sequence[Source]) -> Iterator[Hit]:
    lifetimes: dict[str, tuple[str, str, int]] = {}
    for source in sources:
        for command in commands(source):
            if not re.match(_VPN, command.text):
                continue
            kind = "ike" if "ike" in command.text.split(" --")[0] else "ipsec"
            told = re.search(r"--lifetime\s+(?:units=seconds,)?(?:value=)?(\d+)", command.text)
            if told:
                value, where, line = lifetimes.setdefault(kind, (told[1], source.file, command.line))
                if value != told[1]:
                    what = f"{kind} lifetime is {told[1]} here and {value} in {where}:{line}"
                    yield Hit(source, command.line, what, "write the same on both ends")
            peer = command.option("--peer-address")
            if "/" in peer:
                what = f"--peer-address {peer} is a network"
                yield Hit(
                    source,
                    command.line,
                    what,
                    "write the other router's outside address; the network is --peer-cidr",
                )


@in_file(
    "sg-open-database",
    kinds=("shell",),
    catches=("E-29", "E-45"),
    title="A database is open to the world",
    why="Only the application servers call it. Everyone else who does is a guest nobody invited.",
)
def _open_database(source: Source) -> Iterator[Hit]:
    ports = {"3306": "MySQL", "5432": "PostgreSQL", "27017": "MongoDB", "6379": "Redis", "11211": "memcached"}
    for command in commands(source):
        if not re.search(
            r"secgroup-add-rule|security-group-rule-create|security group rule create", command.text
        ):
            continue
        wide = "0.0.0.0/0" in command.text or not re.search(r"--remote|--src-ip|/\d", command.text)
        opened = next((name for port, name in ports.items() if re.search(rf"\b{port}\b", command.text)), "")
        if wide and opened:
            what = f"{opened} is open to every address"
            yield Hit(source, command.line, what, "write the group of the application servers as remote")
        elif wide and re.search(r"\b1(?::|\s+)65535\b", command.text):
            yield Hit(
                source, command.line, "every port is open to every address", "open the ports that are served"
            )
