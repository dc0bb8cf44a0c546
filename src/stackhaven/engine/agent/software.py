"""Debian packages and kernel settings."""

from __future__ import annotations

import fcntl
import glob
import os
import threading

from stackhaven.engine.agent import files
from stackhaven.engine.agent.finding import HOLDS, AgentError, Finding
from stackhaven.engine.agent.process import Result, check_run, run, tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DPKG_LOCK = "/var/lib/dpkg/lock-frontend"
DPKG_STATUS = "/var/lib/dpkg/status"
POLICY = "/usr/sbin/policy-rc.d"
POLICY_TEXT = (
    "#!/bin/sh\n# stackhaven: services are started by haven, not by the package installer\nexit 101\n"
)
INSTALL_S = 1800.0

_apt_lock = threading.Lock()
_query_lock = threading.Lock()
_installed: tuple[tuple[int, int], frozenset[str]] | None = None


def check_package(want: dict[str, Any]) -> Finding:
    """All installed. The package database is asked once for as long as it does not change."""
    _remove_stale_policy()
    missing = [name for name in want["names"] if name not in installed_packages()]
    return Finding(False, "not installed: " + " ".join(missing), verb="install") if missing else HOLDS


def apply_package(want: dict[str, Any], found: Finding) -> str:
    """Installed without recommends and without starting services; an interrupted dpkg is mended first."""
    with _apt_lock:
        missing = [name for name in want["names"] if name not in installed_packages()]
        if not missing:
            return "installed meanwhile"
        own_policy = _forbid_starts()
        try:
            _mend_dpkg()
            if not glob.glob("/var/lib/apt/lists/*_Packages*"):
                _apt(["update"])
            result = _apt(["install", *missing])
            if result.code != 0:
                _apt(["update"])
                result = _apt(["install", *missing])
            if result.code != 0:
                raise AgentError(f"apt-get install failed ({result.code}):\n{tail(result.output)}")
        finally:
            if own_policy:
                os.unlink(POLICY)
    return "installed " + " ".join(missing)


def installed_packages() -> frozenset[str]:
    """Names of the packages that are installed and configured."""
    global _installed  # noqa: PLW0603 - a cache of one process
    with _query_lock:
        try:
            found = os.stat(DPKG_STATUS)
        except FileNotFoundError:
            raise AgentError("this is no Debian system: there is no /var/lib/dpkg/status") from None
        stamp = (found.st_mtime_ns, found.st_size)
        if _installed is None or _installed[0] != stamp:
            listing = check_run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"])
            rows = (line.split() for line in listing.splitlines())
            names = frozenset(row[0] for row in rows if len(row) == 2 and row[1] == "installed")
            _installed = (stamp, names)
        return _installed[1]


def _remove_stale_policy() -> None:
    """Take away the ban on starting services if an installation of ours was cut off by a power loss."""
    if not os.path.exists(POLICY) or not _apt_lock.acquire(blocking=False):
        return
    try:
        with open(DPKG_LOCK, "a", encoding="ascii") as lock, open(POLICY, encoding="utf-8") as policy:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if policy.read() == POLICY_TEXT:
                os.unlink(POLICY)
    except OSError:
        return
    finally:
        _apt_lock.release()


def _forbid_starts() -> bool:
    """Whether our policy stands now; a policy of the operator's own is respected."""
    if os.path.exists(POLICY):
        with open(POLICY, encoding="utf-8") as file:
            return file.read() == POLICY_TEXT
    files.write_atomically(POLICY, POLICY_TEXT.encode(), 0o755, 0, 0)
    return True


def _mend_dpkg() -> None:
    if os.listdir("/var/lib/dpkg/updates") or run(["dpkg", "--audit"], timeout_s=60).output.strip():
        run(["env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--configure", "-a", "--force-confold"], timeout_s=600,
            survives=True)  # fmt: skip


def _apt(arguments: list[str]) -> Result:
    """Not killed with the agent: dpkg cut off in the middle leaves packages half installed."""
    return run(
        [
            "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends",
            "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Options::=--force-confdef",
            "-o", "Dpkg::Options::=--force-confold", "-o", "Acquire::Retries=3", *arguments,
        ],
        timeout_s=INSTALL_S,
        survives=True,
    )  # fmt: skip


def check_sysctl(want: dict[str, Any]) -> Finding:
    """Alive with these values, and written for the next boot. Optional keys count only where they can be set."""
    differs = []
    for key, value in sorted(want["values"].items()):
        present = _live(key)
        if _same(present, value) or (key in want["optional"] and not _settable(key)):
            continue
        differs.append(f"{key} {'is missing' if present is None else f'{present} -> {value}'}")
    stored = files.check_file(_sysctl_file(want))
    if not stored.holds:
        differs.append(f"its file {stored.why}")
    return Finding(False, ", ".join(differs), verb="set", before=stored.before) if differs else HOLDS


def apply_sysctl(want: dict[str, Any], found: Finding) -> str:
    """Set, then written; an interruption between the two is seen by the next check."""
    for key, value in sorted(want["values"].items()):
        if _same(_live(key), value) or (key in want["optional"] and not _settable(key)):
            continue
        try:
            with open(_proc_path(key), "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            raise AgentError(f"kernel setting {key} = {value}: {error.strerror}") from error
    stored = files.check_file(_sysctl_file(want))
    if not stored.holds:
        files.apply_file(_sysctl_file(want), stored)
    return found.why


def _sysctl_file(want: dict[str, Any]) -> dict[str, Any]:
    lines = [
        f"{'-' if key in want['optional'] else ''}{key} = {value}\n"
        for key, value in sorted(want["values"].items())
    ]
    path = f"/etc/sysctl.d/{want['name']}.conf"
    return {
        "path": path, "content": "".join(lines), "mode": 0o644, "owner": "root", "group": "root", "sensitive": False,
    }  # fmt: skip


def _proc_path(key: str) -> str:
    return "/proc/sys/" + (key if "/" in key else key.replace(".", "/"))


def _live(key: str) -> str | None:
    try:
        with open(_proc_path(key), encoding="ascii") as file:
            return " ".join(file.read().split())
    except OSError:
        return None


def _same(present: str | None, value: str) -> bool:
    return present is not None and present.split() == value.split()


def _settable(key: str) -> bool:
    try:
        os.close(os.open(_proc_path(key), os.O_WRONLY))
    except OSError:
        return False
    return True
