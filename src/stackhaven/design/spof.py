"""Single points of failure, and pairs: what stops when one thing, or two together, are lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from stackhaven.design.catalogue import known
from stackhaven.design.cutsets import Cuts, cut_sets
from stackhaven.design.faulttree import BOOT, REACH, TOKEN, Element, FaultTree, fault_tree
from stackhaven.design.topology import Topology

_TODO = {
    "site": "a second site cannot keep a majority: three sites, one voter on each",
    "line": "a second line by another way into the building",
    "rack": "spread the members over racks",
    "feed": "a second power supply on another feed",
    "core": "a second core switch",
    "switch": "a second link, to another switch",
    "link": "a second link, to another switch",
    "machine": "one more machine with the same services, in another rack",
    "process": "one more member on another machine",
}
_USER = {TOKEN: "logging in", BOOT: "starting a guest", REACH: "reaching guests from outside"}
EXAMPLES_MOST = 4


@dataclass(frozen=True, kw_only=True)
class Spof:
    """One element whose loss stops something.

    `stops`: services and users' paths in people's words. `api`: whether users notice; otherwise only day-two
    parts stop. `store`: data is on it alone.
    """

    element: str
    kind: str
    stops: tuple[str, ...]
    api: bool
    store: bool
    todo: str


@dataclass(frozen=True, kw_only=True)
class PairGroup:
    """Pairs of the same two kinds that stop the same things; `examples` are some of them."""

    kinds: tuple[str, str]
    stops: tuple[str, ...]
    count: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Blast:
    """Hypervisors lost with one element: their guests are gone until evacuated or back."""

    element: str
    kind: str
    hypervisors: int
    percent: float


@dataclass(frozen=True, kw_only=True)
class SpofReport:
    """Everything `haven spof` says. `pairs` is empty unless asked for."""

    elements: int
    singles: tuple[Spof, ...]
    pairs: tuple[PairGroup, ...]
    blast: tuple[Blast, ...]

    @property
    def critical(self) -> tuple[Spof, ...]:
        """Those that users notice."""
        return tuple(s for s in self.singles if s.api)

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


def find_spofs(topology: Topology, *, order: int = 1) -> SpofReport:
    """Single points of failure, with `order` 2 also pairs.

    A service that only its own failing process or machine stops is reported too: single-instance stores and the
    deployer are known risks, not exceptions.
    """
    tree = fault_tree(topology)
    cuts = cut_sets(tree, order=order)
    tops = {name: cuts[gate] for name, gate in tree.services.items()}
    return SpofReport(
        elements=len(tree.elements),
        singles=_singles(tree, topology, tops),
        pairs=_pairs(tree, tops) if order > 1 else (),
        blast=_blast(tree, topology, cuts),
    )


def _singles(tree: FaultTree, topology: Topology, tops: dict[str, Cuts]) -> tuple[Spof, ...]:
    stops: dict[str, list[str]] = defaultdict(list)
    for name, cuts in tops.items():
        for element in cuts.singles:
            stops[element].append(name)
    found = [_spof(tree.elements[e], topology, names) for e, names in stops.items()]
    return tuple(sorted(found, key=lambda s: (not s.api, -len(s.stops), s.kind, s.element)))


def _spof(element: Element, topology: Topology, names: list[str]) -> Spof:
    own = element.name.split("@")[0] if element.kind == "process" else ""
    stores = [n for n in names if n in topology.services and _alone(element, topology, n)]
    todo = _TODO[element.kind]
    if own == "deployer" or names == ["deployer"]:
        todo = "nothing urgent: the cloud runs without it; keep its files in version control and rehearse the rebuild"
    return Spof(
        element=element.name,
        kind=element.kind,
        stops=_words(names),
        api=any(n in _USER or not known(n).edge for n in names),
        store=bool(stores),
        todo=todo,
    )


def _alone(element: Element, topology: Topology, name: str) -> bool:
    service = topology.services[name]
    holder = element.name.split("@")[-1]
    return service.stores and element.kind in {"machine", "process"} and service.members == (holder,)


def _words(names: list[str]) -> tuple[str, ...]:
    paths = [_USER[n] for n in (TOKEN, BOOT, REACH) if n in names]
    return (*paths, *sorted(n for n in names if n not in _USER))


def _pairs(tree: FaultTree, tops: dict[str, Cuts]) -> tuple[PairGroup, ...]:
    stops: dict[frozenset[str], list[str]] = defaultdict(list)
    for name, cuts in tops.items():
        for pair in cuts.pairs:
            stops[pair].append(name)
    grouped: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for pair, names in stops.items():
        one, two = sorted((tree.elements[e] for e in pair), key=lambda e: (e.kind, e.name))
        grouped[one.kind, two.kind, _words(names)].append((one.name, two.name))
    found = [
        PairGroup(
            kinds=(one, two),
            stops=words,
            count=len(pairs),
            examples=tuple(sorted(pairs)[:EXAMPLES_MOST]),
        )
        for (one, two, words), pairs in grouped.items()
    ]
    return tuple(sorted(found, key=lambda g: (-len(g.stops), g.kinds, g.examples)))


def _blast(tree: FaultTree, topology: Topology, cuts: dict[str, Cuts]) -> tuple[Blast, ...]:
    hypervisors = [m for m in topology.machines if "nova-compute" in m.services]
    lost = Counter(e for m in hypervisors for e in cuts[tree.machines[m.name]].singles)
    found = [
        Blast(
            element=tree.elements[e].name,
            kind=tree.elements[e].kind,
            hypervisors=count,
            percent=round(100 * count / len(hypervisors), 2),
        )
        for e, count in lost.items()
        if tree.elements[e].kind != "link" and (count > 1 or tree.elements[e].kind != "machine")
    ]
    found.sort(key=lambda b: (-b.hypervisors, b.kind, b.element))
    return tuple(found[:20])
