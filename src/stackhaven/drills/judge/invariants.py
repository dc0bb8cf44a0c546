"""What must hold at every moment, whatever is broken: one VIP holder, one primary component. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stackhaven.drills.history import History, Sample

LAST_S = 2.0
"""A sample is believed until the next one, or for so long."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which something was so. `says`: what exactly, at its begin."""

    begin: float
    end: float
    says: str

    @property
    def length_s(self) -> float:
        """How long."""
        return self.end - self.begin


@dataclass(frozen=True, kw_only=True)
class Invariants:
    """What was seen. Each is a tuple of the times in which it was so, in order.

    Args:
        no_holder: no node had the VIP.
        two_holders: more than one running node had it.
        frozen_holder: a node that stands still had it beside another: it cannot let go until it is fenced or thawed.
        arp_wrong: clients would have sent to a node that is not the holder.
        no_primary: no database member was in a primary component.
        split_brain: two primary components without a common member.

    """

    watched: bool
    no_holder: tuple[Stretch, ...] = ()
    two_holders: tuple[Stretch, ...] = ()
    frozen_holder: tuple[Stretch, ...] = ()
    arp_wrong: tuple[Stretch, ...] = ()
    no_primary: tuple[Stretch, ...] = ()
    split_brain: tuple[Stretch, ...] = ()


def longest_s(stretches: Iterable[Stretch]) -> float:
    """The longest of them, 0 of none."""
    return max((stretch.length_s for stretch in stretches), default=0.0)


def stretches(
    states: Sequence[tuple[float, Mapping[str, object]]],
    end: float,
    wrong: Callable[[float, Mapping[str, object]], str],
) -> tuple[Stretch, ...]:
    """Times in which `wrong` gave a sentence; states hold from their time to the next one's, `LAST_S` at most."""
    found: list[Stretch] = []
    for number, (at, state) in enumerate(states):
        until = min(states[number + 1][0] if number + 1 < len(states) else end, at + LAST_S)
        says = wrong(at, state)
        if not says or until <= at:
            continue
        if found and at - found[-1].end < 1e-9:
            found[-1] = Stretch(begin=found[-1].begin, end=until, says=found[-1].says)
        else:
            found.append(Stretch(begin=at, end=until, says=says))
    return tuple(found)


def invariants(history: History) -> Invariants:
    """All of them, from the samples of the watchers."""
    vip = [(sample.at, sample.data) for sample in history.samples if sample.what == "vip"]
    members = member_states([sample for sample in history.samples if sample.what == "member"])
    if not vip and not members:
        return Invariants(watched=False)
    end = history.end
    frozen = _frozen_nodes(history)

    def holders(state: Mapping[str, object]) -> list[str]:
        found = state["holders"]
        return [str(name) for name in found] if isinstance(found, list) else []

    def living(at: float, state: Mapping[str, object]) -> list[str]:
        return [name for name in holders(state) if not frozen(name, at)]

    def arp_differs(at: float, state: Mapping[str, object]) -> str:
        who = living(at, state)
        arp = str(state["arp"])
        return f"clients send to {arp}, {who[0]} holds it" if len(who) == 1 and arp and arp not in who else ""

    def two(at: float, state: Mapping[str, object]) -> str:
        who = living(at, state)
        return f"held by {' and '.join(who)}" if len(who) > 1 else ""

    def with_frozen(at: float, state: Mapping[str, object]) -> str:
        still = [name for name in holders(state) if frozen(name, at)]
        return f"{still[0]} stands still and has it, too" if still and living(at, state) else ""

    return Invariants(
        watched=True,
        no_holder=stretches(vip, end, lambda _, s: "" if holders(s) else "nobody holds it"),
        two_holders=stretches(vip, end, two),
        frozen_holder=stretches(vip, end, with_frozen),
        arp_wrong=stretches(vip, end, arp_differs),
        no_primary=stretches(members, end, lambda _, s: "" if components(s) else "no primary component"),
        split_brain=stretches(members, end, lambda _, s: split(components(s))),
    )


def member_states(samples: Sequence[Sample]) -> list[tuple[float, Mapping[str, object]]]:
    """From samples of single members to states of all: node to its last sample."""
    states: list[tuple[float, Mapping[str, object]]] = []
    now: dict[str, object] = {}
    for sample in samples:
        now = {**now, str(sample.data["node"]): sample.data}
        states.append((sample.at, now))
    return states


def components(state: Mapping[str, object]) -> set[frozenset[str]]:
    """The primary components that members believe to be in, by their addresses."""
    found = set()
    for told in state.values():
        if isinstance(told, Mapping) and told.get("primary"):
            found.add(frozenset(str(address) for address in told.get("component", ())))
    return found


def split(views: set[frozenset[str]]) -> str:
    """Two views without a common member; views that overlap are one cluster whose members learn at different times."""
    for one in views:
        for other in views:
            if one and other and not one & other:
                sides = sorted(", ".join(sorted(side)) for side in (one, other))
                return f"{' and '.join(sides)} are both primary"
    return ""


def _frozen_nodes(history: History) -> Callable[[str, float], bool]:
    """Whether a node stood still as a whole at a moment."""
    injected = history.first("inject")
    healed = history.first("healed")
    nodes: set[str] = set()
    for event in history.events:
        if event.kind == "inject" and event.data.get("fault") == "freeze-node":
            nodes |= set(event.data.get("nodes", ()))

    def frozen(name: str, at: float) -> bool:
        return (
            name in nodes and injected is not None and at >= injected and (healed is None or at <= healed + 1)
        )

    return frozen
