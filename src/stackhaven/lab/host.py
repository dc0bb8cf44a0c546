"""What this host must have to build images and run labs, asked once and told all at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stackhaven.errors import HavenError

RUNNING: Mapping[str, str] = {
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "mount": "mount",
}
BUILDING: Mapping[str, str] = {"mmdebstrap": "mmdebstrap", "apt-get": "apt", "dpkg-deb": "dpkg"}

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MODULE = Path("/sys/module/openvswitch")


def require_for_running() -> None:
    """Refuse to begin where a lab cannot run.

    Raises:
        HavenError: rule ``lab-host``; the text has the one line that installs everything missing.

    """
    _require(RUNNING, needs_keyring=False)


def require_for_building() -> None:
    """Refuse to begin where an image cannot be built; otherwise as `require_for_running`."""
    _require(BUILDING, needs_keyring=True)


def missing_packages(commands: Mapping[str, str], *, needs_keyring: bool) -> tuple[str, ...]:
    """Debian packages of the commands that are not on this host, sorted."""
    missing = {package for command, package in commands.items() if shutil.which(command) is None}
    if needs_keyring and not _KEYRING.exists():
        missing.add("debian-archive-keyring")
    return tuple(sorted(missing))


def kernel_datapath() -> bool:
    """Whether Open vSwitch may use this kernel's datapath: the module is there, or can be loaded now."""
    if _MODULE.exists():
        return True
    modprobe = shutil.which("modprobe")
    if modprobe is None:
        return False
    subprocess.run((modprobe, "--quiet", "openvswitch"), capture_output=True, timeout=10, check=False)
    return _MODULE.exists()


def _require(commands: Mapping[str, str], *, needs_keyring: bool) -> None:
    if os.geteuid() != 0:
        raise HavenError(
            "the lab makes machines and network namespaces, which only root may do",
            todo="run the same command as root (sudo)",
            rule="lab-root",
        )
    missing = missing_packages(commands, needs_keyring=needs_keyring)
    if missing:
        raise HavenError(
            f"this host lacks {', '.join(missing)}",
            todo=f"make setup, or: apt-get install --no-install-recommends {' '.join(missing)}",
            rule="lab-host",
        )
    if not Path("/dev/net/tun").exists():
        raise HavenError(
            "this host has no /dev/net/tun, which Open vSwitch in the nodes needs",
            todo="modprobe tun",
            rule="lab-host",
        )
