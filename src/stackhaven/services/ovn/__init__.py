"""OVN's control plane: northbound and southbound databases in raft clusters, northd on every controller (H42, H44)."""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout
from stackhaven.plan import Command, File, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.ovn import northbound, southbound
from stackhaven.services.common.ports import OVN_NORTHBOUND, OVN_SOUTHBOUND
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import BEFORE_OTHERS, drop_in, unit_file
from stackhaven.services.common.wanted import is_wanted

PACKAGE = __name__
DEFAULTS = "/etc/default/ovn-central"
CHECK = "ovn_check.py"
CHECK_CONFIG = "/etc/stackhaven/ovn-check.json"
CHECK_EVERY_S = 0.5
SILENCE_S = {"nb": 2.5, "sb": 10.0}
"""How long a database may be busy with itself before its clients are sent to another member. The southbound has every
chassis as a client, is larger, and chassis have probes of their own."""


class OVN:
    """The network's databases."""

    name = "ovn"

    def wanted(self, layout: Layout) -> bool:
        """With Neutron."""
        return is_wanted(layout, "neutron")

    def declare(self, layout: Layout) -> Declaration:
        """Clients hold the list of members; nothing goes through the VIP."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="OVN databases",
            ha_mode="native",
            ha_reason="raft elects a leader; northd runs everywhere and one holds the lock",
            daemons=(
                Daemon(unit="haven-ovn-check.service", nodes=names, stop_order=72),
                Daemon(unit="ovn-northd.service", nodes=names, stop_order=70),
                Daemon(unit="ovn-ovsdb-server-nb.service", nodes=names, stop_order=71),
                Daemon(unit="ovn-ovsdb-server-sb.service", nodes=names, stop_order=71),
            ),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """The first founds, the others join, one after another; then all are waited for."""
        names = tuple(n.name for n in site.layout.controllers)

        def member(name: str, role: str) -> tuple[Resource, ...]:
            node = site.node(name)
            peers = tuple(n.management for n in site.layout.controllers if n.name != name)
            tool = path_of("ovn_database.py")
            databases = tuple(
                Command(
                    what=f"{kind} database",
                    check=(tool, "check", kind),
                    apply=(tool, "make", kind, node.management, role, *peers),
                    timeout_s=180,
                )
                for kind in ("nb", "sb")
            )
            return (
                Package(names=("ovn-central",)),
                script(PACKAGE, "ovn_database.py"),
                script(PACKAGE, "ovn_member.py"),
                File(path=DEFAULTS, content=defaults(site, node.management)),
                *databases,
                *(
                    # Without its file the packaged start would found a second cluster, empty, at the same address. The
                    # unit names a PID file that is never written: with any program after its start it waits for that.
                    drop_in(
                        f"ovn-ovsdb-server-{kind}",
                        f"[Unit]\nConditionPathExists=/var/lib/ovn/ovn{kind}_db.db\nStartLimitIntervalSec=0\n"
                        "[Service]\nCPUWeight=1000\nNice=-10\n",
                    )
                    for kind in ("nb", "sb")
                ),
                *(
                    Unit(name=f"ovn-ovsdb-server-{kind}.service", watches=(DEFAULTS,), enabled=None)
                    for kind in ("nb", "sb")
                ),
                Unit(name="ovn-northd.service", watches=(DEFAULTS,), enabled=None),
                Unit(name="ovn-central.service"),
                script(PACKAGE, CHECK),
                File(path=CHECK_CONFIG, content=check_config(node.management)),
                unit_file(
                    "haven-ovn-check",
                    description="Ends connections to an OVN database that stands still",
                    user="root",
                    exec_start=f"{path_of(CHECK)} {CHECK_CONFIG}",
                    service_lines=("CapabilityBoundingSet=CAP_NET_ADMIN", *BEFORE_OTHERS.splitlines()),
                ),
                Unit(name="haven-ovn-check.service", watches=(path_of(CHECK), CHECK_CONFIG)),
            )

        steps = [
            Step(
                name="ovn.found",
                title="The first OVN database member starts",
                nodes=names[:1],
                resources=lambda name: member(name, "found"),
                needs=(here("node.base"),),
                weight=2,
            )
        ]
        if len(names) > 1:
            steps.append(
                Step(
                    name="ovn.join",
                    title="OVN database members join",
                    nodes=names[1:],
                    resources=lambda name: member(name, "join"),
                    needs=(everywhere("ovn.found"), here("node.base")),
                    serial=True,
                    weight=2,
                )
            )
        steps.append(
            Step(
                name="ovn.cluster",
                title="OVN databases have a leader and all members",
                nodes=names,
                resources=lambda _name: tuple(
                    Wait(
                        what=f"{kind} cluster of {len(names)}",
                        argv=(path_of("ovn_member.py"), kind, str(len(names))),
                        deadline_s=90,
                    )
                    for kind in ("nb", "sb")
                ),
                needs=(everywhere("ovn.join" if len(names) > 1 else "ovn.found"),),
                provides=("network.databases",),
            )
        )
        return tuple(steps)


def check_config(address: str) -> str:
    """What the program that looks after the databases of one member reads."""
    ports = {"nb": OVN_NORTHBOUND, "sb": OVN_SOUTHBOUND}
    databases = [{"name": kind, "port": port, "silence_s": SILENCE_S[kind]} for kind, port in ports.items()]
    return (
        json.dumps({"address": address, "interval_s": CHECK_EVERY_S, "databases": databases}, indent=1) + "\n"
    )


def defaults(site: Site, address: str) -> str:
    """Options of ovn-ctl for one member."""
    options = [
        f"--db-nb-addr={address}",
        f"--db-sb-addr={address}",
        "--db-nb-create-insecure-remote=yes",
        "--db-sb-create-insecure-remote=yes",
        f"--db-nb-cluster-local-addr={address}",
        f"--db-sb-cluster-local-addr={address}",
        f"--ovn-northd-nb-db={northbound(site.layout)}",
        f"--ovn-northd-sb-db={southbound(site.layout)}",
    ]
    return f'OVN_CTL_OPTS="{" ".join(options)}"\n'


service = OVN()
