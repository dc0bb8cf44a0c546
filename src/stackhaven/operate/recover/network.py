"""OVN's two databases: from what is left of their raft clusters to the next move. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackhaven.operate.recover.facts import DATABASES, RaftFact
from stackhaven.operate.recover.move import Diagnosis, Health, Kind, Move


def diagnose(
    database: str,
    servers: Sequence[RaftFact],
    silent: Mapping[str, str],
    addresses: Mapping[str, str],
    *,
    patient: bool = True,
    gone: bool = False,
    take: str = "",
) -> Diagnosis:
    """The next move for one database (`nb` or `sb`), or why there is none.

    `addresses`: management address of every controller by name. `patient` and `gone` as for the Galera members.
    """
    evidence = evidence_of(servers, silent)
    title = DATABASES[database]
    if not servers:
        return _say(Health.STUCK, f"no server of the {title} database can be asked", evidence)
    leading = [s for s in servers if s.has_leader]
    clusters = {s.cluster for s in leading}
    if len(clusters) > 1:
        leading = [s for s in leading if s.cluster in {s.cluster for s in leading if s.node == take}]
        if not leading:
            todo = "choose the one to keep: haven recover --take NODE; the others' files are moved aside"
            return _say(Health.STUCK, f"there are two clusters of the {title} database", evidence, todo)
    if leading:
        return _with_leader(database, servers, leading, silent, addresses, evidence=evidence, patient=patient)
    down = tuple(s.node for s in servers if s.file and not s.status)
    startable = tuple(s.node for s in servers if s.node in down and s.unit != "activating")
    if startable:
        why = f"the {title} database's server on {', '.join(startable)} is stopped"
        return _move(
            database, why, Kind.START, startable, f"start the {title} database's server", evidence=evidence
        )
    if patient or (silent and not gone):
        return _say(Health.WAITING, f"the {title} database has no leader yet", evidence)
    return _found(database, servers, silent, evidence)


def evidence_of(servers: Sequence[RaftFact], silent: Mapping[str, str]) -> tuple[str, ...]:
    """One line per server."""
    lines = []
    for s in servers:
        if s.status:
            what = f"{s.status}, {s.role}, leader {s.leader}, {len(s.servers)} servers, log to {s.last}"
        else:
            what = f"server down ({s.unit}), " + ("file there" if s.file else "NO FILE")
        lines.append(f"{s.node}: {what}, cluster {s.cluster[:8] or 'unknown'}, term {s.term}")
    return (*lines, *(f"{node}: does not answer ({why})" for node, why in silent.items()))


def _with_leader(
    database: str,
    servers: Sequence[RaftFact],
    leading: Sequence[RaftFact],
    silent: Mapping[str, str],
    addresses: Mapping[str, str],
    *,
    evidence: tuple[str, ...],
    patient: bool,
) -> Diagnosis:
    title = DATABASES[database]
    lead = max(leading, key=lambda s: (len(s.servers), s.term, s.last))
    for server in servers:
        if server.has_leader and server.cluster == lead.cluster:
            continue
        if server.file and not server.status and server.unit != "activating":
            why = f"the {title} database's server on {server.node} is stopped"
            return _move(
                database, why, Kind.START, (server.node,), f"start it on {server.node}", evidence=evidence
            )
        foreign = server.cluster and lead.cluster and server.cluster != lead.cluster
        if server.file and not foreign and patient:
            return _say(Health.WAITING, f"{server.node} is on its way into the cluster", evidence)
        old = [sid for sid, address in lead.servers.items() if address == addresses[server.node]]
        if old and (not server.file or foreign or server.server not in old):
            return _kick(database, lead, server.node, old[0], evidence)
        return _rejoin(database, server, lead.cluster, addresses, evidence=evidence)
    twice = _stale(lead, servers, addresses)
    if twice:
        return _kick(database, lead, "a former member", twice, evidence)
    gone = f"; {', '.join(silent)} does not answer" if silent else ""
    sentence = f"{len(leading)} of {len(servers) + len(silent)} servers of the {title} database are in{gone}"
    return _say(Health.HEALTHY, sentence, evidence)


def _stale(lead: RaftFact, servers: Sequence[RaftFact], addresses: Mapping[str, str]) -> str:
    """A server id that the cluster still counts though its node now has another one."""
    present = {addresses[s.node]: s.server for s in servers if s.has_leader}
    for sid, address in lead.servers.items():
        if address in present and present[address] and present[address] != sid:
            return sid
    return ""


def _kick(database: str, lead: RaftFact, node: str, sid: str, evidence: tuple[str, ...]) -> Diagnosis:
    title = DATABASES[database]
    return _move(
        database,
        f"the {title} database still counts server {sid} of {node}, which is no more",
        Kind.KICK,
        (lead.node,),
        f"remove server {sid} from the {title} database's cluster",
        evidence=evidence,
        details={"server": sid},
    )


def _rejoin(
    database: str,
    server: RaftFact,
    cluster: str,
    addresses: Mapping[str, str],
    *,
    evidence: tuple[str, ...],
) -> Diagnosis:
    title = DATABASES[database]
    peers = [address for node, address in addresses.items() if node != server.node]
    why = f"the {title} database of {server.node} is " + ("not of this cluster" if server.file else "lost")
    return _move(
        database,
        why,
        Kind.REJOIN,
        (server.node,),
        f"let {server.node} join the {title} database's cluster anew"
        + ("; its old file is moved aside" if server.file else ""),
        evidence=evidence,
        details={"cluster": cluster, "local": addresses[server.node], "peers": " ".join(peers)},
    )


def _found(
    database: str, servers: Sequence[RaftFact], silent: Mapping[str, str], evidence: tuple[str, ...]
) -> Diagnosis:
    """No majority and none to be expected: the member that knows most becomes the first of a new cluster."""
    title = DATABASES[database]
    able = [s for s in servers if s.file and s.status]
    if not able:
        todo = "bring a missing controller back, or restore the network databases from a backup"
        return _say(Health.STUCK, f"nothing of the {title} database is left here", evidence, todo)
    best = max(able, key=lambda s: (s.last, s.term))
    missing = ", ".join(silent) or ", ".join(s.node for s in servers if s is not best)
    return _move(
        database,
        f"the {title} database has lost its majority: {missing} is missing",
        Kind.FOUND,
        (best.node,),
        f"make a new cluster of {best.node}'s copy of the {title} database (kept aside before), the longest log",
        evidence=evidence,
        stake=f"changes of the network that only {missing} knows are lost; neutron writes the missing ones again",
    )


def _say(health: Health, sentence: str, evidence: tuple[str, ...], todo: str = "") -> Diagnosis:
    if health is Health.STUCK and not todo:
        todo = "power on the controllers, then again"
    return Diagnosis(area="network", health=health, sentence=sentence, evidence=evidence, todo=todo)


def _move(
    database: str,
    why: str,
    kind: Kind,
    nodes: tuple[str, ...],
    sentence: str,
    *,
    evidence: tuple[str, ...],
    stake: str = "",
    details: Mapping[str, str] | None = None,
) -> Diagnosis:
    move = Move(
        area="network",
        kind=kind,
        nodes=nodes,
        sentence=sentence,
        evidence=evidence,
        stake=stake,
        details={"database": database, **(details or {})},
    )
    return Diagnosis(area="network", health=Health.ILL, sentence=why, evidence=evidence, move=move)
