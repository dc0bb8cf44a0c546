"""Every node knows within a second or two which controller is silent, and ends its connections to it.

Deadlines alone leave each program waiting for its own (ADR 7); this takes the wait from all of them (ADR 13).
"""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.cloud import Role
from stackhaven.plan import Directory, File, Resource, Step, Unit, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common import ports
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import BEFORE_OTHERS, unit_file

PACKAGE = __name__
PROGRAM = "liveness.py"
CONF = "/etc/stackhaven/liveness.json"

INTERVAL_S = 0.25
SILENCE_S = 1.25
"""Five questions. Above a restart of the program itself (0.2 s and its start), below what any client would notice."""

ALL_S = 5.0
"""The clusters' own connections are ended later: each has its own, finer notion of who is alive."""

HASTY = (ports.RABBITMQ, ports.MEMCACHED, ports.OVN_NORTHBOUND, ports.OVN_SOUTHBOUND)
"""Reached without a load balancer by clients that know all members."""

ASKS_PER_S = 4000
"""What a controller answers without effort. In a large cloud those that are no controllers ask less often."""


class Liveness:
    """Ends connections to machines that have fallen silent."""

    name = "liveness"

    def wanted(self, layout: Layout) -> bool:
        """Where there is a control plane to be silent."""
        return bool(layout.controllers)

    def declare(self, layout: Layout) -> Declaration:
        """On every node; it stops last, since its silence is taken for the node's."""
        return Declaration(
            name=self.name,
            title="Liveness",
            ha_mode="native",
            ha_reason="every node has its own",
            daemons=(
                Daemon(
                    unit="haven-liveness.service", nodes=tuple(n.name for n in layout.nodes), stop_order=98
                ),
            ),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """One step on every node."""

        def resources(name: str) -> tuple[Resource, ...]:
            node = site.node(name)
            return (
                Directory(path="/etc/stackhaven"),
                script(PACKAGE, PROGRAM),
                File(path=CONF, content=configuration(site.layout, node)),
                unit_file(
                    "haven-liveness",
                    description="Ends connections to machines that have fallen silent",
                    user="root",
                    exec_start=f"{path_of(PROGRAM)} {CONF}",
                    service_lines=(
                        # Its own sleep looks like the node's death.
                        *BEFORE_OTHERS.splitlines(),
                        "OOMScoreAdjust=-900",
                        "RestartSec=200ms",
                        "CapabilityBoundingSet=CAP_NET_ADMIN",
                    ),
                ),
                Unit(name="haven-liveness.service", watches=(path_of(PROGRAM), CONF)),
            )

        return (
            Step(
                name="liveness.start",
                title="Nodes listen for each other",
                nodes=tuple(n.name for n in site.layout.nodes),
                resources=resources,
                needs=(here("node.base"),),
                provides=("liveness",),
            ),
        )


def configuration(layout: Layout, me: LayoutNode) -> str:
    """What the program of one node reads."""
    interval_s = interval_of(layout, me)
    return json.dumps(
        {
            "address": me.management,
            "port": ports.LIVENESS,
            "controllers": {n.name: n.management for n in layout.controllers if n.name != me.name},
            "vips": sorted({layout.vip_internal, layout.vip_public}),
            "interval_s": interval_s,
            "silence_s": max(SILENCE_S, 4 * interval_s),
            "all_s": max(ALL_S, 8 * interval_s),
            "cluster_ports": list(ports.CLUSTERS_OWN),
            "hasty_ports": list(HASTY),
        },
        indent=1,
    )


def interval_of(layout: Layout, me: LayoutNode) -> float:
    """Seconds between two questions: a quarter, more where many machines ask the same controllers."""
    if me.has(Role.CONTROLLER):
        return INTERVAL_S
    return max(INTERVAL_S, len(layout.nodes) / ASKS_PER_S)


service = Liveness()
