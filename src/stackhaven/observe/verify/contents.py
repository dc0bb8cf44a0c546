"""The table of contents: every check, in reading order, with what each needs."""

from __future__ import annotations

from collections.abc import Sequence

from stackhaven.observe.verify import guests, outside, tenant
from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import Check, Deadline, NotApplicableError
from stackhaven.observe.verify.outside import listener_checks

GUEST_SERVICES = ("image", "placement", "compute", "network")
BOOT_S = 300.0
"""Without hardware virtualisation and on two busy cores a guest takes half a minute; five are patience enough."""


def checks_of(bench: Bench) -> tuple[Check, ...]:
    """All checks. Pure: nothing is asked yet."""
    identity = "identity.token"
    return (
        *listener_checks(bench),
        Check(name=identity, title="The administrator signs in", run=outside.identity_token),
        Check(
            name="catalogue.hosts",
            title="Endpoints are on VIPs only",
            run=outside.catalogue_hosts,
            needs=(identity,),
        ),
        Check(
            name="catalogue.regions",
            title="Endpoints are in the region",
            run=outside.catalogue_regions,
            needs=(identity,),
        ),
        Check(
            name="catalogue.counts",
            title="Every endpoint is there, and once",
            run=outside.catalogue_counts,
            needs=(identity,),
        ),
        Check(
            name="compute.services",
            title="Compute services are up",
            run=outside.compute_services,
            needs=(identity,),
        ),
        Check(
            name="network.agents",
            title="Network agents are alive",
            run=outside.network_agents,
            needs=(identity,),
        ),
        Check(
            name="placement.hypervisors",
            title="Hypervisors are in placement",
            run=outside.hypervisors,
            needs=(identity,),
        ),
        *_tenant_checks(identity),
        *_guest_checks(),
    )


def _tenant_checks(identity: str) -> tuple[Check, ...]:
    return (
        Check(
            name="tenant.guests",
            title="This cloud runs guests",
            run=runs_guests,
            needs=(identity,),
        ),
        Check(
            name="tenant.leftovers",
            title="Earlier runs left nothing",
            run=tenant.leftovers,
            needs=("tenant.guests",),
            deadline_s=240,
        ),
        Check(
            name="tenant.project",
            title="A project with a member",
            run=tenant.project,
            needs=("tenant.leftovers",),
        ),
        Check(
            name="tenant.image",
            title="An image is uploaded",
            run=tenant.image,
            needs=("tenant.project",),
            deadline_s=120,
        ),
        Check(name="tenant.flavor", title="A flavor", run=tenant.flavor, needs=("tenant.leftovers",)),
        Check(name="tenant.key", title="A key pair", run=tenant.key, needs=("tenant.project",)),
        Check(name="tenant.network", title="A network", run=tenant.network, needs=("tenant.project",)),
        Check(
            name="tenant.external",
            title="A network outside",
            run=tenant.external,
            needs=("tenant.project",),
        ),
        Check(
            name="tenant.router",
            title="A router to the outside",
            run=tenant.router,
            needs=("tenant.network", "tenant.external"),
        ),
        Check(name="tenant.rules", title="Security rules", run=tenant.rules, needs=("tenant.project",)),
        Check(
            name="tenant.servers",
            title="Two servers on two computes",
            run=tenant.servers,
            # A cloud that has lost a controller must still serve: what is down fails on its own line.
            after=("compute.services", "network.agents", "placement.hypervisors"),
            needs=(
                "tenant.image",
                "tenant.flavor",
                "tenant.key",
                "tenant.router",
                "tenant.rules",
            ),
            deadline_s=BOOT_S,
        ),
    )


def _guest_checks() -> tuple[Check, ...]:
    servers = ("tenant.servers",)
    floating = ("floating.address", "guest.dhcp")
    return (
        Check(
            name="guest.console",
            title="The console log works",
            run=guests.console_log,
            needs=servers,
            deadline_s=BOOT_S,
        ),
        Check(name="guest.dhcp", title="DHCP", run=guests.dhcp, needs=("guest.console",), deadline_s=120),
        Check(
            name="guest.metadata",
            title="Metadata tells each its own id",
            run=guests.metadata,
            needs=("guest.dhcp",),
            deadline_s=120,
        ),
        Check(
            name="guest.ping",
            title="Guests ping each other",
            run=guests.ping,
            needs=("guest.metadata",),
            deadline_s=180,
        ),
        Check(
            name="guest.http",
            title="Guests read from each other",
            run=guests.http,
            needs=("guest.metadata",),
            deadline_s=240,
        ),
        Check(
            name="guest.screen",
            title="The graphical console works",
            run=guests.console_screen,
            needs=servers,
            deadline_s=90,
        ),
        Check(name="floating.address", title="Floating IPs", run=guests.floating_address, needs=servers),
        Check(
            name="floating.ping",
            title="The outside pings the guests",
            run=guests.floating_ping,
            needs=floating,
            deadline_s=90,
        ),
        Check(
            name="floating.http",
            title="The outside reads from the guests",
            run=guests.floating_http,
            needs=(*floating, "guest.metadata"),
            deadline_s=90,
        ),
    )


def needs_guest_image(checks: Sequence[Check], bench: Bench) -> bool:
    """Whether these checks would upload an image."""
    applies = not missing_for_guests(bench)
    return applies and any(check.name == "tenant.image" for check in checks)


def missing_for_guests(bench: Bench) -> str:
    """Why this cloud cannot run guests; empty if it can."""
    without = [kind for kind in GUEST_SERVICES if not bench.has(kind)]
    if without:
        return f"this cloud has no {', '.join(without)} service"
    return "" if bench.site.layout.computes else "this cloud has no computes"


def runs_guests(bench: Bench, _: Deadline) -> str:
    """Whether the path of the first tenant applies."""
    if why := missing_for_guests(bench):
        raise NotApplicableError(why)
    return f"{len(bench.site.layout.computes)} computes"
