"""Neutron with ML2/OVN: routers, DHCP and floating IPs without agents that would have to fail over (H42, H44-H46)."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Directory, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Account, Daemon, Declaration, Endpoint, IdentityUser, Listener, Site
from stackhaven.services.common import boot, ports
from stackhaven.services.common.neutron import CONF, ML2, ml2_conf, neutron_conf
from stackhaven.services.common.placement import one_of
from stackhaven.services.common.schema import conf_options, schema_command, schema_conf
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import unit_file
from stackhaven.services.common.uwsgi import api_files, api_unit
from stackhaven.services.common.wanted import is_wanted

CONFIG_FILES = f"--config-file={CONF} --config-file={ML2}"
PACKAGE = __name__
RECONNECT = "ovn_reconnect.py"
RING = "ovn_ring.py"
WORKERS = ("neutron-periodic-workers", "neutron-ovn-maintenance-worker")


class Neutron:
    """Networking's control plane."""

    name = "neutron"

    def wanted(self, layout: Layout) -> bool:
        """Unless the operator left it out."""
        return is_wanted(layout, self.name)

    def declare(self, layout: Layout) -> Declaration:
        """With OVN nobody calls an RPC server, so none runs."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="Neutron (network)",
            ha_mode="clone",
            ha_reason="stateless: the workers agree through the database and OVN's locks",
            listeners=(
                Listener(
                    name="neutron",
                    port=ports.NEUTRON,
                    service="network",
                    check="GET /",
                    unit="neutron-api",
                    calls=1,
                ),
            ),
            accounts=(Account(database="neutron", user="neutron", password="neutron.db"),),
            endpoints=(Endpoint(type="network", name="neutron", port=ports.NEUTRON),),
            users=(IdentityUser(name="neutron", password="neutron.user"),),
            daemons=(
                Daemon(unit="neutron-api.service", nodes=names, stop_order=20),
                *(Daemon(unit=f"{u}.service", nodes=names, stop_order=45) for u in WORKERS),
            ),
            config_files={"neutron.conf": CONF, "ml2_conf.ini": ML2},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configure, schema, start."""
        names = tuple(n.name for n in site.layout.controllers)
        return (
            Step(
                name="neutron.configure",
                title="Networking is configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="neutron.schema",
                title="Networking's schema",
                nodes=one_of(names, 1),
                resources=lambda name: (
                    *schema_conf(site, site.node(name), "neutron"),
                    schema_command(
                        "network schema",
                        database="neutron",
                        versions="neutron/db/migration/alembic_migrations/versions",
                        apply=("neutron-db-manage", *conf_options("neutron", CONF, ML2), "upgrade", "heads"),
                        user="neutron",
                        unit="haven-neutron-schema",
                    ),
                ),
                needs=(everywhere("neutron.configure"), everywhere("database.accounts"), everywhere("vip")),
                weight=25,
            ),
            Step(
                name="neutron.start",
                title="Networking answers",
                nodes=names,
                resources=lambda name: (
                    api_unit("neutron-api", CONF, ML2, path_of(RECONNECT), path_of(RING)),
                    *(Unit(name=f"{w}.service", watches=(CONF, ML2)) for w in WORKERS),
                    Wait(
                        what="networking answers",
                        url=f"http://{site.node(name).management}:{ports.NEUTRON}/",
                        deadline_s=180,
                    ),
                ),
                needs=(
                    everywhere("neutron.schema"),
                    everywhere("messaging"),
                    everywhere("cache"),
                    everywhere("network.databases"),
                ),
                provides=("network.api",),
                weight=15,
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one controller."""
    return (
        Package(
            names=(
                "neutron-api",
                "neutron-periodic-workers",
                "neutron-ovn-maintenance-worker",
                "python3-pymysql",
            )
        ),
        Directory(path="/var/lib/neutron/lock", owner="neutron", group="neutron"),
        Directory(path="/var/lib/neutron/tmp", owner="neutron", group="neutron"),
        neutron_conf(site, node),
        script(PACKAGE, RECONNECT),
        script(PACKAGE, RING),
        ml2_conf(site),
        *api_files(
            site,
            node,
            unit="neutron-api",
            user="neutron",
            port=ports.NEUTRON,
            wsgi_file="/usr/bin/neutron-api",
            exec_start_pre=boot.second(site),
            options={
                "pyargv": CONFIG_FILES,
                "paste": "config:/etc/neutron/api-paste.ini",
                "import": path_of(RECONNECT),
                # The same option by its other name.
                "python-import": path_of(RING),
            },
        ),
        *(
            unit_file(
                w,
                description=f"OpenStack {w}",
                user="neutron",
                exec_start=f"/usr/bin/{w} {CONFIG_FILES}",
                exec_start_pre=boot.third(site),
            )
            for w in WORKERS
        ),
    )


service = Neutron()
