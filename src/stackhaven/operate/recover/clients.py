"""What clients of the clusters hang on: sessions of dead members, services that run and do nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackhaven.observe.status.facts import ServiceFact
from stackhaven.operate.recover.facts import BalancerFact
from stackhaven.operate.recover.move import Diagnosis, Health, Kind, Move


def diagnose_balancers(balancers: Sequence[BalancerFact]) -> Diagnosis:
    """A load balancer that marks a member down ends its sessions; one that is left waits for ever."""
    for balancer in balancers:
        if balancer.hung:
            evidence = tuple(f"{n} sessions on {server}" for server, n in sorted(balancer.hung.items()))
            move = Move(
                area="balancer",
                kind=Kind.SWEEP,
                nodes=(balancer.node,),
                sentence=f"end the sessions of dead members on {balancer.node}, so that their clients connect anew",
                evidence=evidence,
                details={"servers": " ".join(sorted(balancer.hung))},
            )
            sentence = f"{balancer.node} holds sessions of members that are down"
            return Diagnosis(
                area="balancer", health=Health.ILL, sentence=sentence, evidence=evidence, move=move
            )
    sentence = f"no session hangs on a dead member, on {len(balancers)} load balancers"
    return Diagnosis(area="balancer", health=Health.HEALTHY, sentence=sentence)


def diagnose_services(
    services: Sequence[ServiceFact],
    units: Mapping[tuple[str, str], str],
    silent: Mapping[str, str],
    *,
    since: float,
    patient: bool,
) -> Diagnosis:
    """Services that OpenStack counts as down though their machine answers.

    `units`: (kind, host) to the systemd unit. `since`: seconds since 1970; a unit that was started later is not
    restarted again.
    """
    down = [s for s in services if not s.up and s.host not in silent]
    away = [s for s in services if not s.up and s.host in silent]
    evidence = tuple(f"{s.kind} on {s.host}: down {s.reason}".rstrip() for s in (*down, *away))
    mendable = [s for s in down if (s.kind, s.host) in units]
    if mendable and patient:
        sentence = f"{len(down)} services are counted as down; those that reconnect need half a minute"
        return Diagnosis(area="services", health=Health.WAITING, sentence=sentence, evidence=evidence)
    if mendable:
        first = mendable[0]
        move = Move(
            area="services",
            kind=Kind.RESTART,
            nodes=(first.host,),
            sentence=f"restart {first.kind} on {first.host}, which runs but does not report",
            evidence=evidence,
            details={"unit": units[first.kind, first.host], "since": f"{since:.0f}"},
        )
        sentence = f"{first.kind} on {first.host} is counted as down"
        return Diagnosis(area="services", health=Health.ILL, sentence=sentence, evidence=evidence, move=move)
    up = sum(1 for s in services if s.up)
    more = f"; stale, on machines that do not answer: {len(away)}" if away else ""
    return Diagnosis(
        area="services",
        health=Health.HEALTHY,
        sentence=f"{up} of {len(services)} services and agents are up{more}",
        evidence=evidence,
    )
