"""Asking all nodes at once what is left of their clusters, in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from stackhaven.design.layout import LayoutNode
from stackhaven.engine.ssh import Target, reason_of
from stackhaven.operate.recover.facts import (
    DATABASES,
    BalancerFact,
    CloudFacts,
    broker_fact,
    database_fact,
    raft_fact,
)
from stackhaven.services.base import Site

T = TypeVar("T")
NODE_S = 30.0
CONNECT_S = 8.0
"""A node that says nothing for this long is not there."""
END_S = 5.0
HERE = b"here\n"


async def gather(site: Site, targets: Mapping[str, Target]) -> CloudFacts:
    """What the controllers can tell now. Never raises for a cloud in any state."""
    running = {daemon.unit for declaration in site.declared for daemon in declaration.daemons}
    writers = [one.name for d in site.declared for one in d.listeners if one.single_writer]
    nodes = site.layout.controllers

    def request(node: LayoutNode) -> dict[str, Any]:
        return {
            "node": node.name,
            "address": node.management,
            "database": "mariadb.service" in running,
            "queue": "rabbitmq-server.service" in running,
            "balancer": writers if "haproxy.service" in running else [],
            "network": "ovn-ovsdb-server-nb.service" in running,
        }

    answers = await asyncio.gather(*(ask(targets[node.name], request(node)) for node in nodes))
    return cloud_facts({node.name: answer for node, answer in zip(nodes, answers, strict=True)})


def cloud_facts(answers: Mapping[str, Mapping[str, Any] | str]) -> CloudFacts:
    """From each node's answer, or from why there is none."""
    unknown: dict[str, str] = {}

    def read(node: str, what: str, parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
        answer = answers[node]
        value = answer.get(what) if isinstance(answer, Mapping) else None
        if value is None:
            return []
        try:
            return [parse(value)]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            said = value.get("error") if isinstance(value, Mapping) else None
            unknown[f"{what} on {node}"] = str(said or f"an answer that cannot be read: {error!r}")
            return []

    return CloudFacts(
        silent={node: answer for node, answer in answers.items() if isinstance(answer, str)},
        database=tuple(f for n in answers for f in read(n, "database", lambda a, n=n: database_fact(n, a))),  # type: ignore[misc]
        brokers=tuple(f for n in answers for f in read(n, "queue", lambda a, n=n: broker_fact(n, a))),  # type: ignore[misc]
        rafts=tuple(
            f
            for n in answers
            for kind in DATABASES
            for f in read(n, kind, lambda a, n=n, kind=kind: raft_fact(n, kind, a))  # type: ignore[misc]
        ),
        balancers=tuple(
            f
            for n in answers
            for f in read(n, "balancer", lambda a, n=n: BalancerFact(node=n, hung=dict(a["hung"])))  # type: ignore[misc]
        ),
        unknown=unknown,
    )


async def ask(target: Target, request: Mapping[str, Any]) -> Mapping[str, Any] | str:
    """One node's answer, or why there is none."""
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
        return f"cannot start ssh: {error.strerror}"
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(program(request))
        async with asyncio.timeout(CONNECT_S):
            greeting = await process.stdout.readline()
        if greeting != HERE:
            complaint = (await process.stderr.read(4096)).decode("utf-8", "replace")
            return reason_of(complaint, process.returncode)[0]
        async with asyncio.timeout(NODE_S):
            answer = json.loads(await process.stdout.readline())
    except TimeoutError:
        return "no answer in time"
    except (OSError, ValueError) as error:
        return f"the answer cannot be read: {error}"
    finally:
        await _end(process)
    return answer if isinstance(answer, dict) else "not an answer"


def program(request: Mapping[str, Any]) -> bytes:
    """The probe with its request, in the form that the start of an agent reads; it says that it is there first."""
    call = f"\nos.write(1, {HERE!r})\nmain(json.loads({json.dumps(json.dumps(request))}))\n"
    block = zlib.compress((_source() + call).encode(), 6)
    return b"%d\n%s" % (len(block), block)


@cache
def _source() -> str:
    return files("stackhaven.operate.recover").joinpath("probe.py").read_text("utf-8")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # Not by the process object: it would reap the child itself, behind the event loop's back.
            os.kill(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await process.wait()
