"""Galera: from what is left to the next move. Pure.

What always holds, whatever the facts (`broken_rule` checks it before anything is done):

* nobody bootstraps while a member that answers is in a primary component, runs, or is on its way up;
* nobody bootstraps from less than the highest position that is known of the same cluster;
* data is copied before it is bootstrapped from, and moved aside, never deleted, before it is replaced;
* where something could be lost, somebody has to agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackhaven.operate.recover.facts import NO_UUID, DatabaseFact, Position
from stackhaven.operate.recover.move import Diagnosis, Health, Kind, Move

CRASHES = 3


def diagnose(
    members: Sequence[DatabaseFact],
    silent: Mapping[str, str],
    *,
    patient: bool = True,
    gone: bool = False,
    take: str = "",
    copied: frozenset[str] = frozenset(),
) -> Diagnosis:
    """The next move, or why there is none.

    Args:
        members: the members that answer.
        silent: the other ones, with why.
        patient: what may still change by itself is waited for; False after it did not.
        gone: the silent ones were waited for; they are given up, which asks for consent.
        take: the member whose data the operator chose; "" for none.
        copied: members whose data directory was copied since it last changed.

    """
    primary = [m for m in members if m.primary]
    if not members:
        return _stuck("no database member can be asked", silent, "power on the controllers, then again")
    if primary:
        return _with_primary(members, primary, silent, patient=patient, take=take)
    running = [m for m in members if m.running]
    if running:
        return _without_quorum(running, silent, patient=patient, gone=gone)
    return _none_runs(members, silent, take=take, copied=copied, gone=gone)


def evidence_of(members: Sequence[DatabaseFact], silent: Mapping[str, str]) -> tuple[str, ...]:
    """One line per member: what it is and what it holds."""
    lines = [f"{m.node}: {_describe(m)}" for m in members]
    return (*lines, *(f"{node}: does not answer ({why})" for node, why in silent.items()))


def _describe(m: DatabaseFact) -> str:
    if m.running:
        where = "primary" if m.primary else "without a primary component"
        return f"runs, {where}, {m.state or 'no state'}, {m.uuid}:{m.committed}"
    held = str(m.position) if m.position else "position not known"
    what = f"{m.unit}, {m.phase}" if m.phase != "stopped" else m.unit
    return f"{what}, {held}" + (f"; {m.said}" if m.said else "")


def _with_primary(
    members: Sequence[DatabaseFact],
    primary: Sequence[DatabaseFact],
    silent: Mapping[str, str],
    *,
    patient: bool,
    take: str,
) -> Diagnosis:
    evidence = evidence_of(members, silent)
    if len({m.uuid for m in primary}) > 1 or len(primary) > max(m.size for m in primary):
        return _two_components(primary, evidence, take)
    lead = primary[0]
    for member in members:
        found = _heal(member, lead, evidence, patient=patient)
        if found is not None:
            return found
    gone = f"; {', '.join(silent)} does not answer" if silent else ""
    return Diagnosis(
        area="database",
        health=Health.HEALTHY,
        sentence=f"{len(primary)} of {len(members) + len(silent)} members are synced{gone}",
        evidence=evidence,
    )


def _two_components(primary: Sequence[DatabaseFact], evidence: tuple[str, ...], take: str) -> Diagnosis:
    kept = next((m for m in primary if m.node == take), None)
    if kept is None:
        return _stuck(
            "there are two primary components, which do not know each other",
            {},
            "choose the one to keep: haven recover --take NODE; the others' data is moved aside, not deleted",
            evidence,
        )
    other = next(m for m in primary if m.uuid != kept.uuid or m.node != kept.node)
    stake = (
        f"what clients wrote through {other.node} is not in {kept.node}; a copy of it stays on {other.node}"
    )
    return _ill(
        f"{other.node} is in another component than {kept.node}",
        Move(
            area="database",
            kind=Kind.RESEED,
            nodes=(other.node,),
            sentence=f"stop {other.node}, move its data aside, take {kept.node}'s",
            evidence=evidence,
            stake=stake,
        ),
        evidence,
    )


def _heal(
    m: DatabaseFact, lead: DatabaseFact, evidence: tuple[str, ...], *, patient: bool
) -> Diagnosis | None:
    """What a member beside a primary component needs."""
    if m.synced or m.primary:
        return None if m.synced else _waiting(f"{m.node} is {m.state or 'not synced yet'}", evidence)
    foreign = m.position is not None and m.position.has_data and m.position.uuid != lead.uuid
    ahead = m.position is not None and not foreign and m.position.seqno > lead.committed
    hopeless = m.restarts >= CRASHES and not patient and not m.running
    if foreign or ahead or m.absent or m.phase == "broken" or hopeless:
        return _reseed(m, lead, evidence)
    if m.stopped:
        return _start((m.node,), f"{m.node} is stopped; it joins {lead.node}'s component", evidence)
    if m.running and not patient:
        return _stop(
            (m,), f"{m.node} runs outside the primary component and does not come back to it", evidence
        )
    return _waiting(f"{m.node} is on its way: {m.said or m.state or m.phase}", evidence)


def _reseed(m: DatabaseFact, lead: DatabaseFact, evidence: tuple[str, ...]) -> Diagnosis:
    stake = ""
    if m.position is not None and m.position.has_data:
        stake = (
            f"{m.node} holds {m.position}, the cluster {lead.uuid}:{lead.committed}; "
            f"what only {m.node} has leaves the service"
        )
    elif not m.empty:
        stake = (
            f"the data of {m.node} cannot be read; commits that {lead.node} lacks, if any, leave the service"
        )
    why = (
        "its data directory is gone"
        if m.absent
        else m.said or (m.log or (f"it ended {m.restarts} times",))[-1]
    )
    move = Move(
        area="database",
        kind=Kind.RESEED,
        nodes=(m.node,),
        sentence=f"move the data of {m.node} aside and let it take a whole copy from the cluster",
        evidence=(*evidence, f"{m.node}: {why}"),
        stake=stake and f"{stake}; the data stays on {m.node}, moved aside",
    )
    return _ill(f"{m.node} cannot join with the data it has", move, move.evidence)


def _without_quorum(
    running: Sequence[DatabaseFact], silent: Mapping[str, str], *, patient: bool, gone: bool
) -> Diagnosis:
    """Members run but refuse every query. They merge by themselves when the rest of their last component is back."""
    evidence = evidence_of(running, silent)
    names = ", ".join(m.node for m in running)
    if patient or (silent and not gone):
        return _waiting(f"{names} runs without a primary component; the others may come back", evidence)
    return _stop(running, f"{names} runs without a primary component and nobody else comes", evidence)


def _none_runs(
    members: Sequence[DatabaseFact],
    silent: Mapping[str, str],
    *,
    take: str,
    copied: frozenset[str],
    gone: bool,
) -> Diagnosis:
    evidence = evidence_of(members, silent)
    broken = {m.node: f"its data is broken: {m.said}" for m in members if m.phase == "broken"}
    able = [m for m in members if m.node not in broken]
    if not take and (early := _settle(able, evidence)) is not None:
        return early
    known = {m.node: m.position for m in able if m.position is not None and m.position.has_data}
    if not known and not silent and not broken and all(m.empty for m in able):
        return _waiting("the members are empty and found a new cluster by themselves", evidence)
    if (obstacle := _obstacle(known, take, {**silent, **broken}, evidence)) is not None:
        return obstacle
    missing = {**silent, **broken}
    if not take and (not missing or (silent and not gone)):
        return _waiting(_why_wait(silent), evidence)
    return _bootstrap(able, known, missing, take=take, copied=copied)


def _obstacle(
    known: Mapping[str, Position], take: str, missing: Mapping[str, str], evidence: tuple[str, ...]
) -> Diagnosis | None:
    """Why a person has to act before anything can be bootstrapped."""
    if not known:
        todo = "bring one of the missing members back, or restore a backup"
        return _stuck("no member that answers holds any data", missing, todo, evidence)
    if take and take not in known:
        todo = f"choose one of {', '.join(known)}, or leave --take out"
        return _stuck(f"{take} was chosen, but it does not answer or holds nothing", {}, todo, evidence)
    if len({p.uuid for p in known.values()}) > 1 and not take:
        todo = "choose whose data to keep: haven recover --take NODE; all others' is moved aside, not deleted"
        return _stuck("the members hold data of different clusters", {}, todo, evidence)
    return None


def _settle(able: Sequence[DatabaseFact], evidence: tuple[str, ...]) -> Diagnosis | None:
    """Whatever else, all members that can first say where they stand."""
    stopped = tuple(m.node for m in able if m.stopped)
    if stopped:
        why = f"{', '.join(stopped)} is stopped; members decide among themselves who starts"
        return _start(stopped, why, evidence)
    unknown = [m.node for m in able if m.position is None]
    if unknown:
        return _waiting(f"{', '.join(unknown)} is on its way", evidence)
    return None


def _why_wait(silent: Mapping[str, str]) -> str:
    if silent:
        return f"{_names(silent)} does not answer and may come back; the others wait for it"
    return "all members answer and decide among themselves who starts"


def _bootstrap(
    able: Sequence[DatabaseFact],
    known: Mapping[str, Position],
    missing: Mapping[str, str],
    *,
    take: str,
    copied: frozenset[str],
) -> Diagnosis:
    winner = take if take in known else max(known, key=lambda node: known[node].seqno)
    evidence = evidence_of(able, missing)
    busy = [m for m in able if m.node != winner and not m.stopped]
    if take and busy:
        return _stop(busy, f"nobody else must decide while {winner} is bootstrapped", evidence)
    if winner not in copied:
        move = Move(
            area="database",
            kind=Kind.COPY,
            nodes=(winner,),
            sentence=f"copy the data directory of {winner}, the highest known ({known[winner]}), on {winner}",
            evidence=evidence,
            details={"position": str(known[winner])},
        )
        return _ill(f"{_names(missing)} is missing; {winner} has the most", move, evidence)
    certain = certainly_all(able, winner)
    stake = "" if certain else _stake(winner, known, missing)
    move = Move(
        area="database",
        kind=Kind.BOOTSTRAP,
        nodes=(winner,),
        sentence=f"bootstrap the cluster from {winner} at {known[winner]}, without {_names(missing)}",
        evidence=(*evidence, certain) if certain else evidence,
        stake=stake,
        details={"position": str(known[winner])},
    )
    return _ill(f"{winner} bootstraps", move, move.evidence)


def certainly_all(able: Sequence[DatabaseFact], winner: str) -> str:
    """Why the members that answer certainly hold every commit; empty when that cannot be told.

    The last component each of them saw survives on disk. If it was the same for all of them and had no other member,
    then whoever is missing had left before.
    """
    with_data = [m for m in able if m.position is not None and m.position.has_data]
    views = {m.view for m in with_data}
    if len(views) != 1 or not next(iter(views)):
        return ""
    if {m.self_id for m in with_data} == next(iter(views)):
        names = ", ".join(m.node for m in with_data)
        return (
            f"the last component consisted of {names} only: nobody else can have later commits than {winner}"
        )
    return ""


def _stake(winner: str, known: Mapping[str, Position], missing: Mapping[str, str]) -> str:
    lost = sorted(node for node, p in known.items() if p.uuid != known[winner].uuid)
    also = f"; the data of {', '.join(lost)} is of another cluster and is moved aside" if lost else ""
    if not missing:
        return f"everything that is not in {winner}'s data leaves the service{also}"
    return f"commits that only {_names(missing)} has are lost to the service, if there are any{also}"


def broken_rule(move: Move, members: Sequence[DatabaseFact], take: str = "") -> str:
    """The rule of this module that a move would break with these facts; empty if none."""
    if move.kind is Kind.BOOTSTRAP:
        node = move.nodes[0]
        up = [m.node for m in members if m.running or m.phase == "starting"]
        if up:
            return f"{', '.join(up)} runs or is on its way up"
        mine = next((m.position for m in members if m.node == node), None)
        if mine is None or str(mine) != move.details["position"]:
            return f"{node} is not at {move.details['position']}"
        rivals = [m for m in members if m.position and m.position.uuid == mine.uuid and m.position > mine]
        if rivals and not take:
            return f"{rivals[0].node} has more: {rivals[0].position}"
    if move.kind is Kind.RESEED:
        others = [m for m in members if m.node not in move.nodes]
        if not any(m.primary and m.uuid != NO_UUID for m in others):
            return "no other member is in a primary component to take the data from"
    return ""


def _names(missing: Mapping[str, str]) -> str:
    return ", ".join(sorted(missing)) or "nobody"


def _waiting(sentence: str, evidence: tuple[str, ...]) -> Diagnosis:
    return Diagnosis(area="database", health=Health.WAITING, sentence=sentence, evidence=evidence)


def _ill(sentence: str, move: Move, evidence: tuple[str, ...]) -> Diagnosis:
    return Diagnosis(area="database", health=Health.ILL, sentence=sentence, evidence=evidence, move=move)


def _stuck(sentence: str, silent: Mapping[str, str], todo: str, evidence: tuple[str, ...] = ()) -> Diagnosis:
    more = tuple(f"{node}: {why}" for node, why in silent.items())
    return Diagnosis(
        area="database", health=Health.STUCK, sentence=sentence, evidence=evidence or more, todo=todo
    )


def _start(nodes: tuple[str, ...], why: str, evidence: tuple[str, ...]) -> Diagnosis:
    move = Move(
        area="database",
        kind=Kind.START,
        nodes=nodes,
        sentence=f"start mariadb on {', '.join(nodes)}",
        evidence=evidence,
    )
    return _ill(why, move, evidence)


def _stop(members: Sequence[DatabaseFact], why: str, evidence: tuple[str, ...]) -> Diagnosis:
    nodes = tuple(m.node for m in members)
    move = Move(
        area="database",
        kind=Kind.STOP,
        nodes=nodes,
        sentence=f"stop mariadb on {', '.join(nodes)}, where it serves nobody",
        evidence=evidence,
    )
    return _ill(why, move, evidence)
