"""Every node alike: names, kernel settings, our directories, time."""

from __future__ import annotations

from stackhaven.design.layout import Layout
from stackhaven.plan import Directory, File, Package, Resource, Step, Sysctl, Unit
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.boot import START_AFTER
from stackhaven.services.common.script import LIB, script

PACKAGE = __name__
KERNEL = {
    # H15: HAProxy binds the VIP on every controller, held or not.
    "net.ipv4.ip_nonlocal_bind": "1",
    "net.ipv6.ip_nonlocal_bind": "1",
    # A dead flow is given up after about 13 s instead of 15 minutes.
    "net.ipv4.tcp_retries2": "6",
    "net.ipv4.tcp_syn_retries": "3",
    "net.ipv4.tcp_keepalive_time": "30",
    "net.ipv4.tcp_keepalive_intvl": "5",
    "net.ipv4.tcp_keepalive_probes": "3",
    # B09, F-40: listen queues for bursts of API calls.
    "net.core.somaxconn": "4096",
    # Neighbour tables for many guests and hosts.
    "net.ipv4.neigh.default.gc_thresh1": "128",
    "net.ipv4.neigh.default.gc_thresh2": "28672",
    "net.ipv4.neigh.default.gc_thresh3": "32768",
    "fs.file-max": "1000000",
}
# A network namespace of a container does not own these.
OPTIONAL = (
    "net.ipv4.neigh.default.gc_thresh1",
    "net.ipv4.neigh.default.gc_thresh2",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv6.ip_nonlocal_bind",
    "fs.file-max",
)


class NodeBase:
    """The ground that every service stands on."""

    name = "node"

    def wanted(self, layout: Layout) -> bool:
        """Every layout has nodes."""
        return bool(layout.nodes)

    def declare(self, layout: Layout) -> Declaration:
        """Time is kept on real hosts; a lab shares its host's clock."""
        hosts = tuple(n.name for n in layout.nodes if n.ssh is not None)
        return Declaration(
            name=self.name,
            title="Operating system",
            ha_mode="native",
            ha_reason="every node has its own",
            daemons=(Daemon(unit="chrony.service", nodes=hosts, stop_order=99),) if hosts else (),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """One step: everything that all the others expect of a node."""

        def resources(name: str) -> tuple[Resource, ...]:
            base: tuple[Resource, ...] = (
                Directory(path=LIB),
                Directory(path="/etc/stackhaven/uwsgi"),
                script(PACKAGE, START_AFTER),
                File(path="/etc/hosts", content=hosts_file(site.layout)),
                Sysctl(name="60-stackhaven", values=KERNEL, optional=OPTIONAL),
            )
            if site.node(name).ssh is None:
                return base
            return (*base, Package(names=("chrony",)), Unit(name="chrony.service"))

        return (
            Step(
                name="node.base",
                title="Names, kernel settings, time",
                nodes=tuple(n.name for n in site.layout.nodes),
                resources=resources,
                provides=("node",),
            ),
        )


def hosts_file(layout: Layout) -> str:
    """Names of the cloud's own nodes, so that nothing waits for a name server."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{n.management} {n.name}" for n in layout.nodes]
    return "\n".join(lines) + "\n"


service = NodeBase()
