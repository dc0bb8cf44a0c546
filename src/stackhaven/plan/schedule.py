"""Which piece of work may start now: the pure core of a run. Results go in, what is ready comes out.

Invariants: nothing starts before all it waits for is done; what depends on a failure never starts; a node has at most
`per_node` pieces in flight; every vertex ends exactly once.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from enum import Enum, auto

from stackhaven.plan.graph import Graph


class Stand(Enum):
    """Where a vertex stands."""

    WAITING = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    BLOCKED = auto()


class Schedule:
    """The ready set of a graph, longest remaining path first; equal ones in the order of the table of contents."""

    def __init__(self, graph: Graph, *, per_node: int = 8) -> None:
        self.graph = graph
        self.per_node = per_node
        self.stand = [Stand.WAITING] * len(graph.vertices)
        self.cause: dict[int, int] = {}
        self.running = 0
        self._waiting_for = list(graph.indegree)
        self._ready: list[tuple[float, int]] = []
        self._parked: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._in_flight: dict[str, int] = defaultdict(int)
        self._release([v for v, count in enumerate(graph.indegree) if count == 0])

    def take(self) -> int | None:
        """The next vertex to start, now counted as running; None if nothing can start at this moment."""
        while self._ready:
            entry = heapq.heappop(self._ready)
            vertex = entry[1]
            node = self._node(vertex)
            if self._in_flight[node] >= self.per_node:
                heapq.heappush(self._parked[node], entry)
                continue
            self._in_flight[node] += 1
            self.running += 1
            self.stand[vertex] = Stand.RUNNING
            return vertex
        return None

    def done(self, vertex: int) -> None:
        """It ended well: what waited only for it becomes ready."""
        self._end(vertex, Stand.DONE)
        self._release(self._countdown(vertex))

    def failed(self, vertex: int) -> list[int]:
        """It ended badly: returns the pieces of work (no barriers) that can therefore never start."""
        self._end(vertex, Stand.FAILED)
        blocked = []
        for below in sorted(self.graph.below([vertex])):
            if self.stand[below] is Stand.WAITING:
                self.stand[below] = Stand.BLOCKED
                self.cause[below] = vertex
                if not self.graph.vertices[below].is_barrier:
                    blocked.append(below)
        return blocked

    def waiting(self) -> Iterator[int]:
        """Pieces of work that have neither started nor been blocked."""
        for vertex, stand in enumerate(self.stand):
            if stand is Stand.WAITING and not self.graph.vertices[vertex].is_barrier:
                yield vertex

    def _node(self, vertex: int) -> str:
        node = self.graph.vertices[vertex].node
        assert node is not None, "barriers never become ready"
        return node

    def _end(self, vertex: int, stand: Stand) -> None:
        if self.stand[vertex] is not Stand.RUNNING:
            raise ValueError(f"{self.graph.vertices[vertex]} ended without running")
        self.stand[vertex] = stand
        self.running -= 1
        node = self._node(vertex)
        self._in_flight[node] -= 1
        if self._parked[node]:
            heapq.heappush(self._ready, heapq.heappop(self._parked[node]))

    def _countdown(self, vertex: int) -> list[int]:
        free = []
        for dependent in self.graph.dependents[vertex]:
            self._waiting_for[dependent] -= 1
            if self._waiting_for[dependent] == 0 and self.stand[dependent] is Stand.WAITING:
                free.append(dependent)
        return free

    def _release(self, free: list[int]) -> None:
        stack = list(free)
        while stack:
            vertex = stack.pop()
            if self.graph.vertices[vertex].is_barrier:
                self.stand[vertex] = Stand.DONE
                stack.extend(self._countdown(vertex))
            else:
                heapq.heappush(self._ready, (-self.graph.priority[vertex], vertex))
