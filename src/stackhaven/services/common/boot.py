"""In which order the programs of a controller start when its machine boots.

All at once they share the processors and are all late: sign-ins time out, are tried again and take processor time from
those that still start. In three turns identity answers first, then what makes a server, then the rest. Where the VIP
answers, because other controllers serve, nobody waits.

In a lab all machines share the host's processors. There the controller that holds the VIP goes before the others, which
start their programs when it has made servers for half a minute; so does its own third turn. Real machines would only
come back later for it.
"""

from __future__ import annotations

from stackhaven.services.base import Site
from stackhaven.services.common import ports
from stackhaven.services.common.script import path_of
from stackhaven.services.common.wanted import is_wanted

START_AFTER = "start_after.py"
IDENTITY = {"keystone": (ports.KEYSTONE, "/v3")}
SERVERS = {"nova": (ports.NOVA, "/"), "neutron": (ports.NEUTRON, "/")}
IDENTITY_S = 180
SERVERS_S = 300
REST_S = 30
"""On a lab of two processors the first server after a blackout takes so long, if little else starts meanwhile."""


def first(site: Site) -> tuple[str, ...]:
    """``ExecStartPre`` of identity, for which everything waits."""
    return _after(site, {})


def second(site: Site) -> tuple[str, ...]:
    """``ExecStartPre`` of what a server is made with: identity first."""
    return _after(site, IDENTITY, IDENTITY_S)


def third(site: Site) -> tuple[str, ...]:
    """``ExecStartPre`` of the rest: what makes servers first."""
    return _after(site, IDENTITY | SERVERS)


def _after(site: Site, before: dict[str, tuple[int, str]], seconds: int = SERVERS_S) -> tuple[str, ...]:
    own, everybody = _urls(site, before), _urls(site, IDENTITY | SERVERS)
    if site.cloud.lab is not None:
        holder = f"--holder {site.layout.vip_internal} {len(own)} {REST_S} "
        return (f"-{path_of(START_AFTER)} {holder}{SERVERS_S} {' '.join(everybody)}",)
    return (f"-{path_of(START_AFTER)} {seconds} {' '.join(own)}",) if own else ()


def _urls(site: Site, services: dict[str, tuple[int, str]]) -> list[str]:
    return [
        f"http://{site.layout.vip_internal}:{port}{path}"
        for name, (port, path) in services.items()
        if is_wanted(site.layout, name)
    ]
