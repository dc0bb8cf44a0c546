"""Facts of a whole cloud in bounded time: nodes and clients' view are asked at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from stackhaven.engine.ssh import Target
from stackhaven.errors import HavenError
from stackhaven.observe.status.ask import NODE_S, ask_nodes
from stackhaven.observe.status.facts import CloudFacts, OutsideFacts
from stackhaven.observe.status.outside import look
from stackhaven.services.base import Site

OUTSIDE_S = 9.0

AsClient = Callable[[Callable[[], OutsideFacts]], "Future[OutsideFacts]"]
"""Does something where clients stand, in a thread of its own."""


def gather(
    site: Site, targets: Mapping[str, Target], as_client: AsClient, *, node_deadline_s: float = NODE_S
) -> CloudFacts:
    """Everything that can be found out now. Never raises for a cloud in any state; takes ten seconds at most."""
    began = time.monotonic()
    outside = as_client(lambda: look(site))
    nodes = asyncio.run(ask_nodes(site.layout, site.declared, targets, deadline_s=node_deadline_s))
    return CloudFacts(
        at=time.time(),
        nodes=nodes,
        outside=_result(outside, max(0.1, OUTSIDE_S - (time.monotonic() - began))),
        seconds=time.monotonic() - began,
    )


def _result(outside: Future[OutsideFacts], timeout_s: float) -> OutsideFacts:
    try:
        return outside.result(timeout_s)
    except FutureTimeoutError:
        return OutsideFacts(error=f"no answer within {OUTSIDE_S:.0f} s")
    except HavenError as error:
        return OutsideFacts(error=error.what)
