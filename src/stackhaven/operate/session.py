"""Everything a command begins with: the file checked, addresses given out, secrets made, ways to nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackhaven.design.addresses import layout_of
from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.engine.ssh import SshTarget
from stackhaven.errors import HavenError, InputError
from stackhaven.lab.host import kernel_datapath
from stackhaven.lab.reach import ssh_prefix
from stackhaven.model.cloud import Cloud
from stackhaven.model.fencing import password_names
from stackhaven.model.finding import Finding
from stackhaven.model.load import Checked, check_file
from stackhaven.model.rules import Facts, PortClaim
from stackhaven.model.secrets import Secrets, ensure_secrets
from stackhaven.model.state import State
from stackhaven.operate.hostkeys import pin_known_hosts
from stackhaven.plan.mask import Masker
from stackhaven.services.base import Declaration, Site
from stackhaven.services.common.wanted import CORE
from stackhaven.services.contents import declarations_of, secret_names


@dataclass(frozen=True, kw_only=True)
class Session:
    """One cloud, opened. `targets`: ways to each node, by name; `warnings` are to be shown and stop nothing."""

    file: Path
    cloud: Cloud
    layout: Layout
    site: Site
    state: State
    targets: Mapping[str, SshTarget]
    masker: Masker
    warnings: tuple[Finding, ...]


def check_cloud(file: Path) -> Checked:
    """Everything that is wrong with a file, judged with what the services say of themselves. Touches nothing."""
    return check_file(file, service_facts())


def open_session(file: Path) -> Session:
    """Open the cloud described in `file`. No node is contacted.

    Raises:
        ModelError: when anything is wrong with the file; nothing was touched.
        HavenError: when the state beside it cannot be used.

    """
    checked = check_cloud(file)
    cloud = checked.require()
    layout = layout_of(cloud)
    declared = declarations_of(layout)
    state = State.beside(file, cloud.name)
    secrets = secrets_of(cloud, state, declared)
    pin_known_hosts(state.known_hosts, layout)
    return Session(
        file=file,
        cloud=cloud,
        layout=layout,
        site=Site(
            layout=layout, secrets=secrets, declared=declared, kernel_datapath=has_kernel_datapath(cloud)
        ),
        state=state,
        targets={node.name: target_of(cloud, node, state) for node in layout.nodes},
        masker=Masker(secrets.values()),
        warnings=checked.findings,
    )


def secrets_of(cloud: Cloud, state: State, declared: Sequence[Declaration]) -> Secrets:
    """The cloud's secrets, made where they are missing. Passwords of existing BMCs cannot be made, only given.

    Raises:
        HavenError: rule ``secret-missing``.

    """
    given = password_names(cloud)
    made = given if cloud.lab is not None else ()
    secrets = ensure_secrets(state.secrets, {*secret_names(declared), *made})
    missing = [name for name in given if name not in secrets]
    if missing:
        raise HavenError(
            f"the password of the BMCs is not known: no secret {' and no secret '.join(missing)}",
            why="without it no controller could take the power of a lost one",
            todo="\n       ".join(f"haven secret set {name}" for name in missing),
            rule="secret-missing",
        )
    return secrets


def has_kernel_datapath(cloud: Cloud) -> bool:
    """Whether the chassis forward in the kernel: real hosts do, a lab does where its host has the module."""
    if cloud.lab is None or cloud.lab.datapath == "kernel":
        return True
    return cloud.lab.datapath == "auto" and kernel_datapath()


def target_of(cloud: Cloud, node: LayoutNode, state: State) -> SshTarget:
    """How SSH reaches a node.

    A machine of the lab answers at its management address, seen from the lab's hub, to the cloud's own key. An
    existing host is reached as written, with the operator's own agent and keys.
    """
    if node.ssh is None:
        return SshTarget(
            name=node.name,
            address=node.management,
            known_hosts=state.known_hosts,
            key=state.key,
            prefix=ssh_prefix(cloud.name),
            nearby=True,
        )
    return SshTarget(
        name=node.name,
        address=node.ssh.address,
        user=node.ssh.user,
        port=node.ssh.port,
        known_hosts=state.known_hosts,
    )


def service_facts() -> Facts:
    """What the rules are told of the services."""
    return Facts(services=frozenset(CORE), ports=port_claims)


def port_claims(cloud: Cloud) -> Iterable[PortClaim]:
    """Everything that would listen on the controllers: the load balancer on the VIPs, services on the node's own."""
    try:
        layout = layout_of(cloud)
    except InputError:
        return
    for declaration in declarations_of(layout):
        for node in layout.controllers:
            yield from _claims_of(declaration, layout, node)


def _claims_of(declaration: Declaration, layout: Layout, node: LayoutNode) -> Iterable[PortClaim]:
    for listener in declaration.listeners:
        vips = {layout.vip_internal} if listener.internal_only else {layout.vip_internal, layout.vip_public}
        for vip in sorted(vips):
            yield PortClaim(node=node.name, address=vip, port=listener.port, owner=f"VIP of {listener.name}")
        for port in {listener.backend_port or listener.port, listener.check_port} - {None}:
            if port is not None:
                yield PortClaim(node=node.name, address=node.management, port=port, owner=declaration.name)
