"""A layout: which machine has which roles and addresses, computed from a cloud. Pure and frozen."""

from __future__ import annotations

from dataclasses import dataclass

from stackhaven.model.cloud import Cloud, Role, Ssh
from stackhaven.model.fencing import BmcAccess


@dataclass(frozen=True, kw_only=True)
class LayoutNode:
    """One machine with everything resolved; addresses as text, memory in MiB. `bmc`: how its power is switched."""

    name: str
    roles: frozenset[Role]
    management: str
    tunnel: str
    interfaces: dict[str, str]
    memory_mb: int
    cores: int
    ssh: Ssh | None
    ordinal: int
    domain: str = ""
    bmc: BmcAccess | None = None

    def has(self, role: Role) -> bool:
        """Whether the machine has this role."""
        return role in self.roles


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All machines of a cloud, in file order."""

    cloud: Cloud
    nodes: tuple[LayoutNode, ...]
    vip_internal: str
    vip_public: str
    vrrp_router_id: int
    floating: tuple[str, str]

    def with_role(self, role: Role) -> tuple[LayoutNode, ...]:
        """The machines of a role, in file order."""
        return tuple(n for n in self.nodes if n.has(role))

    @property
    def controllers(self) -> tuple[LayoutNode, ...]:
        """The machines that run the control plane."""
        return self.with_role(Role.CONTROLLER)

    @property
    def computes(self) -> tuple[LayoutNode, ...]:
        """The machines that run guests."""
        return self.with_role(Role.COMPUTE)

    @property
    def chassis(self) -> tuple[LayoutNode, ...]:
        """The machines with Open vSwitch and ovn-controller: computes and network nodes."""
        return tuple(n for n in self.nodes if n.has(Role.COMPUTE) or n.has(Role.NETWORK))

    def node(self, name: str) -> LayoutNode:
        """The machine of this name; KeyError if there is none."""
        for n in self.nodes:
            if n.name == name:
                return n
        raise KeyError(name)
