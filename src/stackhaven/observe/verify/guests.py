"""Checks of running guests: what they say on their consoles, and what a client outside reaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from stackhaven.observe.api import ApiError, fetch
from stackhaven.observe.verify import icmp, websocket
from stackhaven.observe.verify.bench import Bench, Guest
from stackhaven.observe.verify.check import CheckFailedError, Deadline
from stackhaven.observe.verify.guest import Console, read_console
from stackhaven.services.common.ports import NOVNC

CONSOLE_LINES = 200
PING_S = 2.0
PAGE_S = 5.0


def console(bench: Bench, guest: Guest) -> Console:
    """What it has said so far."""
    answer = bench.tenant.compute.get_server_console_output(guest.id, length=CONSOLE_LINES)
    return read_console(answer.get("output") or "" if answer else "")


def console_log(bench: Bench, deadline: Deadline) -> str:
    """Nova hands out the first words of both."""
    _each(bench, deadline, lambda _, said: "yes" if said.booted else None)
    return "both have spoken"


def dhcp(bench: Bench, deadline: Deadline) -> str:
    """Each has the address that Neutron gave its port."""

    def check(guest: Guest, said: Console) -> str | None:
        if said.address and said.address != guest.address:
            raise CheckFailedError(f"{guest.name} has {said.address}, its port {guest.address}")
        return said.address or None

    return ", ".join(_each(bench, deadline, check))


def metadata(bench: Bench, deadline: Deadline) -> str:
    """169.254.169.254 tells each its own id (FS-21): the server's, and the number in Nova's own name of it."""

    def check(guest: Guest, said: Console) -> str | None:
        if said.metadata_failed:
            raise CheckFailedError(
                f"{guest.name} on {guest.node} got no metadata",
                todo=f"haven status; journalctl -u neutron-ovn-metadata-agent on {guest.node}",
            )
        if not said.uuid:
            return None
        if said.uuid != guest.id:
            raise CheckFailedError(f"{guest.name} was told it is {said.uuid}, it is {guest.id}")
        return said.instance_id

    return "; ".join(_each(bench, deadline, check)) + "; server ids match"


def ping(bench: Bench, deadline: Deadline) -> str:
    """Each pings the other."""
    return _meets(bench, deadline, "ping", lambda said: said.ping)


def http(bench: Bench, deadline: Deadline) -> str:
    """Each reads a page from the other: TCP, in both directions."""
    return _meets(bench, deadline, "HTTP", lambda said: said.http)


def _meets(bench: Bench, deadline: Deadline, what: str, outcome: Callable[[Console], str | None]) -> str:
    def check(guest: Guest, said: Console) -> str | None:
        word = outcome(said)
        if word == "failed":
            raise CheckFailedError(
                f"{guest.name} on {guest.node} does not reach the other guest by {what}",
                todo="haven status; then ovs-vsctl show and ovn-sbctl show on the computes",
            )
        return word

    _each(bench, deadline, check)
    first, second = bench.made.guests
    return f"{first.address} on {first.node} and {second.address} on {second.node}, both ways"


def _each(bench: Bench, deadline: Deadline, check: Callable[[Guest, Console], str | None]) -> list[str]:
    """One answer of each guest, read from its console until it gives one."""
    return [_ask(bench, deadline, guest, check) for guest in bench.made.guests]


def _ask(
    bench: Bench, deadline: Deadline, guest: Guest, check: Callable[[Guest, Console], str | None]
) -> str:
    seen = Console()

    def ask() -> str | None:
        nonlocal seen
        seen = console(bench, guest)
        return check(guest, seen)

    return deadline.poll(lambda: f"{guest.name} on {guest.node}: {seen.stage}", ask, every_s=3.0)


def floating_address(bench: Bench, _: Deadline) -> str:
    """Each guest gets a floating IP on its port."""
    for guest in bench.made.guests:
        made = bench.tenant.network.create_ip(floating_network_id=bench.made.external, port_id=guest.port)
        bench.made.floating[guest.name] = made.floating_ip_address
    return ", ".join(f"{ip} to {name}" for name, ip in bench.made.floating.items())


def floating_ping(bench: Bench, deadline: Deadline) -> str:
    """A client outside pings both."""
    said = []
    for address in bench.made.floating.values():
        took = deadline.poll(
            f"no answer to ping from {address}", partial(icmp.ping, address, timeout_s=PING_S)
        )
        said.append(f"{address} in {1000 * took:.0f} ms")
    return ", ".join(said)


def floating_http(bench: Bench, deadline: Deadline) -> str:
    """A client outside reads a page from both, each its own."""
    for guest in bench.made.guests:
        address = bench.made.floating[guest.name]
        page = deadline.poll(f"no page from http://{address}/", partial(_page, address))
        if guest.name not in page:
            raise CheckFailedError(f"http://{address}/ says {page!r}, which is not {guest.name}")
    return "both answer with their own page"


def _page(address: str) -> str | None:
    try:
        answer = fetch("GET", f"http://{address}/", timeout_s=PAGE_S)
    except ApiError:
        return None
    return answer.body.decode("utf-8", "replace").strip() if answer.status == 200 else None


def console_screen(bench: Bench, deadline: Deadline) -> str:
    """The noVNC console: its URL is on the VIP, its page loads, and the guest's screen greets through it."""
    guest = bench.made.guests[0]
    answer = bench.tenant.compute.create_console(guest.id, console_type="novnc")
    url = str((answer or {}).get("url", ""))
    host, port = urlsplit(url).hostname, urlsplit(url).port
    if host not in bench.vips or port != NOVNC:
        raise CheckFailedError(f"the console's URL is on {host}:{port}, not on a VIP")
    page = fetch("GET", url, timeout_s=PAGE_S * 2)
    if page.status != 200:
        raise CheckFailedError(f"the console's page answers {page.status}")
    greeting = websocket.first_bytes(url, timeout_s=min(30.0, deadline.left_s + 1))
    if not greeting.startswith(b"RFB "):
        raise CheckFailedError(f"the console greets with {greeting[:20]!r}, not as a screen does")
    return f"{greeting.decode('ascii', 'replace').strip()} through {host}:{port}"
