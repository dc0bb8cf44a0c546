"""In which order the programs of a controller start when its machine boots.

All at once they share the processors and are all late: sign-ins time out, are tried again and take processor time from
those that still start. In three turns identity answers first, then what makes a server, then the rest.
"""

from __future__ import annotations

from stackhaven.design.layout import LayoutNode
from stackhaven.services.base import Site
from stackhaven.services.common import ports
from stackhaven.services.common.script import path_of
from stackhaven.services.common.wanted import is_wanted

START_AFTER = "start_after.py"
IDENTITY = {"keystone": (ports.KEYSTONE, "/v3")}
SERVERS = {"nova": (ports.NOVA, "/"), "neutron": (ports.NEUTRON, "/")}
IDENTITY_S = 60
SERVERS_S = 120


def second(site: Site, node: LayoutNode) -> tuple[str, ...]:
    """``ExecStartPre`` of what a server is made with: identity first."""
    return _after(site, node, IDENTITY, IDENTITY_S)


def third(site: Site, node: LayoutNode) -> tuple[str, ...]:
    """``ExecStartPre`` of the rest: what makes servers first."""
    return _after(site, node, IDENTITY | SERVERS, SERVERS_S)


def _after(site: Site, node: LayoutNode, first: dict[str, tuple[int, str]], seconds: int) -> tuple[str, ...]:
    urls = [
        f"http://{node.management}:{port}{path}"
        for name, (port, path) in first.items()
        if is_wanted(site.layout, name)
    ]
    return (f"-{path_of(START_AFTER)} {seconds} {' '.join(urls)}",)
