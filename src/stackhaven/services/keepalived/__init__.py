"""keepalived: moves the VIPs by VRRPv3 with sub-second adverts, bound to a load balancer that really answers (H16)."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import File, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.ports import BALANCER_STATISTICS
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import drop_in
from stackhaven.services.common.template import render

PACKAGE = __name__
CONF = "/etc/keepalived/keepalived.conf"

CHECK = "balancer_alive.sh"
HIGHEST_PRIORITY = 200


class Keepalived:
    """The provider of the VIPs."""

    name = "keepalived"

    def wanted(self, layout: Layout) -> bool:
        """Where it was chosen."""
        return bool(layout.controllers) and layout.cloud.vip.provider == "keepalived"

    def declare(self, layout: Layout) -> Declaration:
        """One holder at a time."""
        return Declaration(
            name=self.name,
            title="VIP (keepalived)",
            ha_mode="failover",
            ha_reason="an address lives on one node; VRRP moves it when the holder or its load balancer fails",
            daemons=(
                Daemon(
                    unit="keepalived.service", nodes=tuple(n.name for n in layout.controllers), stop_order=85
                ),
            ),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configured everywhere, then one holder is waited for."""
        names = tuple(n.name for n in site.layout.controllers)

        def resources(name: str) -> tuple[Resource, ...]:
            return (
                Package(names=("keepalived",)),
                script(PACKAGE, CHECK),
                File(path=CONF, content=configuration(site, site.node(name))),
                drop_in(
                    "keepalived",
                    "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=1\n",
                ),
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
                needs=(here("haproxy.start"),),
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


def configuration(site: Site, me: LayoutNode) -> str:
    """One node's file: priorities fall in file order, so that equal ones never decide by address (FS-06)."""
    layout = site.layout
    order = [n.name for n in layout.controllers].index(me.name)
    vips = dict.fromkeys((layout.vip_internal, layout.vip_public))
    prefix = site.cloud.networks.management.cidr.prefixlen
    return render(
        PACKAGE,
        "keepalived.conf.j2",
        me=me,
        peers=[n for n in layout.controllers if n.name != me.name],
        check=path_of(CHECK),
        stats_port=BALANCER_STATISTICS,
        router_id=layout.vrrp_router_id,
        priority=HIGHEST_PRIORITY - 10 * order,
        advert=f"{site.cloud.vip.advert_interval_s:g}",
        vips=vips,
        prefix=prefix,
    )


service = Keepalived()
