"""Horizon: the dashboard, with one secret key on all nodes and sessions in all caches (H14, H40)."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Directory, File, Package, Resource, Step, Wait, here, if_any
from stackhaven.services.base import Daemon, Declaration, Listener, Site
from stackhaven.services.common import boot, ports
from stackhaven.services.common.template import render
from stackhaven.services.common.uwsgi import CALLS, api_files, api_unit
from stackhaven.services.common.wanted import is_wanted

PACKAGE = __name__
SETTINGS = "/etc/openstack-dashboard/local_settings.d/_9999_stackhaven.py"


class Horizon:
    """The dashboard."""

    name = "horizon"

    def wanted(self, layout: Layout) -> bool:
        """Unless the operator left it out."""
        return is_wanted(layout, self.name)

    def declare(self, layout: Layout) -> Declaration:
        """Sessions are shared, so no affinity is needed."""
        return Declaration(
            name=self.name,
            title="Horizon (dashboard)",
            ha_mode="clone",
            ha_reason="stateless: sessions are in memcached, the key that signs them is shared",
            listeners=(
                Listener(
                    name="horizon",
                    port=ports.HORIZON,
                    service="dashboard",
                    backend_port=ports.HORIZON_MEMBER,
                    check="GET /auth/login/",
                    unit="horizon",
                    calls=CALLS,
                    expect="status 200",
                    inter_ms=5000,
                ),
            ),
            daemons=(
                Daemon(
                    unit="horizon.service", nodes=tuple(n.name for n in layout.controllers), stop_order=10
                ),
            ),
            secrets=("horizon.key",),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """One step."""
        return (
            Step(
                name="horizon.start",
                title="The dashboard answers",
                nodes=tuple(n.name for n in site.layout.controllers),
                resources=lambda name: resources(site, site.node(name)),
                needs=(here("node.base"), if_any("cache")),
                provides=("dashboard",),
                weight=8,
            ),
        )


def resources(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files, the program, and what shows that it works."""
    layout = site.layout
    settings = render(
        PACKAGE,
        "settings.py.j2",
        secret_key=site.secrets["horizon.key"],
        hosts=sorted({layout.vip_internal, layout.vip_public, node.management, "localhost", "127.0.0.1"}),
        caches=[f"{n.management}:{ports.MEMCACHED}" for n in layout.controllers],
        keystone_url=f"http://{layout.vip_internal}:{ports.KEYSTONE}/v3",
        region=site.cloud.region,
    )
    return (
        Package(names=("openstack-dashboard", "uwsgi-core", "uwsgi-plugin-python3", "python3-pymemcache")),
        Directory(
            path="/var/lib/openstack-dashboard/secret-key", mode=0o700, owner="www-data", group="www-data"
        ),
        File(path=SETTINGS, content=settings, mode=0o640, group="www-data"),
        *api_files(
            site,
            node,
            unit="horizon",
            user="www-data",
            port=ports.HORIZON_MEMBER,
            wsgi_file="/usr/share/openstack-dashboard/wsgi.py",
            calls=CALLS,
            exec_start_pre=boot.third(site),
            options={
                "static-map": "/static=/var/lib/openstack-dashboard/static",
                "chdir": "/usr/share/openstack-dashboard",
            },
        ),
        api_unit("horizon", SETTINGS),
        Wait(
            what="the dashboard answers",
            url=f"http://{node.management}:{ports.HORIZON_MEMBER}/auth/login/",
            deadline_s=120,
        ),
    )


service = Horizon()
