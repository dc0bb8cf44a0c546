"""Placement: what the hypervisors have and who has taken it."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import File, Package, Resource, Step, Wait, everywhere, here
from stackhaven.services.base import Account, Daemon, Declaration, Endpoint, IdentityUser, Listener, Site
from stackhaven.services.common import boot, oslo, ports
from stackhaven.services.common.ini import render_ini
from stackhaven.services.common.placement import one_of
from stackhaven.services.common.schema import conf_options, schema_command, schema_conf
from stackhaven.services.common.uwsgi import CALLS, api_files, api_unit, in_threads
from stackhaven.services.common.wanted import is_wanted

CONF = "/etc/placement/placement.conf"


class Placement:
    """Inventory and allocations."""

    name = "placement"

    def wanted(self, layout: Layout) -> bool:
        """Unless the operator left it out."""
        return is_wanted(layout, self.name)

    def declare(self, layout: Layout) -> Declaration:
        """A plain stateless API."""
        return Declaration(
            name=self.name,
            title="Placement",
            ha_mode="clone",
            ha_reason="stateless",
            listeners=(
                in_threads(
                    Listener(
                        name="placement",
                        port=ports.PLACEMENT,
                        service="placement",
                        check="GET /",
                        unit="placement-api",
                    )
                ),
            ),
            accounts=(Account(database="placement", user="placement", password="placement.db"),),
            endpoints=(Endpoint(type="placement", name="placement", port=ports.PLACEMENT),),
            users=(IdentityUser(name="placement", password="placement.user"),),
            daemons=(Daemon(unit="placement-api.service", nodes=tuple(n.name for n in layout.controllers)),),
            config_files={"placement.conf": CONF},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configure, schema, start."""
        names = tuple(n.name for n in site.layout.controllers)
        return (
            Step(
                name="placement.configure",
                title="Placement is configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="placement.schema",
                title="Placement's schema",
                nodes=one_of(names, 2),
                resources=lambda name: (
                    *schema_conf(site, site.node(name), "placement", {"placement_database": ""}),
                    schema_command(
                        "placement schema",
                        database="placement",
                        versions="placement/db/sqlalchemy/alembic/versions",
                        apply=("placement-manage", *conf_options("placement", CONF), "db", "sync"),
                        user="placement",
                        unit="haven-placement-schema",
                    ),
                ),
                needs=(everywhere("placement.configure"), everywhere("database.accounts"), everywhere("vip")),
                weight=6,
            ),
            Step(
                name="placement.start",
                title="Placement answers",
                nodes=names,
                resources=lambda name: (
                    api_unit("placement-api", CONF),
                    Wait(
                        what="placement answers",
                        url=f"http://{site.node(name).management}:{ports.PLACEMENT}/",
                        deadline_s=120,
                    ),
                ),
                needs=(everywhere("placement.schema"), everywhere("cache")),
                provides=("placement",),
                weight=5,
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one node."""
    conf = render_ini(
        {
            "DEFAULT": {"log_dir": "/var/log/placement"},
            "api": {"auth_strategy": "keystone"},
            "placement_database": oslo.database(site, node, service="placement"),
            "keystone_authtoken": oslo.keystone_authtoken(site, "placement"),
            "oslo_middleware": {"enable_proxy_headers_parsing": True},
        },
        overrides=oslo.overrides(site, "placement.conf"),
    )
    return (
        Package(
            names=(
                "placement-api",
                "uwsgi-core",
                "uwsgi-plugin-python3",
                "python3-pymysql",
                "python3-memcache",
            )
        ),
        File(path=CONF, content=conf, mode=0o640, group="placement"),
        *api_files(
            site,
            node,
            unit="placement-api",
            user="placement",
            port=ports.PLACEMENT,
            wsgi_file="/usr/bin/placement-api",
            calls=CALLS,
            exec_start_pre=boot.second(site),
        ),
    )


service = Placement()
