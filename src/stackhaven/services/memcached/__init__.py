"""memcached on every controller's own address; clients hold the whole list (H47)."""

from __future__ import annotations

from stackhaven.design.layout import Layout
from stackhaven.plan import File, Package, Resource, Step, Unit, Wait, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.ports import MEMCACHED as MEMCACHED_PORT
from stackhaven.services.common.sizes import memcached_mb


class Memcached:
    """The cache of tokens, sessions and lookups."""

    name = "memcached"

    def wanted(self, layout: Layout) -> bool:
        """Where there is a control plane."""
        return bool(layout.controllers)

    def declare(self, layout: Layout) -> Declaration:
        """Nothing in it must survive, so nothing is replicated."""
        return Declaration(
            name=self.name,
            title="memcached",
            ha_mode="clone",
            ha_reason="a lost member is a cache miss; a balancer in front would make members incoherent",
            daemons=(
                Daemon(
                    unit="memcached.service", nodes=tuple(n.name for n in layout.controllers), stop_order=80
                ),
            ),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """One step."""

        def resources(name: str) -> tuple[Resource, ...]:
            node = site.node(name)
            lines = (
                f"-l {node.management}",
                f"-p {MEMCACHED_PORT}",
                "-u memcache",
                f"-m {memcached_mb(site.cloud, node)}",
                "-c 8192",
                "-P /run/memcached/memcached.pid",
                "-U 0",
            )
            return (
                Package(names=("memcached",)),
                File(path="/etc/memcached.conf", content="\n".join(lines) + "\n"),
                Unit(name="memcached.service", watches=("/etc/memcached.conf",)),
                Wait(what="memcached accepts", tcp=(node.management, MEMCACHED_PORT), deadline_s=30),
            )

        return (
            Step(
                name="memcached.start",
                title="Caches start",
                nodes=tuple(n.name for n in site.layout.controllers),
                resources=resources,
                needs=(here("node.base"),),
                provides=("cache",),
            ),
        )


service = Memcached()
