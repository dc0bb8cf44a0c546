"""What is known of a cloud at one moment: frozen values. Memory and disk are in MiB, times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class UnitFact:
    """A systemd unit: `state` such as active or failed, `detail` such as running or auto-restart."""

    name: str
    state: str
    detail: str = ""
    restarts: int = 0

    @property
    def runs(self) -> bool:
        """Whether it is up, a one-time unit included."""
        return self.state in {"active", "reloading"}


@dataclass(frozen=True, kw_only=True)
class DiskFact:
    """A filesystem, by one path on it."""

    path: str
    size_mb: int
    free_mb: int
    inodes_percent: int = 0


@dataclass(frozen=True, kw_only=True)
class MachineFact:
    """A node's resources. In a `container` memory and disks are those of the host that all its nodes share.

    `processes_mb`: what the node's own processes have for themselves. `pressure`: percent of the last ten seconds in
    which something waited, by resource.
    """

    memory_mb: int
    available_mb: int
    processes_mb: int
    container: bool
    cores: int
    load: float
    uptime_s: float
    pressure: Mapping[str, float] = field(default_factory=dict)
    disks: tuple[DiskFact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GaleraFact:
    """A database member as its own check tells it."""

    running: bool
    primary: bool = False
    synced: bool = False
    state: str = ""
    size: int = 0
    uuid: str = ""


@dataclass(frozen=True, kw_only=True)
class BackendFact:
    """A member of a listener as one load balancer sees it."""

    listener: str
    member: str
    status: str
    check: str = ""
    since_s: int = 0

    @property
    def up(self) -> bool:
        """Whether it gets traffic."""
        return self.status.startswith("UP") or self.status == "no check"


@dataclass(frozen=True, kw_only=True)
class BrokerFact:
    """A broker: the nodes it is connected to, its alarms, the quorum queues with a member on it.

    `parted`: nodes it is connected to again after one had stood still, each with metadata of its own.
    """

    connected: frozenset[str]
    parted: frozenset[str] = frozenset()
    alarms: tuple[str, ...] = ()
    queues: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class RaftFact:
    """One server of an OVN database (`nb` or `sb`). `leader`: its short id, "self", or "unknown"."""

    database: str
    member: bool
    role: str
    leader: str
    term: int
    servers: int


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """One node. Not `reachable`: `reason` says why, and all else is unknown.

    `holds`: VIP to the MAC of the interface that has it; `neighbours`: VIP to the MAC this node would send to.
    `clock_off_s`: how far its clock is at least from ours, 0 within the precision of the question.
    `unanswered`: what could not be found out, with why.
    """

    name: str
    reachable: bool
    reason: str = ""
    units: tuple[UnitFact, ...] = ()
    machine: MachineFact | None = None
    holds: Mapping[str, str] = field(default_factory=dict)
    neighbours: Mapping[str, str] = field(default_factory=dict)
    galera: GaleraFact | None = None
    backends: tuple[BackendFact, ...] = ()
    broker: BrokerFact | None = None
    raft: tuple[RaftFact, ...] = ()
    clock_off_s: float = 0.0
    unanswered: Mapping[str, str] = field(default_factory=dict)

    def raft_of(self, database: str) -> RaftFact | None:
        """The server of that OVN database on this node."""
        return next((fact for fact in self.raft if fact.database == database), None)


@dataclass(frozen=True, kw_only=True)
class ListenerFact:
    """A service asked on a VIP, as a client."""

    listener: str
    address: str
    port: int
    answers: bool
    detail: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ServiceFact:
    """A program as OpenStack itself tells it: a Nova service or a Neutron agent."""

    kind: str
    host: str
    up: bool
    enabled: bool = True
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class OutsideFacts:
    """What a client sees. `services` is None where it could not be asked, with why in `error`.

    `neighbours`: VIP to the MAC that the client's machine sends to; empty behind a router.
    """

    listeners: tuple[ListenerFact, ...] = ()
    services: tuple[ServiceFact, ...] | None = None
    error: str = ""
    neighbours: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CloudFacts:
    """Everything. `at`: seconds since 1970; `seconds`: what the looking took."""

    at: float
    seconds: float
    nodes: tuple[NodeFacts, ...]
    outside: OutsideFacts

    @property
    def serves(self) -> bool:
        """Whether clients can sign in and every service answers, whatever the nodes say of themselves."""
        listeners = self.outside.listeners
        return self.outside.services is not None and all(fact.answers for fact in listeners)

    @property
    def answering(self) -> tuple[NodeFacts, ...]:
        """The nodes that could be asked."""
        return tuple(node for node in self.nodes if node.reachable)
