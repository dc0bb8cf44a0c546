"""Glance: images, one shared directory behind all instances."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Directory, File, Package, Resource, Step, Wait, everywhere, here
from stackhaven.services.base import Account, Daemon, Declaration, Endpoint, IdentityUser, Listener, Site
from stackhaven.services.common import boot, oslo, ports
from stackhaven.services.common.ini import render_ini
from stackhaven.services.common.placement import one_of
from stackhaven.services.common.schema import conf_options, schema_command, schema_conf
from stackhaven.services.common.uwsgi import CALLS, api_files, api_unit, in_threads
from stackhaven.services.common.wanted import is_wanted

CONF = "/etc/glance/glance-api.conf"
STORE = "/var/lib/glance/images"


class Glance:
    """Images."""

    name = "glance"

    def wanted(self, layout: Layout) -> bool:
        """Unless the operator left it out."""
        return is_wanted(layout, self.name)

    def declare(self, layout: Layout) -> Declaration:
        """Uploads and downloads may take long: the balancer waits longer than for other calls."""
        return Declaration(
            name=self.name,
            title="Glance (images)",
            ha_mode="clone",
            ha_reason="stateless: the store is the same on every node",
            listeners=(
                in_threads(
                    Listener(
                        name="glance",
                        port=ports.GLANCE,
                        service="image",
                        unit="glance-api",
                        client_timeout_s=600,
                        server_timeout_s=600,
                    )
                ),
            ),
            accounts=(Account(database="glance", user="glance", password="glance.db"),),
            endpoints=(Endpoint(type="image", name="glance", port=ports.GLANCE),),
            users=(IdentityUser(name="glance", password="glance.user"),),
            daemons=(
                Daemon(
                    unit="glance-api.service", nodes=tuple(n.name for n in layout.controllers), stop_order=20
                ),
            ),
            config_files={"glance-api.conf": CONF},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configure, schema, start."""
        names = tuple(n.name for n in site.layout.controllers)
        return (
            Step(
                name="glance.configure",
                title="Images are configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="glance.schema",
                title="Images' schema",
                nodes=one_of(names, 1),
                resources=lambda name: (
                    *schema_conf(site, site.node(name), "glance"),
                    schema_command(
                        "image schema",
                        database="glance",
                        versions="glance/db/sqlalchemy/alembic_migrations/versions",
                        apply=("glance-manage", *conf_options("glance", CONF), "db_sync"),
                        user="glance",
                        unit="haven-glance-schema",
                    ),
                ),
                needs=(everywhere("glance.configure"), everywhere("database.accounts"), everywhere("vip")),
                weight=10,
            ),
            Step(
                name="glance.start",
                title="Images answer",
                nodes=names,
                resources=lambda name: (
                    api_unit("glance-api", CONF),
                    Wait(
                        what="images answer",
                        url=f"http://{site.node(name).management}:{ports.GLANCE}/healthcheck",
                        deadline_s=120,
                    ),
                ),
                needs=(everywhere("glance.schema"), everywhere("cache")),
                provides=("images",),
                weight=8,
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one node."""
    conf = render_ini(
        {
            "DEFAULT": {
                "enabled_backends": "file:file",
                "log_dir": "/var/log/glance",
                "enabled_import_methods": "[glance-direct,copy-image]",
            },
            "database": oslo.database(site, node, service="glance"),
            "keystone_authtoken": oslo.keystone_authtoken(site, "glance"),
            "paste_deploy": {"flavor": "keystone"},
            "glance_store": {"default_backend": "file"},
            "file": {"filesystem_store_datadir": STORE},
            "os_glance_tasks_store": {"filesystem_store_datadir": "/var/lib/glance/tasks"},
            "os_glance_staging_store": {"filesystem_store_datadir": "/var/lib/glance/staging"},
            "oslo_concurrency": oslo.concurrency("glance"),
            "oslo_middleware": {"enable_proxy_headers_parsing": True},
        },
        overrides=oslo.overrides(site, "glance-api.conf"),
    )
    return (
        Package(
            names=("glance-api", "uwsgi-core", "uwsgi-plugin-python3", "python3-pymysql", "python3-memcache")
        ),
        *(
            Directory(path=f"/var/lib/glance/{folder}", mode=0o750, owner="glance", group="glance")
            for folder in ("images", "tasks", "staging", "lock")
        ),
        File(path=CONF, content=conf, mode=0o640, group="glance"),
        *api_files(
            site,
            node,
            unit="glance-api",
            user="glance",
            port=ports.GLANCE,
            wsgi_file="/usr/bin/glance-wsgi-api",
            calls=CALLS,
            exec_start_pre=boot.second(site),
            # Uploads and downloads in progress are worth waiting for.
            options={"worker-reload-mercy": 25},
        ),
    )


service = Glance()
