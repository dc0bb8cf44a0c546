"""Guests as targets of probes: two servers on two computes, made as `haven verify` makes them, and kept for a drill.

One guest pings the other all the time and tells on its own page how often it did and how often it got an answer: what
happens between guests is counted where it happens, and read through the floating IP when the fault is over.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from stackhaven.drills.errors import DrillError
from stackhaven.drills.load.client import Client, ProbeFailed
from stackhaven.drills.load.loop import Probe
from stackhaven.lab.guest import build_guest
from stackhaven.lab.progress import Event, Phase
from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import Check, select
from stackhaven.observe.verify.contents import checks_of
from stackhaven.observe.verify.guest import told
from stackhaven.observe.verify.icmp import ping
from stackhaven.observe.verify.outcome import CheckResult, Verdict
from stackhaven.observe.verify.runner import run_checks
from stackhaven.observe.verify.sweep import sweep
from stackhaven.plan.mask import Masker
from stackhaven.services.base import Site

RUNNING = ("guest.dhcp", "floating.ping", "floating.http")
BOOTABLE = ("tenant.image", "tenant.flavor", "tenant.network")
"""Checks that make two guests, and those that make what one more server needs."""
BOOT_PERIOD_S = 15.0
BOOT_DEADLINE_S = 60.0
FIRST_BOOT_DEADLINE_S = 180.0
POLL_S = 1.0
CALL_S = 10.0
TIDY_S = 3.0
PING_S = 1.0
PAGE_S = 5.0
COUNT_TRIES = 10

_COUNTER = """\
(
sent=0 heard=0
while :; do
    sent=$((sent + 1))
    ping -c 1 -W 1 {peer} > /dev/null 2>&1 && heard=$((heard + 1))
    echo "sent $sent heard $heard" > /www/new.txt && mv /www/new.txt /www/pings.txt
    usleep 200000
done
) &
"""


def counting(peer: str) -> str:
    """User data of a guest that pings its peer for ever; base64, as Nova wants it."""
    return told(_COUNTER.format(peer=peer))


@dataclass(frozen=True, kw_only=True)
class Count:
    """What a guest has counted so far."""

    sent: int
    heard: int

    def lost_since(self, before: Count) -> int:
        """Packets lost after that; the one that is under way is not."""
        return max(0, (self.sent - before.sent) - (self.heard - before.heard))


def read_count(page: str) -> Count:
    """From a guest's page; ValueError when it tells none."""
    match = re.search(r"sent (\d+) heard (\d+)", page)
    if match is None:
        raise ValueError("the page tells no count")
    return Count(sent=int(match[1]), heard=int(match[2]))


class _Quiet:
    """Hears of the checks that make the guests, and says which one is under way."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def started(self, check: Check) -> None:
        if check.name in {"tenant.image", "tenant.servers", "guest.dhcp"}:
            self._tell(f"guests: {check.title}")

    def ended(self, result: CheckResult) -> None:
        if result.verdict is Verdict.FAILED:
            self._tell(f"guests: {result.title} failed: {result.sentence}")


class Guests:
    """Two guests, or with `running` false only what a server is made from.

    `make` and `remove` are called where clients stand; `prepare`, which may need the network of this host, before that.
    """

    def __init__(
        self, site: Site, masker: Masker, tell: Callable[[str], None], *, running: bool = True
    ) -> None:
        self._bench = Bench(site, build_guest, masker, told=counting)
        self._tell = tell
        self._running = running
        self._numbers = itertools.count(1)
        self._left: set[str] = set()
        """Names of servers that boots which are over are not known to have deleted."""

    def floating(self, away_from: Collection[str] = ()) -> str:
        """A floating IP, of a guest that is not on one of these machines if there is one."""
        made = self._bench.made
        other = next((guest for guest in made.guests if guest.node not in away_from), made.guests[0])
        return made.floating[other.name]

    def prepare(self) -> None:
        """Have the guest image on this host.

        Raises:
            HavenError: it is not there and cannot be built.

        """

        def tell(event: Event) -> None:
            if event.phase is Phase.STARTED:
                self._tell(f"guests: {event.what}")

        build_guest(tell)

    def make(self) -> None:
        """Have both running, with floating IPs that answer.

        Raises:
            DrillError: rule ``probe-unreachable``; what was made is removed.

        """
        results = run_checks(
            select(checks_of(self._bench), RUNNING if self._running else BOOTABLE),
            self._bench,
            _Quiet(self._tell),
        )
        failed = [f"{r.title}: {r.sentence}" for r in results if r.verdict is not Verdict.OK]
        if failed:
            self.remove()
            raise DrillError(
                f"the guests that probes need cannot be made: {failed[0]}",
                todo="haven verify says what is wrong",
                rule="probe-unreachable",
            )

    def remove(self) -> None:
        """Remove them and all that was made for them."""
        stuck = sweep(self._bench, name=self._bench.name)[1]
        if stuck:
            self._tell(f"guests not removed, haven verify tries again: {'; '.join(stuck[:3])}")

    def probes(self, away_from: Collection[str] = (), *, first_boot: bool = False) -> tuple[Probe, ...]:
        """Boots; with running guests also ping and page, by the floating IP of one that is not on these machines.

        `first_boot`: it matters when the first one succeeds after healing, and not how many do within a minute.
        """
        boots = Probe(
            name="boot",
            does="a server asked for, until it is ACTIVE",
            period_s=BOOT_PERIOD_S,
            deadline_s=FIRST_BOOT_DEADLINE_S if first_boot else BOOT_DEADLINE_S,
            attempt=self._boot,
            retries=False,
            after_healing="one" if first_boot else "none",
        )
        return (boots, *self._answers(self.floating(away_from))) if self._running else (boots,)

    async def _boot(self, client: Client, timeout_s: float) -> None:
        """Ask for a server, see it ACTIVE, delete it."""
        ends = asyncio.get_running_loop().time() + timeout_s
        token = await client.another_token(min(CALL_S, timeout_s), project=self._bench.name)
        await self._delete_left(client, token)
        name = f"{self._bench.name}-boot{next(self._numbers)}"
        deleted = False
        try:
            path, last = await self._until_active(client, token, name, ends)
            with suppress(ProbeFailed):
                await client.ask("DELETE", "compute", path, CALL_S, token=token)
                deleted = True
        finally:
            if not deleted:
                self._left.add(name)
        if last != "ACTIVE":
            raise ProbeFailed(f"not ACTIVE: {last}", "fail")

    async def _until_active(self, client: Client, token: str, name: str, ends: float) -> tuple[str, str]:
        """The path of a server of this name, and what was last heard of it: its state, or what went wrong."""
        loop, made = asyncio.get_running_loop(), self._bench.made
        server = {
            "name": name,
            "imageRef": made.image,
            "flavorRef": made.flavor,
            "networks": [{"uuid": made.network}],
        }
        reply = await client.ask(
            "POST", "compute", "/servers", ends - loop.time(), body={"server": server}, token=token
        )
        path = f"/servers/{reply.json()['server']['id']}"
        last = "not asked"
        while loop.time() < ends:
            try:
                left = min(CALL_S, ends - loop.time())
                answer = await client.ask("GET", "compute", path, left, token=token)
                last = str(answer.json()["server"]["status"])
            except ProbeFailed as failed:
                last = failed.kind
            if last in {"ACTIVE", "ERROR"}:
                break
            await asyncio.sleep(POLL_S)
        return path, last

    async def _delete_left(self, client: Client, token: str) -> None:
        """Delete servers of earlier boots, made though nobody was told so: each takes a processor under emulation."""
        if not self._left:
            return
        with suppress(ProbeFailed):
            path = f"/servers?name={self._bench.name}-boot"
            reply = await client.ask("GET", "compute", path, TIDY_S, token=token)
            for server in reply.json()["servers"]:
                if server["name"] in self._left:
                    await client.ask("DELETE", "compute", f"/servers/{server['id']}", TIDY_S, token=token)
                    self._left.discard(server["name"])

    def _answers(self, address: str) -> tuple[Probe, ...]:
        async def echo(_: Client, timeout_s: float) -> None:
            took = await asyncio.to_thread(ping, address, timeout_s=min(PING_S, timeout_s))
            if took is None:
                raise ProbeFailed("no answer in time", "fail")

        async def page(client: Client, timeout_s: float) -> None:
            await client.fetch(f"http://{address}/", timeout_s)

        return (
            Probe(
                name="ping",
                does="ping to a guest by its floating IP",
                period_s=0.1,
                deadline_s=PING_S,
                attempt=echo,
                retries=False,
            ),
            Probe(
                name="http",
                does="page of a guest by its floating IP",
                period_s=0.5,
                deadline_s=PAGE_S,
                attempt=page,
            ),
        )

    async def count(self, client: Client) -> Count | None:
        """What the first guest has counted; None when it cannot be asked, or there is none."""
        if not self._running:
            return None
        for _ in range(COUNT_TRIES):
            try:
                reply = await client.fetch(f"http://{self.floating()}/pings.txt", PAGE_S)
                return read_count(reply.body.decode("utf-8", "replace"))
            except (ProbeFailed, ValueError):
                await asyncio.sleep(1.0)
        return None
