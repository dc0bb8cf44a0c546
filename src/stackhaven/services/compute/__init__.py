"""A hypervisor: libvirt and nova-compute."""

from __future__ import annotations

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Directory, File, Package, Resource, Step, Unit, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.nova import CONF, nova_conf
from stackhaven.services.common.systemd import drop_in, unit_file
from stackhaven.services.common.wanted import is_wanted

QEMU_CONF = "/etc/libvirt/qemu.conf"
LIBVIRTD_CONF = "/etc/libvirt/libvirtd.conf"


class Compute:
    """Where guests run."""

    name = "compute"

    def wanted(self, layout: Layout) -> bool:
        """With Nova, where there are computes."""
        return is_wanted(layout, "nova") and bool(layout.computes)

    def declare(self, layout: Layout) -> Declaration:
        """A hypervisor's guests are its own."""
        names = tuple(n.name for n in layout.computes)
        return Declaration(
            name=self.name,
            title="Hypervisors",
            ha_mode="native",
            ha_reason="a guest lives on one hypervisor; another one takes new guests",
            daemons=(
                Daemon(unit="nova-compute.service", nodes=names, stop_order=30),
                Daemon(unit="libvirtd.service", nodes=names, stop_order=32),
            ),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Files first, then the daemon when there is something to register with."""
        names = tuple(n.name for n in site.layout.computes)
        return (
            Step(
                name="compute.configure",
                title="Hypervisors are configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="compute.start",
                title="Hypervisors start",
                nodes=names,
                resources=lambda _name: (
                    Unit(name="virtlogd.socket"),
                    Unit(name="libvirtd.service", watches=(QEMU_CONF, LIBVIRTD_CONF)),
                    Unit(name="nova-compute.service", watches=(CONF,), timeout_s=240),
                ),
                needs=(
                    here("compute.configure"),
                    here("chassis.start"),
                    everywhere("nova.schema"),
                    everywhere("messaging"),
                    everywhere("catalogue"),
                    everywhere("placement"),
                ),
                provides=("hypervisors",),
                restarts_at_once=5,
                weight=15,
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one hypervisor."""
    return (
        Package(names=("nova-compute", "nova-compute-qemu", "libvirt-daemon-system", "qemu-utils")),
        Directory(path="/var/lib/nova/lock", owner="nova", group="nova"),
        Directory(path="/var/lib/nova/instances", owner="nova", group="nova"),
        nova_conf(site, node),
        File(path=QEMU_CONF, content=qemu_conf(site), mode=0o600),
        # Nova opens more calls at once than the packaged limits allow one client.
        File(path=LIBVIRTD_CONF, content="max_client_requests = 20\nmax_workers = 50\n"),
        drop_in("libvirtd", "[Service]\nRestart=always\nRestartSec=1\n"),
        unit_file(
            "nova-compute",
            description="OpenStack nova-compute",
            user="nova",
            exec_start=f"/usr/bin/nova-compute --config-file {CONF}",
            kind="notify",
            after=("libvirtd.service", "openvswitch-switch.service", "network-online.target"),
            unit_lines=("Wants=libvirtd.service",),
            stop_timeout_s=90,
        ),
    )


def qemu_conf(site: Site) -> str:
    """A machine of the lab is a container: what qemu.conf asks of a whole machine's kernel is not there."""
    lines = ['stdio_handler = "logd"']
    if site.cloud.lab is not None:
        lines = [
            'stdio_handler = "file"',
            'security_driver = "none"',
            "namespaces = []",
            "cgroup_controllers = []",
            "remember_owner = 0",
        ]
    return "\n".join(lines) + "\n"


service = Compute()
