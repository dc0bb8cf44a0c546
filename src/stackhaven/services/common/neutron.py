"""neutron.conf and ml2_conf.ini, which controllers and chassis share."""

from __future__ import annotations

from stackhaven.design.layout import LayoutNode
from stackhaven.model.cloud import Role
from stackhaven.plan import File
from stackhaven.services.base import Site
from stackhaven.services.common import oslo
from stackhaven.services.common.ini import Because, Sections, merge, render_ini
from stackhaven.services.common.ovn import northbound, southbound
from stackhaven.services.common.sizes import workers

CONF = "/etc/neutron/neutron.conf"
ML2 = "/etc/neutron/plugins/ml2/ml2_conf.ini"
GENEVE_HEADER_BYTES = 38
TENANT_NETWORKS = 16384
TENANT_NETWORKS_LAB = 1024


def neutron_conf(site: Site, node: LayoutNode) -> File:
    """The file for a node by its roles; only controllers know the database."""
    layers: list[Sections] = [
        {
            "DEFAULT": {
                "core_plugin": "ml2",
                "service_plugins": "ovn-router",
                "transport_url": oslo.transport_url(site),
                "host": node.name,
                "log_dir": "/var/log/neutron",
                "state_path": "/var/lib/neutron",
            },
            "oslo_messaging_rabbit": oslo.messaging(),
            "oslo_concurrency": oslo.concurrency("neutron"),
            "agent": {"root_helper": "sudo neutron-rootwrap /etc/neutron/rootwrap.conf"},
        }
    ]
    if node.has(Role.CONTROLLER):
        layers.append(controller(site, node))
    return File(
        path=CONF,
        content=render_ini(merge(*layers), overrides=oslo.overrides(site, "neutron.conf")),
        mode=0o640,
        group="neutron",
    )


def controller(site: Site, node: LayoutNode) -> Sections:
    """What the API and its workers add."""
    called = {**oslo.session(), "region_name": site.cloud.region, "endpoint_type": "internal"}
    return {
        "DEFAULT": {
            "auth_strategy": "keystone",
            "api_workers": workers(site.cloud, node),
            "rpc_workers": 0,
            "rpc_state_report_workers": 0,
            "notify_nova_on_port_status_changes": True,
            "notify_nova_on_port_data_changes": True,
            "global_physnet_mtu": site.cloud.networks.external.mtu,
        },
        "database": oslo.database(site, node, service="neutron"),
        "keystone_authtoken": oslo.keystone_authtoken(site, "neutron"),
        "nova": {**called, **oslo.auth(site, "nova")},
        "placement": {**called, **oslo.auth(site, "placement")},
        "oslo_middleware": {"enable_proxy_headers_parsing": True},
    }


def ml2_conf(site: Site) -> File:
    """The ML2 plugin's file: Geneve for tenants, flat for the outside."""
    networks = site.cloud.networks
    sections: Sections = {
        "ml2": {
            "type_drivers": "flat,vlan,geneve",
            "tenant_network_types": "geneve",
            "mechanism_drivers": "ovn",
            "extension_drivers": "port_security",
            "overlay_ip_version": 4,
            "path_mtu": networks.tunnel.mtu,
        },
        "ml2_type_flat": {"flat_networks": networks.external.name},
        "ml2_type_geneve": {
            "vni_ranges": Because(
                f"1:{TENANT_NETWORKS_LAB if site.cloud.lab else TENANT_NETWORKS}",
                "each program of Neutron asks the database for all of them, one by one, before it answers anything",
            ),
            "max_header_size": GENEVE_HEADER_BYTES,
        },
        "securitygroup": {"enable_security_group": True},
        "ovn": {
            "ovn_nb_connection": northbound(site.layout),
            "ovn_sb_connection": southbound(site.layout),
            "ovn_l3_scheduler": "leastloaded",
            "ovn_metadata_enabled": True,
            "enable_distributed_floating_ip": True,
            "ovsdb_connection_timeout": 60,
            "ovsdb_retry_max_interval": 5,
        },
    }
    return File(
        path=ML2,
        content=render_ini(sections, overrides=oslo.overrides(site, "ml2_conf.ini")),
        mode=0o640,
        group="neutron",
    )
