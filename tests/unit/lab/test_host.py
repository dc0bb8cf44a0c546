from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.lab import host

pytestmark = pytest.mark.unit


def test_everything_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {"ip", "ssh", "ssh-keygen", "nsenter", "setsid", "mount"}
    monkeypatch.setattr(
        host.shutil, "which", lambda command: f"/bin/{command}" if command in present else None
    )
    monkeypatch.setattr(host, "_KEYRING", Path("/nonexistent"))
    commands = {**host.RUNNING, **host.BUILDING}
    assert host.missing_packages(commands, needs_keyring=True) == (
        "apt",
        "debian-archive-keyring",
        "dpkg",
        "mmdebstrap",
        "systemd-container",
    )


def test_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host.shutil, "which", lambda _: None)
    with pytest.raises(HavenError) as caught:
        host.require_for_running()
    assert (
        "apt-get install --no-install-recommends iproute2 mount openssh-client systemd-container"
        in caught.value.todo
    )


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HavenError) as caught:
        host.require_for_building()
    assert caught.value.rule == "lab-root"


def test_the_kernels_datapath_is_there_when_its_module_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "_MODULE", tmp_path)
    assert host.kernel_datapath()
    monkeypatch.setattr(host, "_MODULE", tmp_path / "missing")
    monkeypatch.setattr(host.shutil, "which", lambda _: None)
    assert not host.kernel_datapath()
