"""One machine: its disk (an overlay on the shared image) and its boot by systemd-nspawn."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.lab import cgroup
from stackhaven.lab.command import run
from stackhaven.lab.netns import NETNS_DIR
from stackhaven.lab.spec import LabNode

_BOOT_TIMEOUT_S = 30.0
_POLL_S = 0.02
_CONSOLE_LINES = 12

_NSPAWN_ENVIRONMENT = {
    "UNIFIED_CGROUP_HIERARCHY": "1",
    "SYSTEMD_NSPAWN_LOCK": "0",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Where a node's root is mounted and what it is made of. `binds` are host paths by path inside."""

    image: Path
    overlay: Path
    root: Path
    console: Path
    binds: Mapping[str, Path] = field(default_factory=dict)

    def mount(self) -> None:
        """Mount the root; harmless where it is mounted."""
        if self.root.is_mount():
            return
        upper, work = self.overlay / "upper", self.overlay / "work"
        for directory in (upper, work, self.root):
            directory.mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={self.image},upperdir={upper},workdir={work}"
        run(("mount", "-t", "overlay", "haven-lab", "-o", options, str(self.root)))

    def unmount(self) -> None:
        """Unmount the root, however many times it was mounted; someone's open shell in it does not hold us up."""
        while self.root.is_mount():
            run(("umount", "--lazy", str(self.root)))

    def used_mb(self) -> int:
        """What the node itself has written, in MiB."""
        blocks = 0
        for directory, _, files in os.walk(self.overlay / "upper"):
            for name in files:
                try:
                    blocks += os.lstat(f"{directory}/{name}").st_blocks
                except FileNotFoundError:
                    continue
        return blocks * 512 // 2**20


def nspawn_argv(node: LabNode, disk: Disk) -> tuple[str, ...]:
    """The command line that is the machine."""
    return (
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        f"--directory={disk.root}",
        f"--machine={node.machine}",
        f"--hostname={node.name}",
        "--boot",
        "--capability=all",
        "--system-call-filter=@known",
        f"--network-namespace-path={NETNS_DIR / node.netns}",
        "--bind=/dev/net/tun",
        *(f"--bind={source}:{target}" for target, source in disk.binds.items()),
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--console=pipe",
    )


def start(node: LabNode, disk: Disk) -> None:
    """Boot a machine whose disk is mounted and whose namespace is ready; return when its init lives.

    Raises:
        HavenError: rule ``lab-boot``, with the last lines of its console.

    """
    # With --keep-unit nspawn builds its tree of control groups where it stands.
    starter = cgroup.starter(node.cgroup, nspawn_argv(node, disk))
    with disk.console.open("wb") as console:
        subprocess.run(
            starter,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **_NSPAWN_ENVIRONMENT},
            cwd="/",
            timeout=_BOOT_TIMEOUT_S,
            check=True,
        )
    deadline = time.monotonic() + _BOOT_TIMEOUT_S
    while cgroup.leader(node.cgroup) is None:
        if time.monotonic() > deadline:
            raise HavenError(
                f"node {node.name} did not begin to boot within {_BOOT_TIMEOUT_S:g} s",
                why=console_tail(disk.console),
                todo=f"see {disk.console}, then haven lab power reset {node.name}",
                rule="lab-boot",
            )
        time.sleep(_POLL_S)


def console_tail(console: Path) -> str:
    """The last lines of a node's console, for an error's text."""
    try:
        lines = console.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it printed nothing"
    return "\n       ".join(line.strip() for line in lines[-_CONSOLE_LINES:]) or "it printed nothing"
