from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from stackhaven.lab import guest

pytestmark = pytest.mark.unit


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    modules = tmp_path / "usr/lib/modules/6.12-cloud/kernel/drivers"
    modules.mkdir(parents=True)
    (modules / "virtio_net.ko.xz").write_bytes(lzma.compress(b"net"))
    (modules / "virtio_blk.ko").write_bytes(b"blk")
    (modules / "e1000.ko").write_bytes(b"unwanted")
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/bin/busybox").write_bytes(b"box")
    return tmp_path


def test_modules_are_unpacked_and_loaded_in_order_with_their_options(tree: Path) -> None:
    entries = {entry.path: entry for entry in guest.initramfs(tree, "6.12-cloud")}
    assert entries["etc/modules"].content == b"virtio_net csum=0 gso=0\nvirtio_blk \n"
    assert entries["lib/virtio_net.ko"].content == b"net"
    assert "lib/e1000.ko" not in entries


def test_parents_stand_before_what_is_in_them(tree: Path) -> None:
    seen: set[str] = {""}
    for entry in guest.initramfs(tree, "6.12-cloud"):
        assert entry.path.rpartition("/")[0] in seen
        seen.add(entry.path)


def test_another_script_is_another_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = guest.guest_id()
    monkeypatch.setattr(guest, "_script", lambda _: b"#!/bin/busybox sh\n")
    assert guest.guest_id() != before
