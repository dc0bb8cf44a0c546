"""Removing a lab by its name alone: works for a lab whose description is gone or whose making was interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path

from stackhaven.lab import cgroup, network
from stackhaven.lab.command import run
from stackhaven.lab.home import LabHome
from stackhaven.lab.spec import cgroup_of, node_prefix

_NSPAWN_RUN = Path("/run/systemd/nspawn")


def purge(lab: str, files: LabHome) -> None:
    """Kill every process of the lab and remove its cgroups, namespaces, mounts and files."""
    cgroup.kill(cgroup_of(lab))
    cgroup.remove(cgroup_of(lab))
    network.remove_all(lab)
    for mount_point in mounts_below(files.root):
        run(("umount", "--lazy", str(mount_point)))
    for directory in ("propagate", "unix-export"):
        for trace in (_NSPAWN_RUN / directory).glob(f"{node_prefix(lab)}*"):
            shutil.rmtree(trace, ignore_errors=True)
    if files.root.exists():
        shutil.rmtree(files.root)


def mounts_below(directory: Path) -> tuple[Path, ...]:
    """Mount points at or below a directory, the innermost first."""
    points = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        point = Path(line.split()[4].encode().decode("unicode_escape"))
        if point.is_relative_to(directory):
            points.append(point)
    return tuple(reversed(points))
