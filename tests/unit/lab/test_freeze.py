from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackhaven.lab.freeze import freeze

pytestmark = pytest.mark.unit


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    me, group = os.getuid(), os.getgid()
    texts = {
        "etc/passwd": f"root:x:0:0::/root:/bin/sh\nnova:x:{me}:{group}::/:/bin/sh\n",
        "etc/group": f"root:x:0:\nadm:x:{group}:\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/resolv.conf": "nameserver 192.0.2.1\n",
        "etc/ssh/ssh_host_ed25519_key": "secret",
        "etc/ssh/sshd_config.d/.keep": "",
        "var/lib/rabbitmq/.erlang.cookie": "SAME EVERYWHERE",
        "var/lib/apt/lists/mirror_Packages": "x",
        "var/cache/apt/archives/nova.deb": "x",
        "var/log/nova/nova-api.log": "",
        "var/log/dpkg.log": "",
        "usr/sbin/policy-rc.d": "exit 101",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    for unit in ("ssh.service", "mariadb.service", "nova-compute.service"):
        (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    (root / "etc/rc3.d").mkdir()
    (root / "etc/rc3.d/S01neutron-ovn-maintenance-worker").symlink_to("../init.d/x")
    freeze(root)
    return root


def test_only_ssh_starts_by_itself(tree: Path) -> None:
    assert [p.name for p in tree.glob("etc/systemd/system/*.wants/*")] == ["ssh.service"]
    assert list(tree.glob("etc/rc3.d/S*")) == []


def test_nothing_that_must_be_a_machines_own_is_left(tree: Path) -> None:
    assert (tree / "etc/machine-id").read_text() == ""
    assert list(tree.glob("etc/ssh/ssh_host_*")) == []
    assert not (tree / "var/lib/rabbitmq/.erlang.cookie").exists()


def test_the_ban_on_starting_services_is_lifted(tree: Path) -> None:
    assert not (tree / "usr/sbin/policy-rc.d").exists()


def test_downloads_are_gone_and_apt_still_has_its_directories(tree: Path) -> None:
    assert list(tree.rglob("*.deb")) == []
    assert (tree / "var/cache/apt/archives/partial").is_dir()
    assert (tree / "var/lib/apt/lists/partial").is_dir()


def test_devices_are_left_to_the_host(tree: Path) -> None:
    assert (tree / "etc/systemd/system/systemd-udevd.service").readlink() == Path("/dev/null")


def test_the_first_boot_is_not_taken_for_an_update(tree: Path) -> None:
    assert (tree / "etc/.updated").exists()
    assert (tree / "var/.updated").exists()


def test_freezing_twice_is_freezing_once(tree: Path) -> None:
    before = sorted(str(p) for p in tree.rglob("*"))
    freeze(tree)
    assert sorted(str(p) for p in tree.rglob("*")) == before
