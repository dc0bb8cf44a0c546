"""A planned move of the VIP: what the program on the controllers is told, and how it is called.

It runs as a unit of its own, so that a lost SSH session does not end it half-way, and systemd takes back what it has
left behind even when it is killed.
"""

from __future__ import annotations

import json

from stackhaven.design.layout import LayoutNode
from stackhaven.plan import File, Resource
from stackhaven.services.base import Site
from stackhaven.services.common.ports import BALANCER_STATISTICS, KEYSTONE
from stackhaven.services.common.script import path_of, script

PROGRAM = "vip_move.py"
CONF = "/etc/stackhaven/vip-move.json"
RELEASED = "released"
TABLE = "haven_vip_move"
MOVE_S = 60
"""After this the program is killed and undone; it needs half of it at most."""

_CALL = f"{path_of(PROGRAM)} {{}} {CONF}"
UNDO = _CALL.format("undo")
_ALONE = "systemctl stop haven-vip-receive.service 2>/dev/null || true\n"
_RUN = (
    f"{_ALONE}systemd-run --quiet --collect {{options}}--unit={{unit}} -p RuntimeMaxSec={MOVE_S} "
    f"-p 'ExecStopPost={UNDO}' {_CALL}"
)
RELEASE = _RUN.format("release", options="--wait --pipe ", unit="haven-vip-release")
"""On the holder; comes back when the VIP is elsewhere, or says why not."""
RECEIVE = _RUN.format("receive", options="", unit="haven-vip-receive")
"""On the others, before; comes back at once."""
STOP = (
    "systemctl stop haven-vip-release.service haven-vip-receive.service 2>/dev/null || true\n"
    f"test ! -x {path_of(PROGRAM)} || {UNDO}"
)
"""Nothing is left of a move on a node, whatever became of it; also where none could ever be made."""


def move_files(package: str, site: Site, node: LayoutNode, run: str) -> tuple[Resource, ...]:
    """The program and what it reads. `run`: the directory where keepalived looks for its word."""
    return (script(package, PROGRAM), File(path=CONF, content=configuration(site, node, run)))


def configuration(site: Site, me: LayoutNode, run: str) -> str:
    """What the program reads on one controller.

    Calls are waited for on APIs. Consoles and the database keep their connections for hours.
    """
    layout = site.layout
    listeners = [listener for declaration in site.declared for listener in declaration.listeners]
    return json.dumps(
        {
            "vips": list(dict.fromkeys((layout.vip_internal, layout.vip_public))),
            "nodes": [n.management for n in layout.nodes],
            "peers": {n.name: n.management for n in layout.controllers if n.name != me.name},
            "port": BALANCER_STATISTICS,
            "answers": KEYSTONE,
            "apis": sorted(listener.name for listener in listeners if listener.last_resort),
            "run": run,
        },
        indent=1,
    )
