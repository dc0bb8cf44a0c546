"""Checks that make nothing: listeners, catalogue, and the tables of services, agents and hypervisors (R10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from stackhaven.model.cloud import Role
from stackhaven.observe.status.outside import ask_listener
from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import Check, CheckFailedError, Deadline, NotApplicableError
from stackhaven.services.base import Endpoint, Listener

LISTENER_CALL_S = 10.0
INTERFACES = ("public", "internal")


def listener_checks(bench: Bench) -> tuple[Check, ...]:
    """One for every listener that a service declares."""
    return tuple(
        Check(
            name=f"listener.{listener.name}",
            title=f"{declaration.title} answers on the VIP",
            run=partial(listener_answers, listener),
            deadline_s=30,
        )
        for declaration in bench.site.declared
        for listener in declaration.listeners
    )


def listener_answers(listener: Listener, bench: Bench, deadline: Deadline) -> str:
    """On every VIP that it is bound to."""
    vips = bench.vips[:1] if listener.internal_only else bench.vips
    said = []
    for vip in vips:
        fact = ask_listener(listener, vip, timeout_s=min(LISTENER_CALL_S, deadline.left_s + 1))
        if not fact.answers:
            raise CheckFailedError(
                f"{vip}:{listener.port}: {fact.detail}", todo="haven status shows which of its members live"
            )
        said.append(f"{vip}:{listener.port} {fact.detail} in {fact.seconds:.2f} s")
    return "; ".join(said)


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """One endpoint as identity lists it."""

    service_type: str
    interface: str
    region: str
    url: str


def catalogue_entries(bench: Bench) -> tuple[CatalogueEntry, ...]:
    """All endpoints, those too that no token would show."""
    identity = bench.identity
    types = {service.id: service.type for service in identity.services()}
    return tuple(
        CatalogueEntry(
            service_type=types.get(endpoint.service_id, "?"),
            interface=endpoint.interface,
            region=endpoint.region_id or "",
            url=endpoint.url,
        )
        for endpoint in identity.endpoints()
    )


def foreign_hosts(entries: Iterable[CatalogueEntry], vips: Sequence[str]) -> list[str]:
    """Endpoints whose host is no VIP (H54, FS-48)."""
    return [
        f"{e.interface} endpoint of {e.service_type} is {e.url}"
        for e in entries
        if urlsplit(e.url).hostname not in vips
    ]


def foreign_regions(entries: Iterable[CatalogueEntry], region: str) -> list[str]:
    """Endpoints of another region than the cloud's."""
    return [
        f"{e.interface} endpoint of {e.service_type} is in {e.region or 'no region'}"
        for e in entries
        if e.region != region
    ]


def miscounted(entries: Iterable[CatalogueEntry], expected: Iterable[Endpoint]) -> list[str]:
    """Endpoints that there are twice, or not at all, with identity's own among the expected."""
    counts: dict[tuple[str, str], int] = {}
    for e in entries:
        key = (e.service_type, e.interface)
        counts[key] = counts.get(key, 0) + 1
    wanted = {(kind, i) for kind in ("identity", *(e.type for e in expected)) for i in INTERFACES}
    found = [f"no {i} endpoint of {kind}" for kind, i in sorted(wanted) if (kind, i) not in counts]
    return found + [f"{n} {i} endpoints of {kind}" for (kind, i), n in sorted(counts.items()) if n > 1]


def identity_token(bench: Bench, _: Deadline) -> str:
    """The administrator signs in."""
    bench.admin.authorize()
    return f"a token from {bench.site.layout.vip_public}"


def catalogue_hosts(bench: Bench, _: Deadline) -> str:
    """Every endpoint points to a VIP."""
    entries = catalogue_entries(bench)
    _refuse(foreign_hosts(entries, bench.vips))
    return f"{len(entries)} endpoints, all on {' and '.join(bench.vips)}"


def catalogue_regions(bench: Bench, _: Deadline) -> str:
    """Every endpoint is in the cloud's region."""
    entries = catalogue_entries(bench)
    _refuse(foreign_regions(entries, bench.site.cloud.region))
    return f"all in {bench.site.cloud.region}"


def catalogue_counts(bench: Bench, _: Deadline) -> str:
    """Nothing is missing and nothing is there twice."""
    expected = [e for d in bench.site.declared for e in d.endpoints]
    _refuse(miscounted(catalogue_entries(bench), expected))
    return ", ".join(["identity", *(e.type for e in expected)])


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise CheckFailedError("; ".join(faults), todo="haven up (puts the catalogue right)")


def missing(wanted: Mapping[str, set[str]], up: Iterable[tuple[str, str]]) -> list[str]:
    """What of the wanted {kind: hosts} is not among what is up, as (kind, host)."""
    there = set(up)
    return [
        f"{kind} on {host}"
        for kind, hosts in wanted.items()
        for host in sorted(hosts)
        if (kind, host) not in there
    ]


def compute_services(bench: Bench, deadline: Deadline) -> str:
    """Conductors, schedulers and hypervisors are up and enabled (R10)."""
    _require(bench, "compute")
    controllers = {n.name for n in bench.site.layout.controllers}
    wanted = {"nova-conductor": controllers, "nova-scheduler": controllers}
    wanted["nova-compute"] = {n.name for n in bench.site.layout.computes}

    def up() -> list[tuple[str, str]]:
        services = bench.admin.compute.services()
        return [(s.binary, s.host) for s in services if s.state == "up" and s.status == "enabled"]

    return _all_there(wanted, up, deadline)


def network_agents(bench: Bench, deadline: Deadline) -> str:
    """Every chassis and every metadata agent is alive (R10)."""
    _require(bench, "network")
    layout = bench.site.layout
    gateways = {n.name for n in layout.chassis if n.has(Role.NETWORK)}
    wanted = {
        "OVN Controller Gateway agent": gateways,
        "OVN Controller agent": {n.name for n in layout.chassis} - gateways,
        "OVN Metadata agent": {n.name for n in layout.computes},
    }

    def up() -> list[tuple[str, str]]:
        return [(a.agent_type, a.host) for a in bench.admin.network.agents() if a.is_alive]

    return _all_there(wanted, up, deadline)


def hypervisors(bench: Bench, deadline: Deadline) -> str:
    """Placement knows every hypervisor with processors, memory and disk."""
    _require(bench, "placement")
    wanted = {n.name for n in bench.site.layout.computes}
    placement = bench.admin.placement

    def ask() -> dict[str, dict[str, Any]] | None:
        found = {
            provider.name: {
                i.resource_class: i.total for i in placement.resource_provider_inventories(provider)
            }
            for provider in placement.resource_providers()
        }
        complete = {name for name, has in found.items() if {"VCPU", "MEMORY_MB", "DISK_GB"} <= set(has)}
        return found if wanted <= complete else None

    found = deadline.poll(f"placement does not know all of {', '.join(sorted(wanted))}", ask)
    return ", ".join(
        f"{name}: {found[name]['VCPU']} VCPU, {found[name]['MEMORY_MB']} MiB" for name in sorted(wanted)
    )


def _all_there(wanted: Mapping[str, set[str]], up: Any, deadline: Deadline) -> str:
    last: list[str] = []

    def ask() -> bool | None:
        last[:] = missing(wanted, up())
        return None if last else True

    deadline.poll(lambda: "not up: " + ", ".join(last), ask)
    return ", ".join(f"{kind} {len(hosts)} of {len(hosts)}" for kind, hosts in wanted.items() if hosts)


def _require(bench: Bench, service_type: str) -> None:
    if not bench.has(service_type):
        raise NotApplicableError(f"this cloud has no {service_type} service")
