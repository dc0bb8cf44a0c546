"""What a node's disk gets from outside before it boots: its names, its SSH host key, who may log in."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from stackhaven.lab.command import run
from stackhaven.lab.spec import LabNode, LabSpec

_KEY_FILE = "ssh_host_ed25519_key"


@dataclass(frozen=True, kw_only=True)
class SeedFile:
    """One file of the seed, its path relative to the node's root."""

    path: str
    content: str
    mode: int = 0o644


def host_key(directory: Path, *, comment: str) -> str:
    """Public part (``ssh-ed25519 AAAA...``) of the node's host key, made at the first call.

    It is made outside and pinned by the caller, so no connection ever trusts on first use.
    """
    private = directory / _KEY_FILE
    public = directory / f"{_KEY_FILE}.pub"
    if not public.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        private.unlink(missing_ok=True)
        run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private)))
    kind, material, *_ = public.read_text(encoding="ascii").split()
    return f"{kind} {material}"


def seed_of(
    spec: LabSpec, node: LabNode, *, key_directory: Path, authorized_key: str
) -> tuple[SeedFile, ...]:
    """The files of one node. Reads the host key made by `host_key`."""
    return (
        SeedFile(path="etc/hostname", content=f"{node.name}\n"),
        SeedFile(path="etc/hosts", content=hosts_of(spec)),
        SeedFile(
            path=f"etc/ssh/{_KEY_FILE}",
            content=(key_directory / _KEY_FILE).read_text(encoding="ascii"),
            mode=0o600,
        ),
        SeedFile(
            path=f"etc/ssh/{_KEY_FILE}.pub",
            content=(key_directory / f"{_KEY_FILE}.pub").read_text(encoding="ascii"),
        ),
        SeedFile(path="root/.ssh/authorized_keys", content=f"{authorized_key.strip()}\n", mode=0o600),
    )


def hosts_of(spec: LabSpec) -> str:
    """Text of ``/etc/hosts``: every node by its management address."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{node.address} {node.name}" for node in spec.nodes]
    return "\n".join(lines) + "\n"


def plant(root: Path, seed: tuple[SeedFile, ...], *, record: Path) -> bool:
    """Write the seed into a mounted root, unless `record` says that this very seed is there already.

    Once planted the files belong to the node: what is changed on it stays changed until the seed itself changes.
    Returns whether anything was written.
    """
    digest = hashlib.sha256(repr(seed).encode()).hexdigest()
    if record.exists() and record.read_text(encoding="ascii") == digest:
        return False
    for file in seed:
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.unlink(missing_ok=True)
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
        with os.fdopen(fd, "w", encoding="utf-8") as stream:
            stream.write(file.content)
        target.chmod(file.mode)
    record.write_text(digest, encoding="ascii")
    return True
