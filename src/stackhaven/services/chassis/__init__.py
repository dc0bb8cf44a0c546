"""A chassis of OVN: Open vSwitch, ovn-controller and the metadata agent, on computes and network nodes."""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.cloud import Role
from stackhaven.plan import Command, Directory, File, Package, Resource, Step, Unit, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common import oslo, ports
from stackhaven.services.common.ini import Because, render_ini
from stackhaven.services.common.neutron import CONF as NEUTRON_CONF
from stackhaven.services.common.neutron import neutron_conf
from stackhaven.services.common.ovn import EXTERNAL_BRIDGE, southbound
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.systemd import unit_file
from stackhaven.services.common.wanted import is_wanted

PACKAGE = __name__
METADATA_CONF = "/etc/neutron/neutron_ovn_metadata_agent.ini"
SYSTEM_ID = "/etc/openvswitch/system-id.conf"
MANAGER = "ptcp:6640:127.0.0.1"
TUNNEL_BRIDGE = "br-phy"


class Chassis:
    """The data plane's switches."""

    name = "chassis"

    def wanted(self, layout: Layout) -> bool:
        """With Neutron, where there are chassis."""
        return is_wanted(layout, "neutron") and bool(layout.chassis)

    def declare(self, layout: Layout) -> Declaration:
        """Guests keep their flows when the control plane is away."""
        names = tuple(n.name for n in layout.chassis)
        computes = tuple(n.name for n in layout.computes)
        return Declaration(
            name=self.name,
            title="OVN chassis",
            ha_mode="native",
            ha_reason="every chassis forwards by itself; gateways are scheduled on several with priorities",
            daemons=(
                Daemon(unit="neutron-ovn-metadata-agent.service", nodes=computes, stop_order=60),
                Daemon(unit="ovn-controller.service", nodes=names, stop_order=65),
                Daemon(unit="ovs-vswitchd.service", nodes=names, stop_order=66),
                Daemon(unit="ovsdb-server.service", nodes=names, stop_order=67),
            ),
            config_files={"neutron_ovn_metadata_agent.ini": METADATA_CONF},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Switch, controller, agent: one node's chassis does not wait for another's."""
        names = tuple(n.name for n in site.layout.chassis)
        return (
            Step(
                name="chassis.switch",
                title="Switches start",
                nodes=names,
                resources=lambda name: switch(site, site.node(name)),
                # Nothing else: a public VIP in the external network lives on the bridge that is made here.
                needs=(here("node.base"),),
                provides=("switch",),
                weight=3,
            ),
            Step(
                name="chassis.start",
                title="Switches join OVN",
                nodes=names,
                resources=lambda _name: (
                    Package(names=("ovn-host",)),
                    Unit(name="ovn-controller.service", enabled=None),
                    Unit(name="ovn-host.service"),
                ),
                needs=(here("chassis.switch"), everywhere("network.databases")),
                provides=("chassis",),
                weight=2,
            ),
            Step(
                name="chassis.metadata",
                title="Metadata agents start",
                nodes=tuple(n.name for n in site.layout.computes),
                resources=lambda name: metadata(site, site.node(name)),
                needs=(here("chassis.start"),),
                provides=("chassis.metadata",),
                restarts_at_once=10,
                weight=5,
            ),
        )


def userspace(site: Site) -> bool:
    """Whether the chassis forward in user space: only where the lab's host has no openvswitch module."""
    return not site.kernel_datapath


def wanted_switch(site: Site, node: LayoutNode) -> dict[str, object]:
    """The switch's configuration as `files/chassis.py` reads it."""
    kind = "netdev" if userspace(site) else "system"
    external = node.interfaces["external"]
    bridges = [{"name": EXTERNAL_BRIDGE, "datapath_type": kind, "ports": [external]}]
    if userspace(site):
        bridges.append({"name": TUNNEL_BRIDGE, "datapath_type": kind, "ports": [node.interfaces["tunnel"]]})
    physical = site.cloud.networks.external.name
    ids = {
        "system-id": node.name,
        "hostname": node.name,
        "ovn-remote": southbound(site.layout),
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": node.tunnel,
        "ovn-bridge-mappings": f"{physical}:{EXTERNAL_BRIDGE}",
        "ovn-bridge-datapath-type": kind,
        "ovn-monitor-all": "true",
        "ovn-remote-probe-interval": "5000",
    }
    if node.has(Role.NETWORK):
        ids["ovn-cms-options"] = "enable-chassis-as-gw"
    return {
        "external_ids": ids,
        "bridges": bridges,
        "manager": MANAGER,
        "up": [EXTERNAL_BRIDGE, external],
    }


def switch(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Open vSwitch of one chassis."""
    wanted = json.dumps(wanted_switch(site, node))
    tool = path_of("chassis.py")
    external_kind = "userspace" if userspace(site) else "kernel"
    return (
        Package(names=("openvswitch-switch", "ethtool")),
        # Before the first start: an id that is only set later is lost at restart, and the southbound refuses it.
        Directory(path="/etc/openvswitch"),
        File(path=SYSTEM_ID, content=f"{node.name}\n"),
        script(PACKAGE, "chassis.py"),
        script(PACKAGE, "external_up.sh"),
        *(userspace_units(site, node) if userspace(site) else ()),
        boot_unit(
            "haven-external-bridge",
            "The outside's bridge is up",
            f"{path_of('external_up.sh')} {EXTERNAL_BRIDGE} {node.interfaces['external']} {external_kind}",
        ),
        Unit(name="openvswitch-switch.service", watches=(SYSTEM_ID,)),
        Command(
            what="switch of this chassis",
            check=(tool, "check"),
            apply=(tool, "apply"),
            stdin=wanted,
            check_stdin=wanted,
        ),
        *((Unit(name="haven-tunnel-address.service"),) if userspace(site) else ()),
        Unit(name="haven-external-bridge.service"),
    )


def userspace_units(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """ovs-vswitchd without the kernel's module, and the tunnel's address on a port that it forwards."""
    prefix = site.cloud.networks.tunnel.cidr.prefixlen
    return (
        script(PACKAGE, "tunnel_address.sh"),
        unit_file(
            "ovs-vswitchd",
            description="Open vSwitch forwarding in user space",
            user="root",
            kind="forking",
            exec_start="/usr/sbin/ovs-vswitchd unix:/run/openvswitch/db.sock -vconsole:emer -vsyslog:err "
            "-vfile:info --no-chdir --log-file=/var/log/openvswitch/ovs-vswitchd.log "
            "--pidfile=/run/openvswitch/ovs-vswitchd.pid --detach",
            after=("ovsdb-server.service",),
            unit_lines=(
                "Requires=ovsdb-server.service",
                "PartOf=openvswitch-switch.service",
                "Before=network.target",
            ),
            service_lines=("PIDFile=/run/openvswitch/ovs-vswitchd.pid", "OOMScoreAdjust=-900"),
        ),
        boot_unit(
            "haven-tunnel-address",
            "Tunnel address of the userspace datapath",
            f"{path_of('tunnel_address.sh')} {TUNNEL_BRIDGE} {node.interfaces['tunnel']} {node.tunnel}/{prefix}",
        ),
    )


def boot_unit(name: str, description: str, command: str) -> File:
    """Something to do after every start of ovs-vswitchd, also at boot."""
    return unit_file(
        name,
        description=description,
        user="root",
        kind="oneshot",
        exec_start=command,
        after=("ovs-vswitchd.service", "openvswitch-switch.service"),
        unit_lines=("PartOf=ovs-vswitchd.service", "Before=nova-compute.service ovn-controller.service"),
    )


def metadata(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """The agent that answers guests at 169.254.169.254 (H46, FS-21)."""
    conf = render_ini(
        {
            "DEFAULT": {
                "nova_metadata_host": Because(site.layout.vip_internal, "the VIP: any controller may answer"),
                "nova_metadata_port": ports.NOVA_METADATA,
                "metadata_proxy_shared_secret": site.secrets["nova.metadata"],
                "metadata_workers": 1,
            },
            "ovs": {"ovsdb_connection": "tcp:127.0.0.1:6640", "ovsdb_connection_timeout": 30},
            "ovn": {"ovn_sb_connection": southbound(site.layout), "ovsdb_connection_timeout": 60},
            "agent": {"root_helper": "sudo neutron-rootwrap /etc/neutron/rootwrap.conf"},
        },
        overrides=oslo.overrides(site, "neutron_ovn_metadata_agent.ini"),
    )
    return (
        Package(names=("neutron-ovn-metadata-agent", "haproxy")),
        Directory(path="/var/lib/neutron/lock", owner="neutron", group="neutron"),
        neutron_conf(site, node),
        File(path=METADATA_CONF, content=conf, mode=0o640, group="neutron"),
        unit_file(
            "neutron-ovn-metadata-agent",
            description="OpenStack metadata agent for OVN",
            user="root",
            exec_start=f"/usr/bin/neutron-ovn-metadata-agent --config-file={NEUTRON_CONF} "
            f"--config-file={METADATA_CONF} --log-file=/var/log/neutron/neutron-ovn-metadata-agent.log",
            after=("openvswitch-switch.service", "network-online.target"),
            # The proxies in the guests' namespaces stay when the agent is restarted.
            service_lines=("KillMode=process",),
        ),
        Unit(name="neutron-ovn-metadata-agent.service", watches=(NEUTRON_CONF, METADATA_CONF)),
    )


service = Chassis()
