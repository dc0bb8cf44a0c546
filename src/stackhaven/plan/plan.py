"""A plan: the steps of a cloud with their graph; data that can be printed as a table of contents and saved as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stackhaven.plan.graph import Graph, build_graph
from stackhaven.plan.step import Need, Step


@dataclass(frozen=True)
class Plan:
    """Steps in reading order and the order they impose. Made by `Plan.of`."""

    steps: tuple[Step, ...]
    graph: Graph

    @staticmethod
    def of(steps: Sequence[Step]) -> Plan:
        """Check the steps and build their graph; see `build_graph` for the errors."""
        return Plan(tuple(steps), build_graph(steps))

    @cached_property
    def by_name(self) -> Mapping[str, Step]:
        """Steps by name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Every node that some step runs on, in order of first appearance."""
        return tuple(dict.fromkeys(node for step in self.steps for node in step.nodes))

    @property
    def work(self) -> int:
        """How many pieces of work there are: (step, node) pairs."""
        return sum(len(step.nodes) for step in self.steps)

    def things(self) -> int:
        """How many resources there are on all nodes. Makes every one of them, which proves that they can be made."""
        return sum(len(step.resources(node)) for step in self.steps for node in step.nodes)

    def as_json(self) -> dict[str, Any]:
        """The table of contents as data. Resources are left out: they may hold secrets."""
        return {
            "nodes": list(self.nodes),
            "work": self.work,
            "steps": [
                {
                    "name": step.name,
                    "title": step.title,
                    "nodes": list(step.nodes),
                    "needs": [describe_need(need) for need in step.needs],
                    "provides": list(step.provides),
                    "serial": step.serial,
                    "on_failure": step.on_failure.value,
                    "weight_s": step.weight,
                }
                for step in self.steps
            ],
        }


def describe_need(need: Need) -> str:
    """A need as a person reads it, such as ``database`` or ``nova.config (same node)``."""
    text = need.name if need.everywhere else f"{need.name} (same node)"
    return f"{text} (if any)" if need.optional and need.everywhere else text


def describe_nodes(nodes: Sequence[str], *, limit: int = 4) -> str:
    """Names of nodes, shortened after `limit`."""
    if len(nodes) <= limit:
        return " ".join(nodes)
    return f"{' '.join(nodes[: limit - 1])} ... {nodes[-1]} ({len(nodes)})"
