from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.engine.link import Link
from stackhaven.engine.ssh import SshTarget
from stackhaven.lab.build import ensure_image
from stackhaven.lab.home import Home
from stackhaven.lab.lab import Lab
from stackhaven.lab.reach import ssh_prefix
from stackhaven.lab.recipe import MINIMAL
from stackhaven.lab.spec import spec_of
from stackhaven.model.cloud import Cloud
from stackhaven.plan import Resource


@dataclass(frozen=True)
class Machine:
    """A real Debian machine with its own systemd."""

    target: SshTarget

    def linked(self, work: Callable[[Link], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            link = await Link.open(self.target)
            try:
                async with asyncio.timeout(90):
                    return await work(link)
            finally:
                await link.close()

        return asyncio.run(main())

    def check(self, *resources: Resource) -> list[dict[str, Any]]:
        """What the agent finds."""
        wires = [resource.wire() for resource in resources]
        return list(self.linked(lambda link: link.call("check", timeout_s=60, resources=wires, lazy=False)))

    def apply(self, *resources: Resource) -> list[dict[str, Any]]:
        """What the agent did, one after the other."""

        async def work(link: Link) -> list[dict[str, Any]]:
            return [
                await link.call("apply", timeout_s=60, resource=resource.wire()) for resource in resources
            ]

        return list(self.linked(work))

    def sh(self, command: str) -> str:
        """Run as root there; must succeed."""
        argv = [*self.target.client(), "--", self.target.address, command]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One machine of a lab of its own, made for this session."""
    if os.geteuid() != 0:
        pytest.skip("making machines needs root")
    base = tmp_path_factory.mktemp("machine")
    description = {
        "name": f"eng{os.getpid() % 1000000}",
        "lab": {},
        "networks": {
            "management": {"cidr": "172.30.1.0/24"},
            "tunnel": {"cidr": "172.30.2.0/24"},
            "external": {"cidr": "172.30.3.0/24"},
        },
        "nodes": {"n": {"roles": ["controller", "compute"]}},
    }
    lab = Lab(spec_of(layout_of(Cloud.model_validate(description))))
    key = base / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=20)
    try:
        keys = lab.up(
            ensure_image(MINIMAL, Home.of_environment()),
            authorized_key=Path(f"{key}.pub").read_text().strip(),
        )
        node = lab.spec.nodes[0]
        known = base / "known_hosts"
        known.write_text(f"{node.address} {keys[node.name]}\n")
        yield Machine(
            SshTarget(
                name=node.name,
                address=node.address,
                known_hosts=known,
                key=key,
                prefix=ssh_prefix(lab.spec.name),
                nearby=True,
            )
        )
    finally:
        lab.purge()
