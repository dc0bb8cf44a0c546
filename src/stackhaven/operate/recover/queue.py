"""RabbitMQ: from what is left to the next move. Pure.

Messages are safe as long as a majority of each queue's replicas is: nothing here takes a replica from a queue whose
other replicas are not all there, but on a broker that has lost its disk anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackhaven.operate.recover.facts import BrokerFact, QueueFact
from stackhaven.operate.recover.move import Diagnosis, Health, Kind, Move

REPLICAS = 3
MOST_NAMES = 3


def diagnose(
    brokers: Sequence[BrokerFact],
    silent: Mapping[str, str],
    *,
    patient: bool = True,
    gone: bool = False,
    forget: str = "",
) -> Diagnosis:
    """The next move, or why there is none.

    `patient` and `gone` as for the database. `forget`: a broker that the operator says never comes back.
    """
    evidence = evidence_of(brokers, silent)
    running = [b for b in brokers if b.running]
    if not running:
        return _none_runs(brokers, silent, evidence, patient=patient, gone=gone)
    if forget and any(forget in b.known for b in running) and forget not in {b.node for b in running}:
        stake = f"should {forget} come back after all, what only it has leaves the service"
        return _forget(running[0], forget, evidence, why=f"{forget} never comes back", stake=stake)
    majority = max(running, key=lambda b: len(b.connected))
    for broker in brokers:
        found = _heal(broker, majority, evidence, patient=patient)
        if found is not None:
            return found
    if parted := [f"{b.node} from {', '.join(sorted(b.parted))}" for b in running if b.parted]:
        sentence = (
            f"{'; '.join(parted)}: connected, but parted; the broker check has one start anew in seconds"
        )
        return _diagnosis(Health.WAITING, sentence, evidence)
    return _replicas(brokers, running, silent, evidence)


def evidence_of(brokers: Sequence[BrokerFact], silent: Mapping[str, str]) -> tuple[str, ...]:
    """One line per broker: whom it knows and whom it sees."""
    lines = []
    for b in brokers:
        if b.running:
            sees = ", ".join(sorted(b.connected))
            alarms = f"; alarms: {', '.join(b.alarms)}" if b.alarms else ""
            lines.append(f"{b.node}: runs, knows {', '.join(sorted(b.known))}, sees {sees}{alarms}")
        else:
            data = "" if b.data else ", no data"
            why = f"; {b.complaint.splitlines()[0]}" if b.complaint else ""
            lines.append(f"{b.node}: {b.unit}{data}{why}")
    return (*lines, *(f"{node}: does not answer ({why})" for node, why in silent.items()))


def _none_runs(
    brokers: Sequence[BrokerFact],
    silent: Mapping[str, str],
    evidence: tuple[str, ...],
    *,
    patient: bool,
    gone: bool,
) -> Diagnosis:
    if not brokers:
        return _diagnosis(
            Health.STUCK, "no broker can be asked", evidence, todo="power on the controllers, then again"
        )
    stopped = tuple(b.node for b in brokers if b.unit in {"inactive", "failed"})
    if stopped:
        return _ill(f"{', '.join(stopped)} is stopped", Kind.START, stopped, "start the broker", evidence)
    if patient or (silent and not gone):
        return _diagnosis(Health.WAITING, "the brokers are on their way and wait for each other", evidence)
    if 2 * len(brokers) <= len(brokers) + len(silent):
        todo = (
            "bring another controller back: brokers and their queues need a majority; nothing in them is lost"
        )
        return _diagnosis(
            Health.STUCK, "fewer than half of the brokers are here; they pause", evidence, todo=todo
        )
    with_data = [b.node for b in brokers if b.data]
    if not with_data:
        return _diagnosis(
            Health.WAITING, "the brokers are empty and found a new cluster by themselves", evidence
        )
    missing = ", ".join(silent) or "the one that left last"
    return _ill(
        f"the brokers wait for {missing}",
        Kind.FORCE_BOOT,
        with_data[:1],
        f"let {with_data[0]} start without waiting for {missing}",
        evidence,
        stake="users, queues and bindings that were made after it was stopped are not known to it; messages of "
        "queues with a majority of replicas stay",
    )


def _heal(
    b: BrokerFact, majority: BrokerFact, evidence: tuple[str, ...], *, patient: bool
) -> Diagnosis | None:
    """What one broker beside a running cluster needs."""
    if b.running and b.node in majority.connected and b.known == majority.known:
        return None
    if b.unit in {"inactive", "failed"}:
        return _ill(f"{b.node} is stopped", Kind.START, (b.node,), f"start the broker on {b.node}", evidence)
    by_itself = b.running and b.known == {b.node} != majority.known
    if b.node in majority.known and (b.blank or by_itself):
        return _forget(majority, b.node, evidence, why=f"{b.node} no longer knows that it was a member")
    halted = b.unit == "active" and not b.running
    if b.node not in majority.known and not patient and (b.forgotten or by_itself or halted):
        return _ill(
            f"{b.node} is not a member of the cluster of {majority.node}",
            Kind.RESET,
            (b.node,),
            f"move the data of the broker on {b.node} aside and let it join anew",
            evidence,
            stake=f"messages that only {b.node} holds leave the service; they stay on its disk, moved aside",
            details={"peer": majority.node},
        )
    return _diagnosis(Health.WAITING, f"{b.node} is on its way back to the cluster", evidence)


def _forget(at: BrokerFact, node: str, evidence: tuple[str, ...], *, why: str, stake: str = "") -> Diagnosis:
    return _ill(
        why,
        Kind.FORGET,
        (at.node,),
        f"let the cluster forget {node}, with its replicas",
        evidence,
        stake=stake,
        details={"broker": node},
    )


def _replicas(
    brokers: Sequence[BrokerFact],
    running: Sequence[BrokerFact],
    silent: Mapping[str, str],
    evidence: tuple[str, ...],
) -> Diagnosis:
    """Missing replicas are added in a healthy window only: with a member away it would be the wrong moment."""
    queues = next((b.queues for b in running if b.queues is not None), None)
    wanted = min(REPLICAS, len(brokers) + len(silent))
    short = [q for q in queues or () if len(q.members) < wanted]
    behind = [q for q in queues or () if q.members - q.online]
    if short and not silent and not behind:
        node = _where(short[0], brokers)
        return _ill(
            f"{_count(short)} fewer than {wanted} replicas: {_some(short)}",
            Kind.GROW,
            (node,),
            f"give every queue and stream that lacks one a replica on {node}",
            evidence,
            details={"queues": "\n".join(f"{q.kind} {q.name}" for q in short if node not in q.members)},
        )
    tail = (
        f"; {_count(short)} fewer than {wanted} replicas, to be mended when all brokers are back"
        if short
        else ""
    )
    gone = f"; {', '.join(silent)} does not answer" if silent else ""
    sentence = f"{len(running)} of {len(brokers) + len(silent)} brokers are in the cluster{gone}{tail}"
    if behind and not silent:
        return _diagnosis(
            Health.WAITING, f"{_count(behind)} a replica that is not online: {_some(behind)}", evidence
        )
    return _diagnosis(Health.HEALTHY, sentence, evidence)


def _where(queue: QueueFact, brokers: Sequence[BrokerFact]) -> str:
    return next(b.node for b in brokers if b.node not in queue.members)


def _count(queues: Sequence[QueueFact]) -> str:
    return f"{len(queues)} queue has" if len(queues) == 1 else f"{len(queues)} queues have"


def _some(queues: Sequence[QueueFact]) -> str:
    more = f" and {len(queues) - MOST_NAMES} more" if len(queues) > MOST_NAMES else ""
    return ", ".join(q.name for q in queues[:MOST_NAMES]) + more


def _diagnosis(health: Health, sentence: str, evidence: tuple[str, ...], todo: str = "") -> Diagnosis:
    return Diagnosis(area="queue", health=health, sentence=sentence, evidence=evidence, todo=todo)


def _ill(
    why: str,
    kind: Kind,
    nodes: Sequence[str],
    sentence: str,
    evidence: tuple[str, ...],
    *,
    stake: str = "",
    details: Mapping[str, str] | None = None,
) -> Diagnosis:
    move = Move(
        area="queue",
        kind=kind,
        nodes=tuple(nodes),
        sentence=sentence,
        evidence=evidence,
        stake=stake,
        details=details or {},
    )
    return Diagnosis(area="queue", health=Health.ILL, sentence=why, evidence=evidence, move=move)
