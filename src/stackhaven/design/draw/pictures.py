"""Which pictures there are, and the function that draws one."""

from __future__ import annotations

from collections.abc import Callable, Collection

from stackhaven.design.draw.conceptual import conceptual
from stackhaven.design.draw.logical import logical
from stackhaven.design.draw.network import network
from stackhaven.design.draw.physical import physical
from stackhaven.design.draw.svg import Picture
from stackhaven.design.topology import Topology

VIEWS: dict[str, Callable[[Topology, Collection[str]], Picture]] = {
    "conceptual": conceptual,
    "logical": logical,
    "physical": physical,
    "network": network,
}
"""From what kinds of service there are to where each machine stands."""


def draw(topology: Topology, view: str, *, marked: Collection[str] = ()) -> str:
    """One picture as SVG.

    Args:
        topology: what to draw.
        view: one of `VIEWS`.
        marked: names of elements to show as single points of failure (machines, racks, switches, feeds, sites).

    Raises:
        KeyError: when there is no such view.

    """
    return VIEWS[view](topology, frozenset(marked)).svg()
