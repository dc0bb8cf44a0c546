"""Steps: named pieces of a plan, each with the nodes it runs on, what it needs and what it makes.

A node of the plan's graph is (step, node). "One by one" is a chain, "once" a step with one node, "in parallel" the
absence of edges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from stackhaven.plan.resources import Resource


class OnFailure(Enum):
    """What a failure does, beside blocking what depends on it."""

    BLOCK = "block dependents"
    STOP = "stop the run"


@dataclass(frozen=True, kw_only=True)
class Need:
    """A step or capability that must be done before.

    `name` is a step's name or something a step `provides`. `everywhere`: on all nodes of that step (a barrier);
    otherwise on the same node only (where that step does not run on this node, nothing is waited for).
    `optional`: a need that no step of the plan provides is an error unless marked so.
    """

    name: str
    everywhere: bool = True
    optional: bool = False


def everywhere(name: str) -> Need:
    """Done on all nodes of that step."""
    return Need(name=name)


def here(name: str) -> Need:
    """Done on this node."""
    return Need(name=name, everywhere=False, optional=True)


def if_any(name: str) -> Need:
    """Done on all nodes, where the plan has such a step at all."""
    return Need(name=name, optional=True)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the table of contents.

    Args:
        name: unique, dotted, such as ``mariadb.start``; sorted with its service.
        title: what the screen says while it runs, such as "Galera members join".
        nodes: where it runs, in a stated order.
        resources: for a node's name, the resources in the order of their application. Pure.
        needs: what must be done before.
        provides: capabilities that others may need, such as ``database``.
        serial: one node after the other, in order, stopping at the first failure (a rolling step).
        on_failure: see `OnFailure`.
        restarts_at_once: on how many nodes something that runs may be restarted or reloaded at the same time; first
            starts are not bounded by it. After a failure the restarts that are still to come do not happen.
        weight: rough cost in seconds of one node's share on an idle core; longer chains are started first.

    """

    name: str
    title: str
    nodes: tuple[str, ...]
    resources: Callable[[str], tuple[Resource, ...]]
    needs: tuple[Need, ...] = ()
    provides: tuple[str, ...] = ()
    serial: bool = False
    on_failure: OnFailure = OnFailure.BLOCK
    restarts_at_once: int = 1
    weight: float = 1.0
