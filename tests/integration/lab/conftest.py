from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.lab import leftovers, network
from stackhaven.lab.build import ensure_image
from stackhaven.lab.cgroup import hierarchies
from stackhaven.lab.home import Home
from stackhaven.lab.image import Image
from stackhaven.lab.lab import Lab
from stackhaven.lab.reach import ssh_prefix
from stackhaven.lab.recipe import MINIMAL
from stackhaven.lab.spec import cgroup_of, node_prefix, spec_of
from stackhaven.model.cloud import Cloud

SSH_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "ConnectTimeout=5",
    "LogLevel=ERROR",
)


@dataclass
class Bench:
    """A lab under test, and SSH into it with the keys that `up` handed out."""

    lab: Lab
    image: Image
    key: Path
    known_hosts: Path

    def up(self) -> dict[str, str]:
        keys = self.lab.up(self.image, authorized_key=self.key.with_suffix(".pub").read_text())
        self.pin(keys)
        return keys

    def pin(self, keys: dict[str, str]) -> None:
        lines = (f"{self.lab.spec.node(name).address} {key}\n" for name, key in keys.items())
        self.known_hosts.write_text("".join(lines))

    def ssh(self, node: str, command: str) -> subprocess.CompletedProcess[str]:
        options = [word for option in SSH_OPTIONS for word in ("-o", option)]
        argv = [*ssh_prefix(self.lab.spec.name), "ssh", "-F", "none", "-i", str(self.key), *options]
        argv += [
            "-o",
            f"UserKnownHostsFile={self.known_hosts}",
            f"root@{self.lab.spec.node(node).address}",
            command,
        ]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)

    def on(self, node: str, command: str) -> str:
        done = self.ssh(node, command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def traces(lab: str) -> dict[str, list[str]]:
    """Everything on this host that bears a lab's name, by kind."""
    home = Home.of_environment()
    return {
        "namespaces": list(network.namespaces(lab)),
        "mounts": [str(p) for p in leftovers.mounts_below(home.labs / lab)],
        "cgroups": [
            str(group)
            for group in (*hierarchies().below(cgroup_of(lab)), *hierarchies().all(cgroup_of(lab)))
            if group.exists()
        ],
        "files": [str(p) for p in home.labs.glob(f"*{lab}*")],
        "nspawn": [str(p) for p in Path("/run/systemd/nspawn").rglob(f"{node_prefix(lab)}*")],
    }


def cloud_of(name: str, nodes: int) -> Cloud:
    return Cloud.model_validate(
        {
            "name": name,
            "lab": {},
            "networks": {
                "management": {"cidr": "172.30.1.0/24"},
                "tunnel": {"cidr": "172.30.2.0/24"},
                "external": {"cidr": "172.30.3.0/24"},
            },
            "nodes": {"n": {"roles": ["controller", "compute"], "count": nodes}},
        }
    )


@pytest.fixture(scope="session")
def image() -> Image:
    if os.geteuid() != 0:
        pytest.skip("making machines needs root")
    return ensure_image(MINIMAL, Home.of_environment())


@pytest.fixture
def bench(image: Image, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Bench]]:
    """Makes labs; all are purged at the end, whatever happened."""
    made: list[Lab] = []

    def make(suffix: str = "a", *, nodes: int = 1) -> Bench:
        name = f"it{os.getpid() % 1000000}{suffix}"
        lab = Lab(spec_of(layout_of(cloud_of(name, nodes))))
        made.append(lab)
        key = tmp_path / f"key-{suffix}"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=20
        )
        return Bench(lab=lab, image=image, key=key, known_hosts=tmp_path / f"known-{suffix}")

    yield make
    for lab in made:
        lab.purge()
