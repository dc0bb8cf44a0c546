"""What the machine is, for the checks before anything is changed."""

from __future__ import annotations

import os
import sys
import time

from stackhaven.engine.agent import files
from stackhaven.engine.agent.process import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def hello(arguments: dict[str, Any]) -> dict[str, Any]:
    """Facts of this machine; memory and disk in MiB, `clock` in seconds since 1970."""
    files.set_state_dir(arguments.get("state_dir") or files.state_dir)
    disk = os.statvfs("/var")
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "uid": os.geteuid(),
        "hostname": os.uname().nodename,
        "os": _os_release(),
        "memory_mb": _memory_mb(),
        "cores": len(os.sched_getaffinity(0)),
        "disk_free_mb": disk.f_bavail * disk.f_frsize // 2**20,
        "clock": time.time(),
        "machine_id": _first_line("/etc/machine-id"),
        "systemd": _systemd_state() if arguments.get("systemd") else "",
    }


def _os_release() -> dict[str, str]:
    found = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8") as file:
                pairs = (line.strip().partition("=") for line in file)
                found = {key: value.strip("\"'") for key, mark, value in pairs if mark}
            break
        except OSError:
            continue
    return {key: found.get(key, "") for key in ("ID", "VERSION_ID", "VERSION_CODENAME", "PRETTY_NAME")}


def _memory_mb() -> int:
    """Memory of the machine, or the limit of the container it is."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    limit = _first_line("/sys/fs/cgroup/memory.max")
    return min(pages, int(limit) // 2**20) if limit.isdigit() else pages


def _systemd_state() -> str:
    if not os.path.isdir("/run/systemd/system"):
        return "absent"
    return run(["systemctl", "is-system-running"], timeout_s=15).output.strip()


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""
