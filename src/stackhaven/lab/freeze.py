"""From a tree full of just installed packages to an image: quiet, anonymous, and bootable many times over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_KEPT_WANTS = frozenset({"ssh.service"})
"""Units an image starts by itself; everything else is started by whoever deploys it."""

_MASKED_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "getty-static.service",
    "kmod-static-nodes.service",
    "sshd-keygen.service",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
    # A login gets a scope of its own all the same; a service manager per user only costs memory and time.
    "user@.service",
)

_REMOVED_FILES = (
    "etc/machine-id",
    "etc/resolv.conf",
    "usr/sbin/policy-rc.d",
    "var/lib/dbus/machine-id",
    "var/lib/rabbitmq/.erlang.cookie",
    "var/lib/systemd/random-seed",
)
"""What every machine must have of its own, or must not have at all."""

_REMOVED_GLOBS = ("etc/ssh/ssh_host_*", "var/log/journal/*", "var/log/*.log", "var/cache/debconf/*-old")
_EMPTIED_DIRECTORIES = ("var/lib/apt/lists", "var/cache/apt", "tmp", "var/tmp", "run")

_SSHD_CONFIG = """\
# A machine that is asked for many connections at once must not drop them (sshd_config(5), MaxStartups).
MaxStartups 100:30:200
MaxSessions 100
UseDNS no
PasswordAuthentication no
"""


_JOURNALD_CONFIG = """\
[Journal]
SystemMaxUse=64M
RuntimeMaxUse=16M
"""

_WRITTEN_FILES = {
    "etc/ssh/sshd_config.d/10-lab.conf": _SSHD_CONFIG,
    "etc/systemd/journald.conf.d/10-lab.conf": _JOURNALD_CONFIG,
    "etc/default/locale": "LANG=C.UTF-8\n",
}

FACTS = {
    "kept_wants": sorted(_KEPT_WANTS),
    "masked": _MASKED_UNITS,
    "removed": (*_REMOVED_FILES, *_REMOVED_GLOBS),
    "emptied": _EMPTIED_DIRECTORIES,
    "written": _WRITTEN_FILES,
}
"""All that freezing does to a tree, as data: a part of the recipe's hash."""


def freeze(root: Path) -> None:
    """Turn a tree into an image, in place."""
    _disable_units(root)
    for name in _REMOVED_FILES:
        (root / name).unlink(missing_ok=True)
    for pattern in _REMOVED_GLOBS:
        for path in root.glob(pattern):
            _remove(path)
    for directory in _EMPTIED_DIRECTORIES:
        _empty(root / directory)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/apt/lists/partial").mkdir(parents=True, exist_ok=True)
    (root / "etc/machine-id").touch(mode=0o444)
    (root / "etc/resolv.conf").touch()
    for name, text in _WRITTEN_FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    _own_logs(root)
    for directory in ("etc", "var"):
        # Newer than /usr: systemd then does not take the first boot for one after an update.
        (root / directory / ".updated").touch()


def _disable_units(root: Path) -> None:
    units = root / "etc/systemd/system"
    for directory in (*units.glob("*.wants"), *units.glob("*.requires")):
        for link in directory.iterdir():
            if link.name not in _KEPT_WANTS:
                link.unlink()
    for link in root.glob("etc/rc?.d/S*"):
        link.unlink()
    for unit in _MASKED_UNITS:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    (units / "default.target").unlink(missing_ok=True)
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")


def _empty(directory: Path) -> None:
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _own_logs(root: Path) -> None:
    """Give each service's log directory to its user: what ran as root while packages were configured logged as root."""
    users, groups = _ids(root / "etc/passwd"), _ids(root / "etc/group")
    for directory in (root / "var/log").iterdir():
        if not directory.is_dir() or directory.name not in users:
            continue
        owner, group = users[directory.name], groups["adm"]
        for path in directory.rglob("*"):
            os.chown(path, owner, group, follow_symlinks=False)


def _ids(path: Path) -> dict[str, int]:
    rows = (line.split(":") for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0]: int(row[2]) for row in rows}
