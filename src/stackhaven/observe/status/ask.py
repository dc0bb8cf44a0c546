"""Asking all nodes at once, each by one program sent over its link, each with the same short deadline."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import zlib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.engine.ssh import Target, kill, reason_of
from stackhaven.observe.status.facts import NodeFacts
from stackhaven.observe.status.parse import node_facts
from stackhaven.services.base import Declaration
from stackhaven.services.common.ports import GALERA_CHECK, RABBITMQ_METRICS

NODE_S = 7.0
"""A node that is starting on a busy machine needs five seconds for a login; the whole page has ten."""
AT_ONCE = 64
BALANCER_SOCKET = "/run/haproxy/admin.sock"
STDERR_BYTES = 4096


async def ask_nodes(
    layout: Layout,
    declared: tuple[Declaration, ...],
    targets: Mapping[str, Target],
    *,
    deadline_s: float = NODE_S,
    among: Collection[str] | None = None,
) -> tuple[NodeFacts, ...]:
    """Facts of every node, or of those `among` them, in the order of the layout.

    A node that does not answer in time is a fact, too.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(node: LayoutNode) -> NodeFacts:
        async with limit:
            return await ask(targets[node.name], request_for(node, layout, declared), deadline_s=deadline_s)

    asked = [node for node in layout.nodes if among is None or node.name in among]
    return tuple(await asyncio.gather(*(one(node) for node in asked)))


def request_for(node: LayoutNode, layout: Layout, declared: tuple[Declaration, ...]) -> dict[str, Any]:
    """What the collector is to look at on this node."""
    units = [d.unit for one in declared for d in one.daemons if node.name in d.nodes]
    return {
        "address": node.management,
        "units": units,
        "vips": sorted({layout.vip_internal, layout.vip_public}),
        "galera": GALERA_CHECK if "mariadb.service" in units else 0,
        "haproxy": BALANCER_SOCKET if "haproxy.service" in units else "",
        "rabbitmq": RABBITMQ_METRICS if "rabbitmq-server.service" in units else 0,
        "ovn": "ovn-ovsdb-server-nb.service" in units,
    }


async def ask(target: Target, request: Mapping[str, Any], *, deadline_s: float) -> NodeFacts:
    """Facts of one node."""
    asked_at = time.time()
    try:
        process = await asyncio.create_subprocess_exec(
            *target.argv(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=16 * 1024 * 1024,
            start_new_session=True,
        )
    except OSError as error:
        return NodeFacts(name=target.name, reachable=False, reason=f"cannot start ssh: {error.strerror}")
    try:
        async with asyncio.timeout(deadline_s):
            output, complaint = await process.communicate(program(request))
    except TimeoutError:
        return NodeFacts(name=target.name, reachable=False, reason=f"no answer within {deadline_s:g} s")
    finally:
        await _end(process)
    heard_at = time.time()
    for line in output.splitlines():
        with contextlib.suppress(ValueError):
            answer = json.loads(line)
            if isinstance(answer, dict) and "clock" in answer:
                return node_facts(target.name, answer, asked_at=asked_at, heard_at=heard_at)
    text = complaint[-STDERR_BYTES:].decode("utf-8", "replace")
    return NodeFacts(name=target.name, reachable=False, reason=reason_of(text, process.returncode)[0])


def program(request: Mapping[str, Any]) -> bytes:
    """The collector with its request, in the form that the start of an agent reads."""
    call = f"\nmain(json.loads({json.dumps(json.dumps(request))}))\n"
    block = zlib.compress((_source() + call).encode(), 6)
    return b"%d\n%s" % (len(block), block)


@cache
def _source() -> str:
    return files("stackhaven.observe.status").joinpath("collector.py").read_text("utf-8")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        kill(process)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await process.wait()
