"""The test guest: a Debian cloud kernel and a busybox initramfs; boots in seconds without hardware virtualisation."""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.lab import cpio, host
from stackhaven.lab.build import follow, workshop, write_facts
from stackhaven.lab.home import Home, require_free_space
from stackhaven.lab.image import FACTS_FILE
from stackhaven.lab.progress import Progress, silent, stage

GUEST_SPACE_GB = 1.0

_VERSION = 1
_SUITE = "trixie"
_PACKAGES = ("busybox-static", "linux-image-cloud-amd64")
_DISK_BYTES = 2**20

_MODULES = (
    ("virtio", ""),
    ("virtio_ring", ""),
    ("virtio_pci_modern_dev", ""),
    ("virtio_pci_legacy_dev", ""),
    ("virtio_pci", ""),
    ("failover", ""),
    ("net_failover", ""),
    # A checksum left to the network card is lost in Open vSwitch's userspace datapath.
    ("virtio_net", "csum=0 gso=0"),
    ("virtio_blk", ""),
    ("evdev", ""),
    ("button", ""),
)
"""Kernel modules in the order of their loading, with options; those built into the kernel are skipped."""

_POWER_BUTTON = b"#!/bin/sh\npoweroff -f\n"


@dataclass(frozen=True, kw_only=True)
class GuestImage:
    """Files for Glance: kernel (aki), initramfs (ari) and a raw disk that refers to them."""

    id: str
    kernel: Path
    initrd: Path
    disk: Path


def guest_id() -> str:
    """Name of the guest image: changes with anything it is made of."""
    document = {
        "version": _VERSION,
        "suite": _SUITE,
        "packages": _PACKAGES,
        "modules": _MODULES,
        "scripts": [_script(name).decode() for name in ("guest-init.sh", "guest-dhcp-event.sh")],
    }
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return f"guest-{digest[:12]}"


def build_guest(progress: Progress = silent, home: Home | None = None) -> GuestImage:
    """The guest image, built from Debian packages if it is not on this host. Nothing is installed on the host.

    Raises:
        HavenError: the host lacks a tool or space, or the build failed.

    """
    home = home or Home.of_environment()
    path = home.images / guest_id()
    image = GuestImage(
        id=path.name, kernel=path / "vmlinuz", initrd=path / "initrd.gz", disk=path / "disk.raw"
    )
    if (path / FACTS_FILE).exists():
        return image
    host.require_for_building()
    require_free_space(home.images, gb=GUEST_SPACE_GB, purpose="building the guest image")
    with workshop(home, path, progress) as (directory, lock):
        if directory is not None:
            with stage(progress, f"build guest image {path.name}"):
                _build(directory, lock, progress)
    return image


def _build(directory: Path, lock: int, progress: Progress) -> None:
    tree = directory / "packages"
    argv = (
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--variant=extract",
        f"--include={','.join(_PACKAGES)}",
        _SUITE,
        str(tree),
    )
    follow(argv, directory / "build.log", lock, progress)
    kernels = sorted((tree / "boot").glob("vmlinuz-*"))
    if not kernels:
        raise HavenError("the kernel package holds no kernel", todo="see build.log", rule="lab-build")
    version = kernels[-1].name.removeprefix("vmlinuz-")
    shutil.copyfile(kernels[-1], directory / "vmlinuz")
    (directory / "initrd.gz").write_bytes(cpio.archive(initramfs(tree, version)))
    (directory / "disk.raw").write_bytes(bytes(_DISK_BYTES))
    shutil.rmtree(tree)
    write_facts(directory, name="guest", kernel=version)


def initramfs(tree: Path, kernel_version: str) -> tuple[cpio.Entry, ...]:
    """What the guest runs on, taken from unpacked packages."""
    found = {path.name.partition(".")[0]: path for path in _modules_of(tree, kernel_version)}
    modules = [(name, options) for name, options in _MODULES if name in found]
    return (
        *(cpio.directory(path) for path in ("bin", "dev", "etc", "etc/acpi", "etc/acpi/PWRF", "lib")),
        cpio.character_device("dev/console", 5, 1),
        cpio.file("bin/busybox", (tree / "usr/bin/busybox").read_bytes(), mode=0o755),
        cpio.file("init", _script("guest-init.sh"), mode=0o755),
        cpio.file("etc/dhcp-event", _script("guest-dhcp-event.sh"), mode=0o755),
        cpio.file("etc/acpi/PWRF/00000080", _POWER_BUTTON, mode=0o755),
        cpio.file("etc/modules", "".join(f"{name} {options}\n" for name, options in modules).encode()),
        *(cpio.file(f"lib/{name}.ko", _module_content(found[name])) for name, _ in modules),
    )


def _modules_of(tree: Path, kernel_version: str) -> list[Path]:
    for directory in ("usr/lib/modules", "lib/modules"):
        modules = sorted((tree / directory / kernel_version).rglob("*.ko*"))
        if modules:
            return modules
    return []


def _module_content(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _script(name: str) -> bytes:
    return files("stackhaven.lab").joinpath(name).read_bytes()
