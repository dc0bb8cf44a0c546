"""From the collector's answer to facts. Never raises: what cannot be read is unknown, with why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stackhaven.observe.status.facts import (
    BackendFact,
    BrokerFact,
    DiskFact,
    GaleraFact,
    MachineFact,
    NodeFacts,
    RaftFact,
    UnitFact,
)

T = TypeVar("T")
ERLANG_UP = 3
"""``erlang_vm_dist_node_state`` of an established connection."""


def node_facts(name: str, answer: Mapping[str, Any], *, asked_at: float, heard_at: float) -> NodeFacts:
    """Facts of a node that answered. `asked_at` and `heard_at` are our clock in seconds since 1970."""
    unanswered: dict[str, str] = {}

    def read(question: str, parse: Callable[[Any], T], otherwise: T) -> T:
        value = answer.get(question)
        if value is None:
            return otherwise
        if isinstance(value, Mapping) and set(value) == {"error"}:
            unanswered[question] = str(value["error"])
            return otherwise
        try:
            return parse(value)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            unanswered[question] = f"an answer that cannot be read: {type(error).__name__} {error}"
            return otherwise

    return NodeFacts(
        name=name,
        reachable=True,
        units=read("units", _units, ()),
        machine=read("machine", _machine, None),
        holds=read("addresses", dict, {}),
        neighbours=read("neighbours", dict, {}),
        galera=read("galera", _galera, None),
        backends=read("haproxy", _backends, ()),
        broker=read("rabbitmq", _broker, None),
        raft=read("ovn", _raft, ()),
        clock_off_s=read("clock", lambda clock: clock_off(float(clock), asked_at, heard_at), 0.0),
        unanswered=unanswered,
    )


def clock_off(clock: float, asked_at: float, heard_at: float) -> float:
    """How far a clock read at some moment between the two is at least from ours, with its sign; 0 if it may agree."""
    if clock < asked_at:
        return clock - asked_at
    return max(0.0, clock - heard_at)


def _units(value: Any) -> tuple[UnitFact, ...]:
    return tuple(
        UnitFact(
            name=unit["Id"],
            state="missing" if unit["LoadState"] == "not-found" else unit["ActiveState"],
            detail=unit["SubState"],
            restarts=int(unit.get("NRestarts") or 0),
        )
        for unit in value
    )


def _machine(value: Any) -> MachineFact:
    return MachineFact(**{**value, "disks": tuple(DiskFact(**disk) for disk in value["disks"])})


def _galera(value: Any) -> GaleraFact:
    if not value["running"]:
        return GaleraFact(running=False, state=str(value.get("reason", "")))
    status = value["status"]
    return GaleraFact(
        running=True,
        primary=value["primary"],
        synced=value["synced"],
        state=status.get("wsrep_local_state_comment", ""),
        size=int(status.get("wsrep_cluster_size", 0)),
        uuid=status.get("wsrep_cluster_state_uuid", ""),
    )


def _backends(value: Any) -> tuple[BackendFact, ...]:
    return tuple(
        BackendFact(
            listener=row["pxname"],
            member=row["svname"],
            status=row["status"],
            check=row["check_status"],
            since_s=int(row["lastchg"] or 0),
        )
        for row in value
        # A server that is never checked is a second way to a member, for the case that all checks fail.
        if row["status"] not in {"", "no check"}
    )


def _broker(value: Any) -> BrokerFact:
    return BrokerFact(
        connected=frozenset(
            peer.removeprefix("rabbit@")
            for peer, state in value["peers"].items()
            if state == ERLANG_UP and peer.startswith("rabbit@")
        ),
        parted=frozenset(value["parted"]),
        alarms=tuple(value["alarms"]),
        queues=frozenset(value["queues"]),
    )


def _raft(value: Any) -> tuple[RaftFact, ...]:
    return tuple(raft_fact(database, text) for database, text in value.items())


def raft_fact(database: str, text: str) -> RaftFact:
    """From the text of ``cluster/status`` (see ovsdb-server(1))."""
    fields = dict(re.findall(r"^(\w[\w ]*): (.+)$", text, re.MULTILINE))
    return RaftFact(
        database=database,
        member=fields["Status"] == "cluster member",
        role=fields["Role"],
        leader=fields["Leader"],
        term=int(fields["Term"]),
        servers=len(re.findall(r"^ +\w+ \(\w+ at ", text, re.MULTILINE)),
    )
