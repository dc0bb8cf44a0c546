"""A node's control group: it holds every process of the node, so it says what lives, what it uses, and kills it all.

No process id is ever written down: after a reboot of the host, or a reuse of the number, it would name a stranger.
Works with a pure version 2 tree (systemd hosts) and with version 2 beside version 1 (the memory controller there).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stackhaven.errors import HavenError

_POLL_S = 0.02
PERIOD_US = 100_000
"""The kernel's default period over which processor time is counted."""

# A machine that a drill switches on would inherit the priority with which the drill goes before all machines, and go
# before its own database.
_JOIN_AND_EXEC = (
    "renice -n 0 -p $$ > /dev/null || exit 1; "
    'while [ "$1" != -- ]; do echo $$ > "$1" || exit 1; shift; done; shift; exec "$@"'
)


@dataclass(frozen=True)
class Hierarchies:
    """Mount points: the version 2 tree, and version 1's controllers and named systemd tree where mounted."""

    unified: Path
    memory_v1: Path | None = None
    systemd_v1: Path | None = None
    cpu_v1: Path | None = None

    def all(self, group: str) -> tuple[Path, ...]:
        """The group in every tree a node's processes are put into."""
        nested = (self.unified, self.memory_v1, self.systemd_v1)
        found = tuple(tree / group for tree in nested if tree is not None)
        cpu = self.cpu(group)
        return (*found, cpu) if cpu else found

    def cpu(self, group: str) -> Path | None:
        """Where its share of the processors is set.

        One group beside the other, each with the same share: a node that boots does not take its neighbours' time. In
        groups within a group the host's own programs waited for seconds (Linux 6.18).
        """
        return self.cpu_v1 and self.cpu_v1 / group.replace("/", ".")

    def below(self, group: str) -> tuple[Path, ...]:
        """Groups that belong to it without being inside it."""
        cpu = self.cpu(group)
        return tuple(cpu.parent.glob(f"{cpu.name}.*")) if cpu else ()


@cache
def hierarchies() -> Hierarchies:
    """What this host has mounted.

    Raises:
        HavenError: rule ``lab-host`` when there is no version 2 tree.

    """
    return parse_hierarchies(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def parse_hierarchies(mountinfo: str) -> Hierarchies:
    """Find the trees in the text of ``/proc/self/mountinfo``."""
    unified = memory = systemd = cpu = None
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        mount_point = Path(before.split()[4])
        kind, _, options = after.split(maxsplit=2)
        if kind == "cgroup2":
            unified = unified or mount_point
        elif kind == "cgroup" and "memory" in options.split(","):
            memory = mount_point
        elif kind == "cgroup" and "cpu" in options.split(","):
            cpu = mount_point
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            systemd = mount_point
    if unified is None:
        raise HavenError(
            "no cgroup version 2 tree is mounted on this host",
            todo="mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
            rule="lab-host",
        )
    return Hierarchies(unified, memory, systemd, cpu)


def create(group: str) -> tuple[Path, ...]:
    """Make the group in every tree and return the files a process writes its id to in order to join."""
    trees = hierarchies()
    if trees.memory_v1 is None:
        _enable_memory(trees.unified, group)
    directories = trees.all(group)
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
    if cpu := trees.cpu(group):
        _leave_room(cpu)
    return tuple(directory / "cgroup.procs" for directory in directories)


def starter(group: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Command line that makes a program a member of the group (made if need be) and leaves it running on its own.

    It joins before it becomes the program, so that nothing of it is ever elsewhere.
    """
    members = (str(path) for path in create(group))
    return ("setsid", "--fork", "sh", "-c", _JOIN_AND_EXEC, "sh", *members, "--", *argv)


def populated(group: str) -> bool:
    """Whether any process lives in the group or below it."""
    try:
        events = (hierarchies().unified / group / "cgroup.events").read_text(encoding="ascii")
    except OSError:
        return False
    return "populated 1" in events


def leader(group: str) -> int | None:
    """Process id of the node's init as the host sees it, or None when there is none."""
    for pid in _pids(hierarchies().unified / group):
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        inside = fields.get("NSpid", "").split()
        if len(inside) > 1 and inside[-1] == "1" and fields.get("Name") == "systemd":
            return pid
    return None


def kill(group: str, *, timeout_s: float = 15.0) -> None:
    """End every process of the group at once, frozen ones too.

    Raises:
        HavenError: rule ``lab-kill`` when something is still there after `timeout_s`.

    """
    directory = hierarchies().unified / group
    deadline = time.monotonic() + timeout_s
    while populated(group):
        try:
            (directory / "cgroup.kill").write_text("1", encoding="ascii")
            (directory / "cgroup.freeze").write_text("0", encoding="ascii")
        except FileNotFoundError:  # kernels before 5.14
            for pid in _pids(directory):
                _kill_process(pid)
        if time.monotonic() > deadline:
            raise HavenError(
                f"processes of {group} are still alive {timeout_s:g} s after being killed",
                why=f"process ids: {sorted(_pids(directory))}",
                todo="look at them with `ps`; one in state D waits for a disk",
                rule="lab-kill",
            )
        time.sleep(_POLL_S)


def remove(group: str, *, timeout_s: float = 10.0) -> None:
    """Remove the group's trees, bottom up.

    A tree whose processes were killed is never used again: some units of the next boot would be killed at their start.

    Raises:
        HavenError: rule ``lab-kill`` when a directory stays busy for `timeout_s`.

    """
    deadline = time.monotonic() + timeout_s
    trees = hierarchies()
    for top in (*trees.below(group), *trees.all(group)):
        while top.is_dir():
            try:
                for directory, _, _ in os.walk(top, topdown=False):
                    Path(directory).rmdir()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise HavenError(f"cannot remove cgroup {top}: {error}", rule="lab-kill") from None
                time.sleep(_POLL_S)


def children(group: str) -> tuple[str, ...]:
    """Names of the groups directly below."""
    directory = hierarchies().unified / group
    return tuple(sorted(p.name for p in directory.iterdir() if p.is_dir())) if directory.is_dir() else ()


def memory_mb(group: str) -> int:
    """Memory in MiB that the group's processes hold: anonymous and shared, without reclaimable file cache."""
    trees = hierarchies()
    tree, keys = (
        (trees.unified, ("anon", "shmem"))
        if trees.memory_v1 is None
        else (trees.memory_v1, ("total_rss", "total_shmem"))
    )
    try:
        text = (tree / group / "memory.stat").read_text(encoding="ascii")
    except OSError:
        return 0
    values = dict(line.split() for line in text.splitlines())
    return sum(int(values.get(key, 0)) for key in keys) // 2**20


def _enable_memory(unified: Path, group: str) -> None:
    """Have the kernel count memory below the group's parents, where the tree has that controller at all."""
    (unified / group).parent.mkdir(parents=True, exist_ok=True)
    for directory in (unified, *(unified / p for p in reversed(Path(group).parents[:-1]))):
        available = (directory / "cgroup.controllers").read_text(encoding="ascii").split()
        control = directory / "cgroup.subtree_control"
        if "memory" in available and "memory" not in control.read_text(encoding="ascii").split():
            control.write_text("+memory", encoding="ascii")


def _leave_room(group: Path) -> None:
    """Let no node take all processors: one that boots would slow down those that share them."""
    cores = len(os.sched_getaffinity(0))
    (group / "cpu.cfs_quota_us").write_text(str(max(PERIOD_US, cores * PERIOD_US * 3 // 4)), encoding="ascii")


def _pids(directory: Path) -> Iterator[int]:
    for below, _, _ in os.walk(directory):
        try:
            text = (Path(below) / "cgroup.procs").read_text(encoding="ascii")
        except OSError:
            continue
        yield from (int(pid) for pid in text.split() if pid != "0")


def _kill_process(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
