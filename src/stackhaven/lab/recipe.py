"""What an image is made of. Pure: the recipe's content is the image's name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from stackhaven.lab import freeze

_VERSION = 1
"""Raise it when the same recipe makes another tree, for a reason that is in neither the data nor the script."""

INSTALL_SCRIPT = "install.sh"

_BASE = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "systemd",
    "systemd-sysv",
)

_CONTROL_PLANE = (
    "galera-4",
    "glance-api",
    "haproxy",
    "keepalived",
    "keystone",
    "mariadb-backup",
    "mariadb-server",
    "memcached",
    "neutron-api",
    "neutron-ovn-maintenance-worker",
    "neutron-periodic-workers",
    "neutron-rpc-server",
    "nova-api",
    "nova-conductor",
    "nova-consoleproxy",
    "nova-scheduler",
    "novnc",
    "openstack-dashboard",
    "ovn-central",
    "placement-api",
    "python3-memcache",
    "python3-openstackclient",
    "python3-pymemcache",
    "python3-pymysql",
    "rabbitmq-server",
    "uwsgi-core",
    "uwsgi-plugin-python3",
)

_COMPUTE = (
    "libvirt-clients",
    "libvirt-daemon-system",
    "neutron-ovn-metadata-agent",
    "nova-compute",
    "nova-compute-qemu",
    "openvswitch-switch",
    "ovn-host",
    "qemu-system-x86",
    "qemu-utils",
)

_CLUSTER = (
    "corosync",
    "fence-agents-ipmilan",
    "fence-agents-redfish",
    "ipmitool",
    "pacemaker",
    "pacemaker-cli-utils",
    "resource-agents",
)

_TOOLS = (
    "chrony",
    "conntrack",
    "curl",
    "ethtool",
    "iputils-arping",
    "iputils-ping",
    "nftables",
    "rsync",
    "socat",
    "sudo",
    "tcpdump",
)

_LEFT_OUT_PATHS = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/man/*",
    "/usr/share/locale/*/LC_MESSAGES/*",
)
_KEPT_PATHS = ("/usr/share/doc/*/copyright",)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A suite, the base system built first, the packages put on top, and paths of packages that are left out."""

    name: str
    suite: str
    base: tuple[str, ...] = _BASE
    packages: tuple[str, ...] = ()
    left_out: tuple[str, ...] = _LEFT_OUT_PATHS
    kept: tuple[str, ...] = _KEPT_PATHS

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that change whenever anything that shapes the tree changes."""
        text = json.dumps(self.document(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def document(self) -> dict[str, Any]:
        """Everything that shapes the tree, as JSON-safe data. The name is only for people and left out."""
        content = asdict(self)
        del content["name"]
        return {"version": _VERSION, "script": install_script(), "freeze": freeze.FACTS, **content}


def install_script() -> str:
    """The text of the script that installs packages."""
    return files("stackhaven.lab").joinpath(INSTALL_SCRIPT).read_text(encoding="utf-8")


TRIXIE = Recipe(
    name="trixie", suite="trixie", packages=tuple(sorted({*_CONTROL_PLANE, *_CLUSTER, *_COMPUTE, *_TOOLS}))
)
"""Every package of every role: all nodes share one image."""

MINIMAL = Recipe(name="trixie-minimal", suite="trixie")
"""A machine with systemd, SSH and Python only, for the lab's own tests."""

RECIPES = {recipe.name: recipe for recipe in (TRIXIE, MINIMAL)}
