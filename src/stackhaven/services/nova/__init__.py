"""Nova's control plane: API, metadata, conductor, scheduler, console proxy, cells."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Command, Directory, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Account, Daemon, Declaration, Endpoint, IdentityUser, Listener, Site
from stackhaven.services.common import boot, ports
from stackhaven.services.common.nova import CONF, nova_conf
from stackhaven.services.common.placement import one_of
from stackhaven.services.common.schema import schema_conf
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import unit_file
from stackhaven.services.common.uwsgi import api_files, api_unit
from stackhaven.services.common.wanted import is_wanted

PACKAGE = __name__
DATABASE_TEMPLATE = "{scheme}://{username}:{password}@{hostname}:{port}/%s?{query}"
DAEMONS = {
    "nova-conductor": "/usr/bin/nova-conductor --config-file /etc/nova/nova.conf",
    "nova-scheduler": "/usr/bin/nova-scheduler --config-file /etc/nova/nova.conf",
}
NOVNC = "/usr/bin/nova-novncproxy --config-file /etc/nova/nova.conf --web /usr/share/novnc"


class Nova:
    """Compute's control plane."""

    name = "nova"

    def wanted(self, layout: Layout) -> bool:
        """Unless the operator left it out."""
        return is_wanted(layout, self.name)

    def declare(self, layout: Layout) -> Declaration:
        """Three listeners; consoles stay with their member."""
        names = tuple(n.name for n in layout.controllers)
        clients = ("nova-api", "nova-novncproxy")
        inner = ("nova-api-metadata", "nova-conductor", "nova-scheduler")
        return Declaration(
            name=self.name,
            title="Nova (compute)",
            ha_mode="clone",
            ha_reason="stateless: work is shared through the queue, state is in the database",
            listeners=(
                Listener(
                    name="nova", port=ports.NOVA, service="compute", check="GET /", unit="nova-api", calls=1
                ),
                Listener(
                    name="nova-metadata",
                    port=ports.NOVA_METADATA,
                    service="metadata",
                    unit="nova-api-metadata",
                    check="GET /",
                    internal_only=True,
                ),
                Listener(
                    name="novnc",
                    port=ports.NOVNC,
                    service="console",
                    check="GET /vnc_lite.html",
                    sticky=True,
                    # Each connection, and so each check, is a process of its own there.
                    inter_ms=5000,
                    client_timeout_s=3600,
                    server_timeout_s=3600,
                ),
            ),
            accounts=(
                Account(database="nova_api", user="nova", password="nova.db"),
                Account(database="nova", user="nova", password="nova.db"),
                Account(database="nova_cell0", user="nova", password="nova.db"),
            ),
            endpoints=(Endpoint(type="compute", name="nova", port=ports.NOVA, path="/v2.1"),),
            users=(IdentityUser(name="nova", password="nova.user"),),
            daemons=(
                *(Daemon(unit=f"{u}.service", nodes=names, stop_order=20) for u in clients),
                *(Daemon(unit=f"{u}.service", nodes=names, stop_order=40) for u in inner),
            ),
            secrets=("nova.metadata",),
            config_files={"nova.conf": CONF},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Configure; two schemas and the cells, in nova's own order; start; map the hypervisors."""
        names = tuple(n.name for n in site.layout.controllers)
        computes = tuple(n.name for n in site.layout.computes)
        steps = (
            Step(
                name="nova.configure",
                title="Compute's control plane is configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="nova.schema",
                title="Compute's schemas and cells",
                nodes=one_of(names, 0),
                resources=lambda name: schema(site, site.node(name)),
                needs=(everywhere("nova.configure"), everywhere("database.accounts"), everywhere("vip")),
                weight=40,
            ),
            Step(
                name="nova.start",
                title="Compute's control plane answers",
                nodes=names,
                resources=lambda name: running(site.node(name)),
                # The conductor and the scheduler sign in while they start.
                needs=(
                    everywhere("nova.schema"),
                    everywhere("messaging"),
                    everywhere("cache"),
                    everywhere("catalogue"),
                ),
                provides=("compute.api",),
                weight=25,
            ),
        )
        if not computes:
            return steps
        return (
            *steps,
            Step(
                name="nova.hosts",
                title="Hypervisors are mapped to their cell",
                nodes=one_of(names, 0),
                resources=lambda _name: (
                    script(PACKAGE, "nova_hosts.py"),
                    Command(
                        what="hypervisors in the cell",
                        check=(path_of("nova_hosts.py"), "check", *computes),
                        apply=(path_of("nova_hosts.py"), "apply", *computes),
                        timeout_s=480,
                    ),
                ),
                needs=(everywhere("hypervisors"), everywhere("nova.start")),
                provides=("compute",),
                weight=5,
            ),
        )


def schema(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Schemas and cells, in nova's own order, in one process."""
    brokers = len(site.layout.controllers)
    transport = "rabbit://" + ",".join(
        f"{{username{i}}}:{{password{i}}}@{{hostname{i}}}:{{port{i}}}" for i in range(1, brokers + 1)
    )
    if brokers == 1:
        transport = "rabbit://{username}:{password}@{hostname}:{port}"
    urls = (DATABASE_TEMPLATE % "nova_cell0", DATABASE_TEMPLATE % "nova", transport + "/")
    tool = path_of("nova_schema.py")
    return (
        *schema_conf(site, node, "nova", {"api_database": "nova_api", "database": "nova"}),
        script(PACKAGE, "nova_schema.py"),
        Command(
            what="compute schemas and cells",
            check=(tool, "check", *urls),
            apply=("/usr/sbin/runuser", "-u", "nova", "--", tool, "apply", *urls),
            unit="haven-nova-schema",
            timeout_s=900,
        ),
    )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one controller."""
    daemons = [
        unit_file(
            unit,
            description=f"OpenStack {unit}",
            user="nova",
            exec_start=command,
            kind="notify",
            stop_timeout_s=90,
            exec_start_pre=boot.second(site),
        )
        for unit, command in DAEMONS.items()
    ]
    return (
        Package(
            names=(
                "nova-api",
                "nova-conductor",
                "nova-scheduler",
                "nova-consoleproxy",
                "novnc",
                "python3-pymysql",
            )
        ),
        Directory(path="/var/lib/nova/lock", owner="nova", group="nova"),
        nova_conf(site, node),
        *api_files(
            site,
            node,
            unit="nova-api",
            user="nova",
            port=ports.NOVA,
            wsgi_file="/usr/bin/nova-api-wsgi",
            exec_start_pre=boot.second(site),
        ),
        *api_files(
            site,
            node,
            unit="nova-api-metadata",
            user="nova",
            port=ports.NOVA_METADATA,
            wsgi_file="/usr/bin/nova-metadata-wsgi",
            exec_start_pre=boot.second(site),
        ),
        *daemons,
        unit_file(
            "nova-novncproxy",
            description="OpenStack nova-novncproxy",
            user="nova",
            exec_start=NOVNC,
            exec_start_pre=boot.third(site),
        ),
    )


def running(node: LayoutNode) -> tuple[Resource, ...]:
    """The programs of one controller, and what shows that they work."""
    return (
        api_unit("nova-api", CONF),
        api_unit("nova-api-metadata", CONF),
        *(Unit(name=f"{unit}.service", watches=(CONF,)) for unit in (*DAEMONS, "nova-novncproxy")),
        Wait(what="compute answers", url=f"http://{node.management}:{ports.NOVA}/", deadline_s=180),
        Wait(what="metadata answers", url=f"http://{node.management}:{ports.NOVA_METADATA}/", deadline_s=180),
        Wait(what="consoles answer", tcp=(node.management, ports.NOVNC), deadline_s=120),
    )


service = Nova()
