"""HAProxy on every controller, configured from what the services declare, listening on the VIPs held or not."""

from __future__ import annotations

from dataclasses import asdict

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import File, Package, Resource, Step, Unit, Wait, here
from stackhaven.services.base import Daemon, Declaration, Listener, Site
from stackhaven.services.common.ports import AGENT_CHECK, BALANCER_PEERS, BALANCER_STATISTICS
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.sizes import SMALL_NODE_MB, workers
from stackhaven.services.common.systemd import BEFORE_OTHERS, drop_in, unit_file
from stackhaven.services.common.template import render

PACKAGE = __name__
STATS_USER = "haven"
CFG = "/etc/haproxy/haproxy.cfg"
CONNECT_TIMEOUT_S = 0.5
QUEUE_TIMEOUT_S = 3.0

UNIT = (
    """\
[Unit]
StartLimitIntervalSec=0
[Service]
# Started again where it died, before the VIP has a reason to move. A cluster switches that off by a drop-in of its
# own (50-pacemaker.conf), which sorts before this one: its own restart takes 5 s, systemd's a tenth of one.
Restart=always
RestartSec=100ms
LimitNOFILE=65536
"""
    + BEFORE_OTHERS
)


class HAProxy:
    """The load balancer."""

    name = "haproxy"

    def wanted(self, layout: Layout) -> bool:
        """Where there is a control plane."""
        return bool(layout.controllers)

    def declare(self, layout: Layout) -> Declaration:
        """Its statistics are per node, so they are no listener of the VIP."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="HAProxy",
            ha_mode="clone",
            ha_reason="runs on every controller; the VIP decides which one is used",
            daemons=(
                Daemon(unit="haproxy.service", nodes=names, stop_order=86),
                Daemon(unit="haven-agent-check.service", nodes=names, stop_order=87),
            ),
            secrets=("haproxy.stats",),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """One step; it does not wait for the services behind it."""
        in_cluster = site.cloud.vip.provider == "pacemaker"

        programs = " ".join(
            f"{one.unit}:{one.backend_port or one.port}"
            for d in site.declared
            for one in d.listeners
            if one.unit
        )

        def resources(name: str) -> tuple[Resource, ...]:
            node = site.node(name)
            return (
                Package(names=("haproxy",)),
                File(path=CFG, content=configuration(site, node), mode=0o640, group="haproxy"),
                drop_in("haproxy", UNIT),
                script(PACKAGE, "agent_check.py"),
                unit_file(
                    "haven-agent-check",
                    description="Tells the load balancers which programs of this node want work",
                    user="root",
                    exec_start=f"{path_of('agent_check.py')} {node.management} {AGENT_CHECK} {programs}",
                    # Connections are ended, and the programs' sockets are their users' own.
                    service_lines=(
                        "CapabilityBoundingSet=CAP_NET_ADMIN CAP_DAC_OVERRIDE",
                        *BEFORE_OTHERS.splitlines(),
                    ),
                ),
                Unit(name="haven-agent-check.service", watches=(path_of("agent_check.py"),)),
                # A reload keeps established sessions; the old process ends with them. At boot a cluster that has
                # the balancer among its resources starts it, and nobody else.
                Unit(name="haproxy.service", enabled=not in_cluster, watches=(CFG,), reload=True),
                Wait(
                    what="HAProxy answers",
                    url=f"http://{node.management}:{BALANCER_STATISTICS}/alive",
                    deadline_s=30,
                ),
            )

        return (
            Step(
                name="haproxy.start",
                title="Load balancers start",
                nodes=tuple(n.name for n in site.layout.controllers),
                resources=resources,
                needs=(here("node.base"), here("vip.alone")),
                provides=("balancer",),
            ),
        )


def configuration(site: Site, me: LayoutNode) -> str:
    """The whole file for one node; only its own address in the statistics stanza differs between nodes."""
    layout = site.layout
    return render(
        PACKAGE,
        "haproxy.cfg.j2",
        nodes=layout.controllers,
        me=me,
        threads=1 if me.memory_mb < SMALL_NODE_MB else max(2, me.cores // 2),
        stats_port=BALANCER_STATISTICS,
        peers_port=BALANCER_PEERS,
        agent_port=AGENT_CHECK,
        connect_timeout_ms=round(1000 * CONNECT_TIMEOUT_S),
        queue_timeout_ms=round(1000 * QUEUE_TIMEOUT_S),
        stats_user=STATS_USER,
        stats_password=site.secrets["haproxy.stats"],
        listeners=[
            {
                **asdict(listener),
                "vips": vips(layout, listener),
                "members": layout.controllers,
                "last_resort": listener.last_resort,
                "calls": {n.name: workers(site.cloud, n) * listener.calls for n in layout.controllers}
                if listener.calls
                else {},
            }
            for declaration in site.declared
            for listener in declaration.listeners
        ],
    )


def vips(layout: Layout, listener: Listener) -> tuple[str, ...]:
    """The addresses a listener is bound to: the internal VIP, and the public one unless it is for the inside only."""
    if listener.internal_only or layout.vip_public == layout.vip_internal:
        return (layout.vip_internal,)
    return (layout.vip_internal, layout.vip_public)


service = HAProxy()
