"""Everything a command begins with: the file checked, addresses given out, secrets made, ways to nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stackhaven.design.addresses import layout_of
from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.engine.ssh import SshTarget
from stackhaven.lab.host import kernel_datapath
from stackhaven.lab.reach import ssh_prefix
from stackhaven.model.cloud import Cloud
from stackhaven.model.finding import Finding
from stackhaven.model.load import check_file
from stackhaven.model.secrets import ensure_secrets
from stackhaven.model.state import State
from stackhaven.plan.mask import Masker
from stackhaven.services.base import Site
from stackhaven.services.contents import declarations_of, secret_names


@dataclass(frozen=True, kw_only=True)
class Session:
    """One cloud, opened. `targets`: how to reach each node, by name; `warnings` are to be shown and stop nothing."""

    file: Path
    cloud: Cloud
    layout: Layout
    site: Site
    state: State
    targets: Mapping[str, SshTarget]
    masker: Masker
    warnings: tuple[Finding, ...]


def open_session(file: Path) -> Session:
    """Open the cloud described in `file`. No node is contacted.

    Raises:
        ModelError: when anything is wrong with the file; nothing was touched.
        HavenError: when the state beside it cannot be used.

    """
    checked = check_file(file)
    cloud = checked.require()
    layout = layout_of(cloud)
    declared = declarations_of(layout)
    state = State.beside(file, cloud.name)
    secrets = ensure_secrets(state.secrets, secret_names(declared))
    return Session(
        file=file,
        cloud=cloud,
        layout=layout,
        site=Site(
            layout=layout,
            secrets=secrets,
            declared=declared,
            kernel_datapath=has_kernel_datapath(cloud),
        ),
        state=state,
        targets={node.name: target_of(cloud, node, state) for node in layout.nodes},
        masker=Masker(secrets.values()),
        warnings=checked.findings,
    )


def has_kernel_datapath(cloud: Cloud) -> bool:
    """Whether the chassis forward in the kernel: real hosts do, a lab does where its host has the module."""
    if cloud.lab is None or cloud.lab.datapath == "kernel":
        return True
    return cloud.lab.datapath == "auto" and kernel_datapath()


def target_of(cloud: Cloud, node: LayoutNode, state: State) -> SshTarget:
    """How SSH reaches a node: a host as written, a lab machine at its management address through the hub."""
    if node.ssh is None:
        return SshTarget(
            name=node.name,
            address=node.management,
            user="root",
            port=22,
            key=state.key,
            known_hosts=state.known_hosts,
            prefix=ssh_prefix(cloud.name),
        )
    return SshTarget(
        name=node.name,
        address=node.ssh.address,
        user=node.ssh.user,
        port=node.ssh.port,
        key=state.key,
        known_hosts=state.known_hosts,
    )
