"""Minimal cut sets of order one and two: elements, and pairs of elements, whose loss takes a gate down.

Exact, by composition from the elements upward: time follows the size of the graph, not the number of pairs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from stackhaven.design.faulttree import FaultTree

Pair = frozenset[str]


@dataclass
class Cuts:
    """The cuts of one vertex: single elements, and pairs of which neither is a cut alone."""

    singles: set[str] = field(default_factory=set)
    pairs: set[Pair] = field(default_factory=set)

    def minimal(self) -> Cuts:
        """Pairs that contain a single cut are none."""
        self.pairs = {pair for pair in self.pairs if not pair & self.singles}
        return self


def cut_sets(tree: FaultTree, *, order: int = 2) -> dict[str, Cuts]:
    """The minimal cuts of every vertex, of order one, or of one and two."""
    found: dict[str, Cuts] = {}
    for vertex in tree.order():
        inputs = [found[p] for p in tree.graph.predecessors(vertex)]
        least = tree.least(vertex)
        if least == 0:
            found[vertex] = Cuts(singles={vertex})
        elif len(inputs) < least:
            found[vertex] = Cuts()
        elif least == 1:
            found[vertex] = _any(inputs, order)
        else:
            found[vertex] = _threshold(inputs, least, order)
    return found


def _any(inputs: list[Cuts], order: int) -> Cuts:
    cuts = Cuts()
    for one in inputs:
        cuts.singles |= one.singles
        if order > 1:
            cuts.pairs |= one.pairs
    return cuts.minimal()


def _threshold(inputs: list[Cuts], least: int, order: int) -> Cuts:
    """At least `least` inputs must fall. `killed` maps an element to the inputs it takes down alone."""
    killed: dict[str, set[int]] = defaultdict(set)
    jointly: dict[Pair, set[int]] = defaultdict(set)
    for index, one in enumerate(inputs):
        for element in one.singles:
            killed[element].add(index)
        for pair in one.pairs if order > 1 else ():
            jointly[pair].add(index)
    cuts = Cuts(singles={e for e, hit in killed.items() if len(hit) >= least})
    if order == 1:
        return cuts
    for pair, hit in jointly.items():
        first, second = pair
        if len(hit.union(killed.get(first, set()), killed.get(second, set()))) >= least:
            cuts.pairs.add(pair)
    cuts.pairs |= _pairs_of_singles(killed, cuts.singles, least)
    return cuts.minimal()


def _pairs_of_singles(killed: dict[str, set[int]], known: set[str], least: int) -> set[Pair]:
    """Pairs that take enough inputs down between them; those too small to help any partner are never tried."""
    ranked = sorted(((len(hit), e) for e, hit in killed.items() if e not in known), reverse=True)
    found: set[Pair] = set()
    for index, (count, one) in enumerate(ranked):
        for other_count, other in ranked[index + 1 :]:
            if count + other_count < least:
                break
            if len(killed[one] | killed[other]) >= least:
                found.add(frozenset((one, other)))
    return found
