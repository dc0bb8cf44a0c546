"""nova.conf of a node: what controllers and computes share, and what each adds."""

from __future__ import annotations

from stackhaven.design.layout import LayoutNode
from stackhaven.model.cloud import Role
from stackhaven.plan import File
from stackhaven.services.base import Site
from stackhaven.services.common import oslo, ports
from stackhaven.services.common.ini import Because, Sections, merge, render_ini
from stackhaven.services.common.sizes import workers

CONF = "/etc/nova/nova.conf"


def nova_conf(site: Site, node: LayoutNode) -> File:
    """The file for a node by its roles; only controllers know the database."""
    layers = [shared(site, node)]
    if node.has(Role.CONTROLLER):
        layers.append(controller(site, node))
    if node.has(Role.COMPUTE):
        layers.append(compute(site, node))
    return File(
        path=CONF,
        content=render_ini(merge(*layers), overrides=oslo.overrides(site, "nova.conf")),
        mode=0o640,
        group="nova",
    )


def shared(site: Site, node: LayoutNode) -> Sections:
    """What every nova program needs."""
    vip = site.layout.vip_public
    return {
        "DEFAULT": {
            "transport_url": oslo.transport_url(site),
            "my_ip": node.management,
            "host": node.name,
            "log_dir": "/var/log/nova",
            "state_path": "/var/lib/nova",
            "service_down_time": Because(30, "a dead service is seen after half a minute, not a whole one"),
            "report_interval": 5,
            "rpc_response_timeout": 60,
        },
        "oslo_messaging_rabbit": oslo.messaging(),
        "oslo_concurrency": oslo.concurrency("nova"),
        "keystone_authtoken": oslo.keystone_authtoken(site, "nova"),
        "service_user": {**oslo.auth(site, "nova"), **oslo.session(), "send_service_user_token": True},
        "placement": oslo.client(site, "placement"),
        "glance": {**oslo.session(), **oslo.adapter(site), "num_retries": 3},
        "neutron": {
            **oslo.client(site, "neutron"),
            "service_metadata_proxy": True,
            "metadata_proxy_shared_secret": site.secrets["nova.metadata"],
        },
        "cache": oslo.cache(site),
        "vnc": {
            "enabled": True,
            "server_listen": node.management,
            "server_proxyclient_address": node.management,
            "novncproxy_base_url": f"http://{vip}:{ports.NOVNC}/vnc_lite.html",
        },
        "oslo_middleware": {"enable_proxy_headers_parsing": True},
    }


def controller(site: Site, node: LayoutNode) -> Sections:
    """What the control plane adds."""
    return {
        "DEFAULT": {
            "enabled_apis": "osapi_compute,metadata",
            "osapi_compute_listen": node.management,
            "metadata_listen": node.management,
            "cpu_allocation_ratio": site.cloud.overcommit.cpu,
            "ram_allocation_ratio": site.cloud.overcommit.ram,
            "disk_allocation_ratio": site.cloud.overcommit.disk,
        },
        "api_database": oslo.database(site, node, service="nova", name="nova_api"),
        "database": oslo.database(site, node, service="nova"),
        "conductor": {"workers": workers(site.cloud, node)},
        "scheduler": {
            "workers": workers(site.cloud, node),
            "discover_hosts_in_cells_interval": 60,
        },
        "vnc": {"novncproxy_host": node.management, "novncproxy_port": ports.NOVNC},
    }


def compute(site: Site, node: LayoutNode) -> Sections:
    """What a hypervisor adds."""
    lab = site.cloud.lab is not None
    kind = site.cloud.compute.virt_type or ("qemu" if lab else "kvm")
    reserved = site.cloud.compute.reserved_memory_mb
    emulated = (
        {"cpu_mode": "custom", "cpu_models": "qemu64"} if kind == "qemu" else {"cpu_mode": "host-model"}
    )
    return {
        "DEFAULT": {
            "compute_driver": "libvirt.LibvirtDriver",
            "reserved_host_memory_mb": reserved if reserved is not None else (0 if lab else 512),
            "cpu_allocation_ratio": site.cloud.overcommit.cpu,
            "ram_allocation_ratio": site.cloud.overcommit.ram,
            "disk_allocation_ratio": site.cloud.overcommit.disk,
            "resume_guests_state_on_host_boot": True,
            "force_raw_images": False,
            # Neutron's workers share OVN's events by a ring in which a dead one stays for seconds (`ovn_ring.py`): what
            # falls to it is lost, though the port is wired all the same.
            "vif_plugging_timeout": Because(20, "longer than a port takes, shorter than a client's patience"),
            "vif_plugging_is_fatal": Because(
                False, "the event of a port that works may have met a dead controller"
            ),
        },
        "libvirt": {
            "virt_type": kind,
            **emulated,
            "images_type": "qcow2",
            "inject_partition": -2,
            "live_migration_inbound_addr": node.management,
        },
    }
