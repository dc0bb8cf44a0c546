"""Simulated years: failures, repairs by a limited crew, and take-overs, for what has no closed form.

The standard library's random numbers, seeded: the same seed gives the same years.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import asdict, dataclass
from random import Random
from statistics import fmean, stdev
from typing import Any

import networkx as nx

from stackhaven.design.availability.model import Model
from stackhaven.design.formulas.nines import HOURS_PER_YEAR

BATCHES = 20
LARGEST_THRESHOLD = 3
"""Gates that need more simultaneous failures than this are taken to hold: a thousand hypervisors never all fail."""


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What so many years showed. `low` and `high` bound the availability with 95 % confidence."""

    name: str
    years: int
    seed: int
    crew: int
    availability: float
    low: float
    high: float
    outages_per_year: float
    longest_h: float

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


class _State:
    """The graph with counters: how many inputs of each gate are down."""

    def __init__(self, model: Model, top: str) -> None:
        graph = model.tree.graph
        limit = {v for v in graph if model.tree.least(v) > LARGEST_THRESHOLD}
        kept = graph.subgraph(set(graph) - limit)
        inside = {top, *nx.ancestors(kept, top)}
        self.above: dict[str, list[str]] = {
            v: [g for g in graph.successors(v) if g in inside] for v in inside
        }
        self.least = {v: model.tree.least(v) for v in inside}
        self.count = dict.fromkeys(inside, 0)
        self.elements = sorted(v for v in inside if self.least[v] == 0)
        self.top = top
        self.down: set[str] = set()

    def change(self, element: str, *, failed: bool) -> None:
        """An element fails or is repaired."""
        waiting = [element]
        while waiting:
            vertex = waiting.pop()
            if failed:
                self.down.add(vertex)
            else:
                self.down.discard(vertex)
            for gate in self.above[vertex]:
                self.count[gate] += 1 if failed else -1
                least = self.least[gate]
                if self.count[gate] == (least if failed else least - 1):
                    waiting.append(gate)


def simulate(model: Model, name: str, *, years: int = 1000, seed: int = 1, crew: int = 0) -> Simulated:
    """Run a service or path for so many years.

    Args:
        model: topology and rates.
        name: the service or path.
        years: simulated; more narrow the bounds.
        seed: of the random numbers.
        crew: repairs that can go on at the same time; 0 is no limit.

    """
    random = Random(seed)
    state = _State(model, model.tree.services[name])
    rate = {e: model.rates.of(model.tree.elements[e].kind) for e in state.elements}
    spread = _spread(model, name)
    over_h = {e: model.rates.take_over_s(_service(e), rate[e]) / 3600 for e in state.elements}
    end = years * HOURS_PER_YEAR
    batch = end / BATCHES
    lost = [0.0] * BATCHES
    events = [(random.expovariate(1 / rate[e].mtbf_h), e) for e in state.elements]
    heapq.heapify(events)
    waiting: deque[str] = deque()
    busy = outages = 0
    since, longest = -1.0, 0.0
    while events:
        now, element = heapq.heappop(events)
        if now >= end:
            break
        was_down = state.top in state.down
        if element in state.down:
            state.change(element, failed=False)
            busy -= 1
            heapq.heappush(events, (now + random.expovariate(1 / rate[element].mtbf_h), element))
        else:
            state.change(element, failed=True)
            waiting.append(element)
            if not was_down and state.top not in state.down and element in spread:
                lost[int(now // batch)] += over_h[element] / spread[element]
        while waiting and (not crew or busy < crew):
            repaired = waiting.popleft()
            busy += 1
            heapq.heappush(events, (now + random.expovariate(1 / rate[repaired].mttr_h), repaired))
        is_down = state.top in state.down
        if is_down and not was_down:
            since, outages = now, outages + 1
        elif was_down and not is_down:
            _book(lost, since, now, batch)
            longest = max(longest, now - since)
    if state.top in state.down:
        _book(lost, since, end, batch)
    shares = [hours / batch for hours in lost]
    middle, margin = fmean(shares), 1.96 * stdev(shares) / BATCHES**0.5
    return Simulated(
        name=name,
        years=years,
        seed=seed,
        crew=crew,
        availability=1 - middle,
        low=max(0.0, 1 - middle - margin),
        high=min(1.0, 1 - middle + margin),
        outages_per_year=outages / years,
        longest_h=round(longest, 2),
    )


def _book(lost: list[float], since: float, until: float, batch: float) -> None:
    """Hours of an outage, into the batches it lies in."""
    while since < until:
        index = min(int(since // batch), len(lost) - 1)
        stop = until if index == len(lost) - 1 else min(until, (index + 1) * batch)
        lost[index] += stop - since
        since = stop


def _spread(model: Model, name: str) -> dict[str, int]:
    """Machines and processes of redundant services, and among how many their requests are spread."""
    found: dict[str, int] = {}
    for service in model.redundant(name):
        for member in service.members:
            found[f"machine:{member}"] = found[f"process:{service.name}@{member}"] = len(service.members)
    return found


def _service(element: str) -> str:
    """The service of a process; empty for anything else."""
    kind, _, name = element.partition(":")
    return name.partition("@")[0] if kind == "process" else ""
