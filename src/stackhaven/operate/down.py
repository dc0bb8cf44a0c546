"""Stopping a whole cloud so that its next start needs no recovery: clients first, what all stand on last.

The nodes themselves stay up; `haven lab down` takes their power. Guests are shut down through Nova first, when asked:
a guest whose switch is taken away is not stopped, it is cut off.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from stackhaven.design.layout import Layout
from stackhaven.engine.journal import Journal, journal_path
from stackhaven.engine.link import LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.result import RunResult
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.screen import View
from stackhaven.engine.stop import Stop, stop_on_signals
from stackhaven.errors import HavenError
from stackhaven.observe.api import Api, ApiError, sign_in
from stackhaven.operate.client_side import as_client
from stackhaven.operate.session import Session
from stackhaven.plan import Resource, Step, Unit, everywhere
from stackhaven.plan.plan import Plan
from stackhaven.services.base import Daemon, Declaration
from stackhaven.services.common.ports import KEYSTONE

Guests = Literal["refuse", "stop", "leave"]

ANSWER_S = 30.0
HELLO_S = 15.0
GUEST_STOP_S = 180.0
POLL_S = 2.0
MARGIN_S = 15.0


@dataclass(frozen=True)
class Stopped:
    """How a stop ended.

    `left_out`: nodes that did not answer, with why; nothing was done there. `note`: why guests were not looked at.
    """

    result: RunResult
    left_out: tuple[tuple[str, str], ...]
    note: str = ""


def stop_steps(declared: Sequence[Declaration], layout: Layout, nodes: Collection[str]) -> tuple[Step, ...]:
    """The stop of a cloud on these nodes, as a plan: one step per service and stop order. Pure.

    Everything of one stop order is stopped on all nodes before anything of the next. Members of a service that is
    stopped one by one leave in the order of the layout.
    """
    entries = sorted(
        ((daemon.stop_order, at, d) for at, d in enumerate(declared) for daemon in d.daemons),
        key=lambda entry: entry[:2],
    )
    steps: list[Step] = []
    before: tuple[str, ...] = ()
    for order, same_order in groupby(entries, key=lambda entry: entry[0]):
        titles = {d.name: d for _, _, d in same_order}
        group = [_stop_step(d, order, layout, nodes, before) for d in titles.values()]
        group = [step for step in group if step.nodes]
        if group:
            before = tuple(step.name for step in group)
            steps += group
    return tuple(steps)


def _stop_step(
    declaration: Declaration, order: int, layout: Layout, nodes: Collection[str], before: tuple[str, ...]
) -> Step:
    units: dict[str, list[Daemon]] = defaultdict(list)
    for daemon in declaration.daemons:
        if daemon.stop_order == order:
            for node in daemon.nodes:
                units[node].append(daemon)

    def resources(node: str) -> tuple[Resource, ...]:
        return tuple(
            Unit(name=d.unit, active=False, enabled=None, timeout_s=d.stop_timeout_s + MARGIN_S)
            for d in units[node]
        )

    return Step(
        name=f"down.{declaration.name}.{order}",
        title=f"{declaration.title}: stop",
        nodes=tuple(n.name for n in layout.nodes if n.name in units and n.name in nodes),
        resources=resources,
        needs=tuple(everywhere(name) for name in before),
        serial=any(d.one_by_one for group in units.values() for d in group),
    )


def stop_cloud(session: Session, view: View, *, guests: Guests = "refuse") -> Stopped:
    """Stop everything that the services declare. Safe to interrupt and to call again: it goes on.

    Args:
        session: the cloud.
        view: shows the run.
        guests: what to do when guests run: refuse, stop them through Nova, or leave them to their fate.

    Raises:
        HavenError: guests run (rule ``guests-running``) or would not stop (``guests-stop``), no node answers
            (``all-unreachable``), another run holds this cloud (``busy``).

    """
    with session.state.lock("haven down"):
        note = ""
        if guests != "leave":
            note = as_client(session.cloud, lambda: settle_guests(session, stop=guests == "stop")).result()
        return replace(asyncio.run(_stop(session, view)), note=note)


async def _stop(session: Session, view: View) -> Stopped:
    limits = Limits()
    pool = Pool(session.targets, limits)
    with (
        Journal(journal_path(session.state.runs, "down"), session.masker) as journal,
        view.shown(journal),
        stop_on_signals(Stop()) as stop,
    ):
        try:
            reasons = await _unreachable(pool, tuple(n.name for n in session.layout.nodes))
            there = [n.name for n in session.layout.nodes if n.name not in reasons]
            if not there:
                raise HavenError(
                    "no node answers: " + "; ".join(reasons.values()),
                    todo="if the machines are off, the cloud is stopped already",
                    rule="all-unreachable",
                )
            plan = Plan.of(stop_steps(session.site.declared, session.layout, there))
            result = await run(
                plan,
                pool,
                mode=Mode.APPLY,
                journal=journal,
                masker=session.masker,
                stop=stop,
                limits=limits,
            )
        finally:
            await pool.close()
    return Stopped(result, tuple(reasons.items()))


async def _unreachable(pool: Pool, nodes: Sequence[str]) -> dict[str, str]:
    """Why, by node, for those that do not answer in time."""

    async def reason(node: str) -> str:
        try:
            async with asyncio.timeout(HELLO_S), pool.use(node) as channel:
                await channel.call("hello", timeout_s=HELLO_S)
        except LinkLostError as error:
            return error.reason
        except TimeoutError:
            return f"no answer within {HELLO_S:.0f} s"
        return ""

    reasons = await asyncio.gather(*(reason(node) for node in nodes))
    return {node: why for node, why in zip(nodes, reasons, strict=True) if why}


def settle_guests(session: Session, *, stop: bool) -> str:
    """Make sure that no guest runs; gives why that could not be seen, or nothing.

    A cloud that is stopped half way has no API left to ask and must still be stoppable.

    Raises:
        HavenError: rules ``guests-running`` and ``guests-stop``.

    """
    if not any(e.type == "compute" for d in session.site.declared for e in d.endpoints):
        return ""
    try:
        api = sign_in(
            f"http://{session.layout.vip_public}:{KEYSTONE}/v3",
            password=session.site.secrets["keystone.admin"],
            region=session.cloud.region,
            timeout_s=ANSWER_S,
        )
        running = active_guests(api)
    except ApiError as error:
        return f"whether guests run is not known: {error.what}"
    if running and not stop:
        raise HavenError(
            f"{_count(running)} still running: {_names(running)}",
            why="stopping the cloud would take their network away while they run",
            todo="haven down --guests stop (shuts them down), or --guests leave (cuts them off)",
            rule="guests-running",
        )
    if running:
        shut_down(api, running)
    return ""


def active_guests(api: Api) -> list[dict[str, Any]]:
    """Every guest of every project that runs now: {id, name}."""
    servers = api.get("compute", "/servers?all_tenants=1&status=ACTIVE")["servers"]
    return [{"id": server["id"], "name": server["name"]} for server in servers]


def shut_down(api: Api, guests: Sequence[dict[str, Any]], *, deadline_s: float = GUEST_STOP_S) -> None:
    """Ask Nova to stop them and wait until none runs.

    Raises:
        HavenError: rule ``guests-stop``: some still run after `deadline_s` seconds.

    """
    for guest in guests:
        api.post("compute", f"/servers/{guest['id']}/action", {"os-stop": None})
    deadline = time.monotonic() + deadline_s
    while running := active_guests(api):
        if time.monotonic() > deadline:
            raise HavenError(
                f"{_count(running)} up, not stopped within {deadline_s:.0f} s: {_names(running)}",
                todo="look at them with `openstack server list --all-projects`; nothing was stopped",
                rule="guests-stop",
            )
        time.sleep(POLL_S)


def _count(guests: Sequence[dict[str, Any]]) -> str:
    return f"{len(guests)} guest" + (" is" if len(guests) == 1 else "s are")


def _names(guests: Sequence[dict[str, Any]], most: int = 5) -> str:
    names = ", ".join(guest["name"] for guest in guests[:most])
    return f"{names} and {len(guests) - most} more" if len(guests) > most else names
