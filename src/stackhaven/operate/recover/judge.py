"""All clusters of a cloud, in the order in which they are brought back; what was waited for is remembered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackhaven.design.layout import Layout
from stackhaven.observe.status.facts import ServiceFact
from stackhaven.operate.recover import clients, database, network, queue
from stackhaven.operate.recover.facts import DATABASES, CloudFacts
from stackhaven.operate.recover.move import Diagnosis, Kind, Move
from stackhaven.services.base import Declaration

PATIENCE_S = 30.0
UNIT_NAMES = {"nova-conductor", "nova-scheduler", "nova-compute"}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the operator chose: whose data to keep where that is not clear, which broker never comes back."""

    take: str = ""
    forget: str = ""
    patience_s: float = PATIENCE_S


@dataclass
class Memory:
    """What one run remembers between looks; times in seconds of any one clock."""

    began: float
    wishes: Wishes
    copied: frozenset[str] = frozenset()
    _since: dict[str, tuple[object, float]] = field(default_factory=dict)

    def lasts(self, what: str, value: object, now: float) -> bool:
        """Whether this has been so for as long as patience goes."""
        known = self._since.get(what)
        if known is None or known[0] != value:
            self._since[what] = (value, now)
            return self.wishes.patience_s <= 0
        return now - known[1] >= self.wishes.patience_s

    def moved(self, move: Move) -> None:
        """A move was made: its cluster is given time again; a copied data directory is good until then."""
        self._since = {k: v for k, v in self._since.items() if not k.startswith(move.area)}
        if move.kind is Kind.COPY:
            self.copied = frozenset(move.nodes)
        elif move.area == "database":
            self.copied = frozenset()


def diagnose(
    facts: CloudFacts,
    layout: Layout,
    declared: tuple[Declaration, ...],
    *,
    memory: Memory,
    now: float,
) -> tuple[Diagnosis, ...]:
    """One diagnosis per cluster that this cloud has, in the order in which they are brought back."""
    gone = memory.lasts("silent", tuple(sorted(facts.silent)), now)
    wishes = memory.wishes
    names = {declaration.name for declaration in declared}

    def patient(area: str, state: object) -> bool:
        return not memory.lasts(area, state, now)

    found = [
        database.diagnose(
            facts.database,
            facts.silent,
            patient=patient("database", [(m.node, m.running, m.primary, m.state) for m in facts.database]),
            gone=gone,
            take=wishes.take,
            copied=memory.copied,
        )
    ]
    if "rabbitmq" in names:
        state = [(b.node, b.running, b.known, b.connected) for b in facts.brokers]
        found.append(
            queue.diagnose(
                facts.brokers, facts.silent, patient=patient("queue", state), gone=gone, forget=wishes.forget
            )
        )
    if "ovn" in names:
        addresses = {node.name: node.management for node in layout.controllers}
        for kind in DATABASES:
            servers = [r for r in facts.rafts if r.database == kind]
            raft_state = [(s.node, s.status, s.leader) for s in servers]
            found.append(
                network.diagnose(
                    kind,
                    servers,
                    facts.silent,
                    addresses,
                    patient=patient(f"network {kind}", raft_state),
                    gone=gone,
                    take=wishes.take,
                )
            )
    found.append(clients.diagnose_balancers(facts.balancers))
    return tuple(found)


def diagnose_clients(
    services: tuple[ServiceFact, ...],
    facts: CloudFacts,
    declared: tuple[Declaration, ...],
    *,
    memory: Memory,
    now: float,
) -> Diagnosis:
    """OpenStack's own programs, once what they stand on is healthy."""
    down = sorted((s.kind, s.host) for s in services if not s.up)
    return clients.diagnose_services(
        services,
        units_of(declared),
        facts.silent,
        since=memory.began,
        patient=not memory.lasts("services", down, now),
    )


def units_of(declared: tuple[Declaration, ...]) -> Mapping[tuple[str, str], str]:
    """The unit of a service as OpenStack names it, by kind and host."""
    return {
        (name, node): daemon.unit
        for declaration in declared
        for daemon in declaration.daemons
        if (name := daemon.unit.removesuffix(".service")) in UNIT_NAMES
        for node in daemon.nodes
    }
