"""From steps to a graph of (step, node): needs resolved, order checked, priorities computed. Pure.

Vertices are small integers, so that a hundred thousand of them stay cheap. "All of A before any of B" goes through
one barrier vertex: a thousand hosts make two thousand edges, not a million.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from stackhaven.errors import HavenError
from stackhaven.plan.step import Need, Step


@dataclass(frozen=True)
class Vertex:
    """One piece of work: a step on a node; or, without a node, the barrier "done on all nodes" of `step`."""

    step: str
    node: str | None

    @property
    def is_barrier(self) -> bool:
        """Whether it only gathers others and runs nothing."""
        return self.node is None

    def __str__(self) -> str:
        return f"{self.step} on {self.node}" if self.node else f"{self.step} everywhere"


@dataclass(frozen=True)
class Graph:
    """An acyclic graph; position in `vertices` is the vertex's number everywhere.

    `dependents[v]` may start only after v; `indegree[v]` counts what v waits for; `priority[v]` is the weight in
    seconds of the longest path from v to the end, v included; `order` is one topological order.
    """

    vertices: tuple[Vertex, ...]
    dependents: tuple[tuple[int, ...], ...]
    indegree: tuple[int, ...]
    priority: tuple[float, ...]
    order: tuple[int, ...]

    def below(self, start: Iterable[int]) -> set[int]:
        """Everything that comes after any of `start`, these not included unless reached."""
        seen: set[int] = set()
        stack = [d for v in start for d in self.dependents[v]]
        while stack:
            vertex = stack.pop()
            if vertex not in seen:
                seen.add(vertex)
                stack.extend(self.dependents[vertex])
        return seen


def build_graph(steps: Sequence[Step]) -> Graph:
    """Resolve all needs.

    Raises:
        HavenError: a name used twice (`plan-name`), a need that nothing provides (`plan-need`) or work that waits for
            itself (`plan-cycle`), naming the steps.

    """
    builder = _Builder(steps)
    builder.connect()
    order = _topological(builder.vertices, builder.dependents, builder.indegree)
    return Graph(
        vertices=tuple(builder.vertices),
        dependents=tuple(tuple(d) for d in builder.dependents),
        indegree=tuple(builder.indegree),
        priority=_priorities(builder.weights, builder.dependents, order),
        order=tuple(order),
    )


@dataclass
class _Builder:
    steps: Sequence[Step]
    vertices: list[Vertex] = field(default_factory=list)
    dependents: list[list[int]] = field(default_factory=list)
    indegree: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    place: dict[tuple[str, str], int] = field(default_factory=dict)
    barriers: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, Step] = field(default_factory=dict)
    providers: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))

    def connect(self) -> None:
        self._index()
        for step in self.steps:
            for node in step.nodes:
                self.place[step.name, node] = self._vertex(Vertex(step.name, node), step.weight)
        for step in self.steps:
            if step.serial:
                for before, after in pairwise(step.nodes):
                    self._edge(self.place[step.name, before], self.place[step.name, after])
            for need in step.needs:
                self._resolve(step, need)

    def _index(self) -> None:
        for step in self.steps:
            if step.name in self.by_name:
                raise HavenError(f"two steps are named {step.name!r}", rule="plan-name")
            if len(set(step.nodes)) != len(step.nodes):
                raise HavenError(f"step {step.name} names a node twice", rule="plan-name")
            self.by_name[step.name] = step
            for name in {step.name, *step.provides}:
                self.providers[name].append(step)

    def _resolve(self, step: Step, need: Need) -> None:
        providers = self.providers.get(need.name, [])
        if not providers and not need.optional:
            raise HavenError(
                f"step {step.name} needs {need.name!r}, but no step of this plan has that name or provides it",
                todo="add the service that provides it, or mark the need as optional",
                rule="plan-need",
            )
        for provider in providers:
            if provider.name == step.name:
                raise HavenError(f"step {step.name} needs {need.name!r}, which is itself", rule="plan-cycle")
            if need.everywhere:
                self._after_all(provider, step)
            else:
                for node in step.nodes:
                    if (provider.name, node) in self.place:
                        self._edge(self.place[provider.name, node], self.place[step.name, node])

    def _after_all(self, provider: Step, step: Step) -> None:
        barrier = self._barrier(provider)
        if not step.nodes:
            self._edge(barrier, self._barrier(step))
        for node in step.nodes:
            self._edge(barrier, self.place[step.name, node])

    def _barrier(self, step: Step) -> int:
        if step.name not in self.barriers:
            barrier = self._vertex(Vertex(step.name, None), 0.0)
            self.barriers[step.name] = barrier
            for node in step.nodes:
                self._edge(self.place[step.name, node], barrier)
        return self.barriers[step.name]

    def _vertex(self, vertex: Vertex, weight: float) -> int:
        self.vertices.append(vertex)
        self.dependents.append([])
        self.indegree.append(0)
        self.weights.append(weight)
        return len(self.vertices) - 1

    def _edge(self, before: int, after: int) -> None:
        self.dependents[before].append(after)
        self.indegree[after] += 1


def _topological(vertices: list[Vertex], dependents: list[list[int]], indegree: list[int]) -> list[int]:
    waiting = list(indegree)
    order = [v for v, count in enumerate(waiting) if count == 0]
    for vertex in order:
        for dependent in dependents[vertex]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                order.append(dependent)
    if len(order) < len(vertices):
        cycle = _find_cycle(dependents, {v for v, count in enumerate(waiting) if count > 0})
        path = " -> ".join(str(vertices[v]) for v in cycle if not vertices[v].is_barrier)
        first = next(str(vertices[v]) for v in cycle if not vertices[v].is_barrier)
        raise HavenError(
            f"these steps wait for each other: {path} -> {first}",
            todo="remove one of these needs",
            rule="plan-cycle",
        )
    return order


def _find_cycle(dependents: list[list[int]], stuck: set[int]) -> list[int]:
    """One cycle among `stuck`. Each has an unfinished predecessor, so walking backwards must come round."""
    before: dict[int, int] = {}
    for vertex in stuck:
        for dependent in dependents[vertex]:
            if dependent in stuck:
                before[dependent] = vertex
    walked: dict[int, int] = {}
    path: list[int] = []
    vertex = min(stuck)
    while vertex not in walked:
        walked[vertex] = len(path)
        path.append(vertex)
        vertex = before[vertex]
    return path[walked[vertex] :][::-1]


def _priorities(weights: list[float], dependents: list[list[int]], order: list[int]) -> tuple[float, ...]:
    priority = list(weights)
    for vertex in reversed(order):
        after = dependents[vertex]
        if after:
            priority[vertex] += max(priority[d] for d in after)
    return tuple(priority)
