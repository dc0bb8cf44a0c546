"""In which order the programs of a controller start when its machine boots.

All at once they share the processors and are all late: sign-ins time out, are tried again and take processor time from
those that still start. In three turns identity answers first, then what makes a server, then the rest. Where the VIP
answers, because other controllers serve, nobody waits.
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


def second(site: Site) -> tuple[str, ...]:
    """``ExecStartPre`` of what a server is made with: identity first."""
    return _after(site, IDENTITY, IDENTITY_S)


def third(site: Site) -> tuple[str, ...]:
    """``ExecStartPre`` of the rest: what makes servers first."""
    return _after(site, IDENTITY | SERVERS, SERVERS_S)


def _after(site: Site, first: dict[str, tuple[int, str]], seconds: int) -> tuple[str, ...]:
    urls = [
        f"http://{site.layout.vip_internal}:{port}{path}"
        for name, (port, path) in first.items()
        if is_wanted(site.layout, name)
    ]
    return (f"-{path_of(START_AFTER)} {seconds} {' '.join(urls)}",)
