"""Pacemaker and Corosync: move the VIPs by membership and quorum, and take a lost member's power before (H18-H24).

Nothing here needs pcs or its daemon: the cluster's whole configuration is computed and compared with what it has.
"""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.fencing import is_fenced
from stackhaven.plan import Command, Directory, File, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.script import packaged, path_of, script
from stackhaven.services.common.systemd import drop_in
from stackhaven.services.common.template import render
from stackhaven.services.common.vip import AFTER_BRIDGE, on_bridge
from stackhaven.services.pacemaker.resources import PASSWORDS, cluster_of, password_file

PACKAGE = __name__
CONF = "/etc/corosync/corosync.conf"
KEY = "/etc/corosync/authkey"
AGENT = "/usr/lib/ocf/resource.d/stackhaven/balancer-answers"

HELPER = "cluster_resources.py"
PACKAGES = ("corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents")
FENCE_PACKAGES = ("fence-agents-ipmilan", "fence-agents-redfish", "ipmitool")

COROSYNC_UNIT = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecReload=/usr/sbin/corosync-cfgtool -R
Restart=on-failure
RestartSec=1
"""
PACEMAKER_UNIT = """\
[Unit]
StartLimitIntervalSec=0
{after}[Service]
# Half an hour, as packaged, is longer than anyone waits for a machine to shut down.
TimeoutStopSec=120
"""


class Pacemaker:
    """The other provider of the VIPs."""

    name = "pacemaker"

    def wanted(self, layout: Layout) -> bool:
        """Where it was chosen."""
        return bool(layout.controllers) and layout.cloud.vip.provider == "pacemaker"

    def declare(self, layout: Layout) -> Declaration:
        """One holder at a time. The passwords of BMCs are secrets of the model: real ones are given, not made."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="VIP (Pacemaker)",
            ha_mode="failover",
            ha_reason="an address lives on one node; the majority moves it, after it has taken a lost member's power",
            daemons=(
                # All at once: one after the other they would hand the VIP on only to lose it again.
                Daemon(unit="pacemaker.service", nodes=names, stop_order=85, stop_timeout_s=130.0),
                Daemon(unit="corosync.service", nodes=names, stop_order=87),
            ),
            secrets=("corosync.authkey",),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configured on all members, started together, then given their resources once."""
        names = tuple(n.name for n in site.layout.controllers)
        wanted = json.dumps(cluster_of(site.layout).as_data())
        return (
            Step(
                name="pacemaker.files",
                title="Cluster members get key and configuration",
                nodes=names,
                resources=lambda _name: _files(site, wanted),
                needs=(here("haproxy.start"), *((here("switch"),) if on_bridge(site.layout) else ())),
            ),
            Step(
                name="pacemaker.start",
                title="Cluster members meet",
                nodes=names,
                resources=lambda _name: _units(),
                # A reload on one member makes all read their files again: they must be the same by then.
                needs=(everywhere("pacemaker.files"),),
            ),
            Step(
                name="pacemaker.resources",
                title="The cluster learns what it runs",
                nodes=names[:1],
                resources=lambda _name: (_resources(wanted),),
                needs=(everywhere("pacemaker.start"),),
            ),
            Step(
                name="pacemaker.holder",
                title="The VIP answers",
                nodes=names,
                resources=lambda _name: (
                    Wait(
                        what=f"the VIP {site.layout.vip_internal} answers",
                        tcp=(site.layout.vip_internal, 3306),
                        deadline_s=60,
                    ),
                ),
                needs=(everywhere("pacemaker.resources"),),
                provides=("vip",),
            ),
        )


def _files(site: Site, wanted: str) -> tuple[Resource, ...]:
    fenced = is_fenced(site.cloud)
    members = tuple(n for n in site.layout.controllers if n.bmc is not None) if fenced else ()
    return (
        # Two holders of one address is what this cluster is there to prevent.
        Unit(name="keepalived.service", active=False, enabled=False),
        Unit(name="haven-vip-majority.service", active=False, enabled=False),
        Package(names=PACKAGES + (FENCE_PACKAGES if fenced else ())),
        File(path=KEY, content=site.secrets["corosync.authkey"], mode=0o400, sensitive=True),
        File(path=CONF, content=corosync_conf(site.layout)),
        File(path=AGENT, content=packaged(PACKAGE, "balancer_answers.sh"), mode=0o755),
        script(PACKAGE, HELPER),
        *_fencing_files(site, members),
        drop_in("corosync", COROSYNC_UNIT),
        drop_in("pacemaker", PACEMAKER_UNIT.format(after=AFTER_BRIDGE if on_bridge(site.layout) else "")),
        # With its first content in place a new cluster neither waits 20 s for an elder nor starts without fencing.
        Command(
            what="first content of the cluster's configuration",
            check=("test", "-e", "/var/lib/pacemaker/cib/cib.xml"),
            apply=(path_of(HELPER), "seed"),
            stdin=wanted,
        ),
    )


def _fencing_files(site: Site, members: tuple[LayoutNode, ...]) -> tuple[Resource, ...]:
    if not members:
        return ()
    passwords = (
        File(path=password_file(n), content=site.secrets[n.bmc.password_name], mode=0o600, sensitive=True)
        for n in members
        if n.bmc is not None
    )
    return (script(PACKAGE, "fence_ipmitool.sh"), Directory(path=PASSWORDS, mode=0o700), *passwords)


def _units() -> tuple[Resource, ...]:
    return (
        Unit(name="corosync.service", watches=(CONF, KEY), reload=True),
        Unit(name="pacemaker.service"),
    )


def _resources(wanted: str) -> Command:
    return Command(
        what="the cluster's resources, constraints and options",
        check=(path_of(HELPER), "check"),
        check_stdin=wanted,
        apply=(path_of(HELPER), "apply"),
        stdin=wanted,
        timeout_s=120.0,
    )


def corosync_conf(layout: Layout) -> str:
    """The same text for every member."""
    return render(
        PACKAGE,
        "corosync.conf.j2",
        cluster=layout.cloud.name,
        key=KEY,
        token_ms=round(layout.cloud.vip.token_s * 1000),
        members=layout.controllers,
    )


service = Pacemaker()
