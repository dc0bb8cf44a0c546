"""keepalived: moves the VIPs by VRRPv3 with sub-second adverts, bound to a load balancer that really answers (H16).

VRRP knows no majority; a program of ours beside it does, and takes the VIP from a node that reaches too few others.
"""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import File, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.ports import BALANCER_STATISTICS
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import BEFORE_OTHERS, drop_in, unit_file
from stackhaven.services.common.template import render
from stackhaven.services.common.vip import AFTER_BRIDGE, on_bridge, places
from stackhaven.services.keepalived.move import RELEASED, move_files

PACKAGE = __name__
CONF = "/etc/keepalived/keepalived.conf"

CHECK = "balancer_alive.sh"
HIGHEST_PRIORITY = 200

MAJORITY = "vip_majority.py"
MAJORITY_UNIT = "haven-vip-majority"
RUN = "stackhaven-vip"
"""Directory below /run where the watch over the majority leaves its word."""

UNIT = "[Unit]\nStartLimitIntervalSec=0\n{after}[Service]\nRestart=always\nRestartSec=1\n{first}"
# A node that boots cut off must not hold the VIP until that is noticed.
AFTER_MAJORITY = f"Wants={MAJORITY_UNIT}.service\nAfter={MAJORITY_UNIT}.service\n"


class Keepalived:
    """The provider of the VIPs."""

    name = "keepalived"

    def wanted(self, layout: Layout) -> bool:
        """Where it was chosen."""
        return bool(layout.controllers) and layout.cloud.vip.provider == "keepalived"

    def declare(self, layout: Layout) -> Declaration:
        """One holder at a time."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="VIP (keepalived)",
            ha_mode="failover",
            ha_reason="an address lives on one node; VRRP moves it when the holder or its load balancer fails",
            daemons=(
                Daemon(unit="keepalived.service", nodes=names, stop_order=85),
                *((Daemon(unit=f"{MAJORITY_UNIT}.service", nodes=names, stop_order=87),) * has_peers(layout)),
            ),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configured everywhere, then one holder is waited for."""
        names = tuple(n.name for n in site.layout.controllers)

        def resources(name: str) -> tuple[Resource, ...]:
            node = site.node(name)
            watched = has_peers(site.layout)
            after = (AFTER_MAJORITY if watched else "") + (AFTER_BRIDGE if on_bridge(site.layout) else "")
            return (
                Package(names=("keepalived", "nftables")),
                script(PACKAGE, CHECK),
                *(majority_watch(site, node) if watched else ()),
                *(move_files(PACKAGE, site, node, f"/run/{RUN}") if watched else ()),
                File(path=CONF, content=configuration(site, node)),
                drop_in("keepalived", UNIT.format(after=after, first=BEFORE_OTHERS)),
                Unit(name="keepalived.service", watches=(CONF,), reload=True),
            )

        return (
            Step(
                name="keepalived.alone",
                title="Nothing else moves the VIP",
                nodes=names,
                # A cluster that moved it before takes the balancer with it when it stops: it goes first.
                resources=lambda _name: tuple(
                    Unit(name=unit, active=False, enabled=False)
                    for unit in ("pacemaker.service", "corosync.service")
                ),
                needs=(here("node.base"),),
                provides=("vip.alone",),
            ),
            Step(
                name="keepalived.start",
                title="The VIP gets a holder",
                nodes=names,
                resources=resources,
                needs=(here("haproxy.start"), *((here("switch"),) if on_bridge(site.layout) else ())),
            ),
            Step(
                name="keepalived.holder",
                title="The VIP answers",
                nodes=names,
                resources=lambda _name: (
                    Wait(
                        what=f"the VIP {site.layout.vip_internal} answers",
                        tcp=(site.layout.vip_internal, 3306),
                        deadline_s=30,
                    ),
                ),
                needs=(everywhere("keepalived.start"),),
                provides=("vip",),
            ),
        )


def has_peers(layout: Layout) -> bool:
    """One controller is a majority by itself."""
    return len(layout.controllers) > 1


def majority_watch(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """The program that knows whether this node reaches a majority of the controllers."""
    peers = " ".join(n.management for n in site.layout.controllers if n.name != node.name)
    vips = ",".join(sorted({site.layout.vip_internal, site.layout.vip_public}))
    program = path_of(MAJORITY)
    unit = unit_file(
        MAJORITY_UNIT,
        description="Tells keepalived whether a majority of the controllers is reached",
        user="haproxy",
        kind="notify",
        # The balancer's port is open between controllers already, and even without a balancer the kernel answers.
        exec_start=f"{program} /run/{RUN} {node.management} {BALANCER_STATISTICS} {vips} {peers}",
        runtime_directories=(RUN,),
        service_lines=(
            "WatchdogSec=10",
            "OOMScoreAdjust=-900",
            # It resets the connections to a VIP that is about to go.
            "AmbientCapabilities=CAP_NET_ADMIN",
            *BEFORE_OTHERS.splitlines(),
        ),
    )
    return (
        script(PACKAGE, MAJORITY),
        unit,
        Unit(name=f"{MAJORITY_UNIT}.service", watches=(program,)),
    )


def configuration(site: Site, me: LayoutNode) -> str:
    """One node's file: priorities fall in file order, so that equal ones never decide by address (FS-06)."""
    layout = site.layout
    priorities = {n.name: HIGHEST_PRIORITY - 10 * i for i, n in enumerate(layout.controllers)}
    return render(
        PACKAGE,
        "keepalived.conf.j2",
        me=me,
        peers=[n for n in layout.controllers if n.name != me.name],
        check=path_of(CHECK),
        stats_port=BALANCER_STATISTICS,
        router_id=layout.vrrp_router_id,
        priority=priorities.pop(me.name),
        highest_other=max(priorities.values(), default=0),
        run=f"/run/{RUN}",
        released=RELEASED,
        advert=f"{site.cloud.vip.advert_interval_s:g}",
        places=places(layout, me),
    )


service = Keepalived()
