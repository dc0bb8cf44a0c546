"""What a client sees: the VIPs' services asked directly, and what OpenStack says of its own programs."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stackhaven.observe.api import Api, ApiError, fetch, sign_in
from stackhaven.observe.status.facts import ListenerFact, OutsideFacts, ServiceFact
from stackhaven.services.base import Listener, Site
from stackhaven.services.common.ports import KEYSTONE

LISTENER_S = 3.0
CALL_S = 4.0
GREETING_S = 0.3
AT_ONCE = 12
PROGRAM_S = 2.0


def look(site: Site) -> OutsideFacts:
    """Ask everything at once. Takes at most two calls' deadlines; the caller stands where clients stand."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        services = pool.submit(_services, site)
        listeners = tuple(
            pool.map(lambda pair: ask_listener(pair[0], pair[1]), addresses_of(site), timeout=None)
        )
        found, error = services.result()
    return OutsideFacts(
        listeners=listeners,
        services=found,
        error=error,
        neighbours=neighbours({site.layout.vip_internal, site.layout.vip_public}),
    )


def addresses_of(site: Site) -> Iterator[tuple[Listener, str]]:
    """Every listener with each VIP that it is bound to."""
    for declaration in site.declared:
        for listener in declaration.listeners:
            vips = dict.fromkeys((site.layout.vip_internal, site.layout.vip_public))
            for vip in vips:
                if vip == site.layout.vip_internal or not listener.internal_only:
                    yield listener, vip


def ask_listener(listener: Listener, address: str, *, timeout_s: float = LISTENER_S) -> ListenerFact:
    """One listener on one VIP: an HTTP answer that is no server error, or a connection that stays."""
    began = time.monotonic()
    probe = _http if listener.mode == "http" else _tcp
    try:
        detail = probe(listener, address, timeout_s)
        answers = True
    except (ApiError, OSError) as error:
        detail, answers = str(error).splitlines()[0], False
    return ListenerFact(
        listener=listener.name,
        address=address,
        port=listener.port,
        answers=answers,
        detail=detail,
        seconds=time.monotonic() - began,
    )


def _http(listener: Listener, address: str, timeout_s: float) -> str:
    path = listener.check.partition(" ")[2] or "/"
    answer = fetch("GET", f"http://{address}:{listener.port}{path}", timeout_s=timeout_s)
    if answer.status >= 500:
        raise ApiError(f"answers {answer.status}")
    return f"answers {answer.status}"


def _tcp(listener: Listener, address: str, timeout_s: float) -> str:
    """The balancer accepts for members that are all dead, and then hangs up: staying is the proof."""
    with socket.create_connection((address, listener.port), timeout=timeout_s) as connection:
        connection.settimeout(GREETING_S)
        try:
            if not connection.recv(64):
                raise ApiError("accepts and hangs up: no member behind it")
        except TimeoutError:
            return "accepts"
    return "greets"


def _services(site: Site) -> tuple[tuple[ServiceFact, ...] | None, str]:
    types = {e.type for d in site.declared for e in d.endpoints}
    try:
        api = sign_in(
            f"http://{site.layout.vip_public}:{KEYSTONE}/v3",
            password=site.secrets["keystone.admin"],
            region=site.cloud.region,
            timeout_s=CALL_S,
        )
    except ApiError as error:
        return None, error.what
    readers: list[Callable[[Api], tuple[ServiceFact, ...]]] = []
    readers += [nova_services] if "compute" in types else []
    readers += [neutron_agents] if "network" in types else []
    with ThreadPoolExecutor(2) as pool:
        found: list[ServiceFact] = []
        errors = []
        for answer in [pool.submit(reader, api) for reader in readers]:
            try:
                found += answer.result()
            except (ApiError, KeyError, TypeError) as error:
                errors.append(error.what if isinstance(error, ApiError) else repr(error))
    return tuple(found), "; ".join(errors)


def nova_services(api: Api) -> tuple[ServiceFact, ...]:
    """Conductors, schedulers and hypervisors."""
    return tuple(nova_fact(entry) for entry in api.get("compute", "/os-services")["services"])


def nova_fact(entry: Mapping[str, Any]) -> ServiceFact:
    """One entry of ``GET /os-services``."""
    return ServiceFact(
        kind=entry["binary"],
        host=entry["host"],
        up=entry["state"] == "up",
        enabled=entry["status"] == "enabled",
        reason=entry.get("disabled_reason") or "",
    )


def neutron_agents(api: Api) -> tuple[ServiceFact, ...]:
    """Chassis and metadata agents as OVN's own heartbeat tells them."""
    return tuple(agent_fact(entry) for entry in api.get("network", "/v2.0/agents")["agents"])


def agent_fact(entry: Mapping[str, Any]) -> ServiceFact:
    """One entry of ``GET /v2.0/agents``."""
    return ServiceFact(
        kind=entry["agent_type"], host=entry["host"], up=entry["alive"], enabled=entry["admin_state_up"]
    )


def neighbours(vips: set[str]) -> dict[str, str]:
    """The MAC that this machine sends to for each VIP; nothing where a router is in between."""
    try:
        done = subprocess.run(
            ["ip", "-json", "neigh", "show"], capture_output=True, text=True, timeout=PROGRAM_S, check=True
        )
        table = json.loads(done.stdout or "[]")
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return {
        entry["dst"]: entry["lladdr"]
        for entry in table
        if entry.get("dst") in vips and "lladdr" in entry and "FAILED" not in entry.get("state", ())
    }
