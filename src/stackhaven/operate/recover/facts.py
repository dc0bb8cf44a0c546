"""What is left of a cloud's clusters at one moment: frozen values, read from the nodes' answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_UUID = "00000000-0000-0000-0000-000000000000"
DATABASES = {"nb": "northbound", "sb": "southbound"}


@dataclass(frozen=True, order=True, kw_only=True)
class Position:
    """How far a member's data goes: ordered by having data at all, then by sequence number."""

    seqno: int
    uuid: str = field(compare=False)

    @property
    def has_data(self) -> bool:
        """Whether there is anything of any cluster."""
        return self.uuid != NO_UUID

    def __str__(self) -> str:
        return f"{self.uuid}:{self.seqno}" if self.has_data else "no data"


@dataclass(frozen=True, kw_only=True)
class DatabaseFact:
    """A Galera member. `unit` is systemd's ActiveState; `phase` what its start program said last.

    `position` is known while it decides, or after an orderly stop. `view`: ids of the members of the last component
    it saw, `self_id` its own among them; both survive a loss of power. `said`: why it does not start. `empty`: it has
    no tables; `absent`: not even a data directory.
    """

    node: str
    unit: str
    phase: str = "stopped"
    running: bool = False
    primary: bool = False
    synced: bool = False
    state: str = ""
    uuid: str = ""
    size: int = 0
    committed: int = -1
    position: Position | None = None
    said: str = ""
    view: frozenset[str] = frozenset()
    self_id: str = ""
    empty: bool = False
    absent: bool = False
    restarts: int = 0
    log: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether nothing runs or tries to."""
        return self.unit in {"inactive", "failed"}


@dataclass(frozen=True, kw_only=True)
class QueueFact:
    """A replicated queue or stream; members by node name."""

    name: str
    kind: str
    members: frozenset[str]
    online: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class BrokerFact:
    """A broker. `known`: the members of its cluster as it knows them; empty where it does not run.

    `parted`: those it is connected to again, but has other metadata than since one of them stood still.

    `blank`: the others count it as a member and it knows nothing of that; `forgotten`: the other way round.
    """

    node: str
    unit: str
    running: bool = False
    known: frozenset[str] = frozenset()
    connected: frozenset[str] = frozenset()
    parted: frozenset[str] = frozenset()
    alarms: tuple[str, ...] = ()
    data: bool = True
    blank: bool = False
    forgotten: bool = False
    complaint: str = ""
    queues: tuple[QueueFact, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class RaftFact:
    """A server of an OVN database. `servers`: server id to address, as it knows them; `last` its last log entry."""

    node: str
    database: str
    unit: str
    file: bool
    status: str = ""
    role: str = ""
    leader: str = ""
    cluster: str = ""
    server: str = ""
    servers: Mapping[str, str] = field(default_factory=dict)
    term: int = 0
    last: int = 0

    @property
    def has_leader(self) -> bool:
        """Whether it is in a cluster that can decide."""
        return self.status == "cluster member" and self.leader not in {"", "unknown"}


@dataclass(frozen=True, kw_only=True)
class BalancerFact:
    """A load balancer. `hung`: "listener/member" that it knows to be down, to the sessions that are still on it."""

    node: str
    hung: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CloudFacts:
    """Everything. `silent`: nodes that do not answer, with why. `unknown`: what a node could not tell, with why."""

    silent: Mapping[str, str] = field(default_factory=dict)
    database: tuple[DatabaseFact, ...] = ()
    brokers: tuple[BrokerFact, ...] = ()
    rafts: tuple[RaftFact, ...] = ()
    balancers: tuple[BalancerFact, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


def database_fact(node: str, answer: Mapping[str, Any]) -> DatabaseFact:
    """From what the probe says of the member."""
    state = answer["state"]
    status = state.get("status", {})
    start = state.get("start") or {}
    phase = start.get("phase", "stopped") if start.get("boot_id") == state.get("boot_id") else "stopped"
    view, self_id = _view(answer["view"])
    files = answer["files"]
    return DatabaseFact(
        node=node,
        unit=answer["unit"].get("ActiveState", "unknown"),
        phase=phase,
        running=bool(state.get("running")),
        primary=bool(state.get("primary")),
        synced=bool(state.get("synced")),
        state=status.get("wsrep_local_state_comment", ""),
        uuid=status.get("wsrep_cluster_state_uuid", ""),
        size=int(status.get("wsrep_cluster_size", 0)),
        committed=int(status.get("wsrep_last_committed", -1)),
        position=None if state.get("running") else _position(phase, start, state.get("stored")),
        said=start.get("sentence", "") if phase in {"deciding", "broken"} else "",
        view=view,
        self_id=self_id,
        empty=files is None or "ibdata1" not in files,
        absent=files is None,
        restarts=int(answer["unit"].get("NRestarts") or 0),
        log=tuple(answer["log"]),
    )


def _position(phase: str, start: Mapping[str, Any], stored: Mapping[str, Any] | None) -> Position | None:
    if phase == "deciding" and start.get("position"):
        return Position(uuid=start["position"]["uuid"], seqno=int(start["position"]["seqno"]))
    if phase == "stopped" and stored and stored["uuid"] != NO_UUID and stored["seqno"] >= 0:
        return Position(uuid=stored["uuid"], seqno=int(stored["seqno"]))
    return None


def _view(text: str) -> tuple[frozenset[str], str]:
    mine = re.search(r"^my_uuid: (\S+)", text, re.MULTILINE)
    return frozenset(re.findall(r"^member: (\S+)", text, re.MULTILINE)), mine[1] if mine else ""


def broker_fact(node: str, answer: Mapping[str, Any]) -> BrokerFact:
    """From what the probe says of the broker."""
    unit = answer["unit"].get("ActiveState", "unknown")
    if "status" not in answer:
        said = " ".join(answer.get("disagrees", ()))
        believer = re.search(r"node rabbit@(\S+) thinks it's clustered", said)
        return BrokerFact(
            node=node,
            unit=unit,
            data=answer["data"],
            blank=believer is not None and believer[1] != node,
            forgotten=believer is not None and believer[1] == node,
            complaint=said or answer.get("complaint", ""),
        )
    status = answer["status"]
    queues = answer.get("queues")
    return BrokerFact(
        node=node,
        unit=unit,
        running=True,
        known=_nodes(status["disk_nodes"]),
        connected=_nodes(status["running_nodes"]),
        parted=_nodes(dict(status["partitions"]).get(f"rabbit@{node}", ())),
        alarms=tuple(str(alarm) for alarm in status["alarms"]),
        queues=None
        if queues is None
        else tuple(_queue(q) for q in queues if q["type"] in {"quorum", "stream"}),
    )


def _queue(row: Mapping[str, Any]) -> QueueFact:
    return QueueFact(
        name=row["name"], kind=row["type"], members=_nodes(row["members"]), online=_nodes(row["online"])
    )


def _nodes(names: Any) -> frozenset[str]:
    return frozenset(str(name).removeprefix("rabbit@") for name in names or ())


def raft_fact(node: str, database: str, answer: Mapping[str, Any]) -> RaftFact:
    """From what the probe says of one OVN database."""
    text = answer["status"]
    told = dict(re.findall(r"^(\w[\w ]*): (.+)$", text, re.MULTILINE))
    log = re.search(r"^Log: \[(\d+), (\d+)\]", text, re.MULTILINE)
    return RaftFact(
        node=node,
        database=database,
        unit=answer["unit"].get("ActiveState", "unknown"),
        file=answer["file"],
        status=told.get("Status", ""),
        role=told.get("Role", ""),
        leader=told.get("Leader", ""),
        cluster=answer.get("db-cid", ""),
        server=answer.get("db-sid", "")[:4],
        servers=dict(re.findall(r"^ +(\w+) \(\w+ at tcp:([\d.]+):\d+\)", text, re.MULTILINE)),
        term=int(told.get("Term", 0)),
        last=int(log[2]) if log else 0,
    )
