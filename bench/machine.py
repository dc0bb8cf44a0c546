"""What the figures depend on: the machine, and what else it did meanwhile."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

from bench.row import ROOT

BUSY = 0.5
"""Load per core from which on a figure says as much of the neighbours as of us."""

SETTLE_S = 180


def machine() -> dict[str, str | int | float]:
    """Facts that make two results comparable or not. Memory in GB."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    kib = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
    return {
        "cores": os.cpu_count() or 0,
        "memory_gb": round(kib * 1024 / 1e9, 1),
        "processor": model or platform.machine(),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
    }


def load() -> float:
    """Mean number of running or waiting tasks over the last minute."""
    return round(os.getloadavg()[0], 1)


def is_busy(load: float) -> bool:
    """Whether figures taken at this load are to be marked."""
    return load > BUSY * (os.cpu_count() or 1)


def settle() -> None:
    """Wait, a few minutes at most, until the load that an earlier row left behind has faded."""
    deadline = time.monotonic() + SETTLE_S
    while is_busy(load()) and time.monotonic() < deadline:
        time.sleep(5)


def commit() -> str:
    """The commit that is measured, with a + when files that are tracked differ from it."""
    found = subprocess.run(
        ["git", "describe", "--always", "--exclude=*", "--dirty=+"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return found.stdout.strip() or "unknown"
