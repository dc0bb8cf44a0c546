"""The error budget of a promise, and what one more nine would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from stackhaven.design.availability.model import Model, Result
from stackhaven.design.availability.values import KINDS, Rates
from stackhaven.design.formulas.nines import downtime_s_per_year, nines
from stackhaven.design.plan_model import Design
from stackhaven.design.topology import Topology, topology_of


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Seconds a year that a promise leaves, and what the design is expected to use of them."""

    promised_percent: float
    seconds_per_year: float
    expected_seconds: float
    kept: bool
    take_overs: int

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


def budget(promised_percent: float, result: Result, rates: Rates) -> Budget:
    """`take_overs`: how many more take-overs of a machine the rest of the budget pays for."""
    allowed = downtime_s_per_year(promised_percent / 100)
    rest = allowed - result.seconds_per_year
    each = rates.machine.outage_s
    return Budget(
        promised_percent=promised_percent,
        seconds_per_year=allowed,
        expected_seconds=result.seconds_per_year,
        kept=rest >= 0,
        take_overs=max(0, int(rest / each)) if each else 0,
    )


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One change, the availability with it alone, and what it would cost to buy (None: work, or no prices)."""

    change: str
    availability: float
    nines: float
    seconds_saved: float
    price: float | None


def measures(model: Model, name: str) -> tuple[Measure, ...]:
    """Changes that save most downtime of a service or path first."""
    before = model.result(name)
    found = []
    for change, varied, price in _variants(model):
        after = varied.result(name)
        saved = before.seconds_per_year - after.seconds_per_year
        if saved > 0.01:
            found.append(
                Measure(
                    change=change,
                    availability=after.availability,
                    nines=round(nines(after.availability), 2),
                    seconds_saved=saved,
                    price=price,
                )
            )
    return tuple(sorted(found, key=lambda m: (-m.seconds_saved, m.change)))


def one_more_nine(model: Model, name: str) -> tuple[tuple[str, ...], float]:
    """Changes that together cut the downtime to a tenth, largest first, and the availability they reach.

    The savings are added as if each stood alone; when all of them do not suffice, the list is everything there is.
    """
    before = model.result(name).seconds_per_year
    chosen, left, seen = [], before, set()
    for measure in measures(model, name):
        subject = measure.change.split(":", maxsplit=1)[0]
        if left <= before / 10 or subject in seen:
            continue
        seen.add(subject)
        chosen.append(measure.change)
        left -= measure.seconds_saved
    return tuple(chosen), 1 - max(0.0, left) / downtime_s_per_year(0)


def _variants(model: Model) -> Iterator[tuple[str, Model, float | None]]:
    rates = model.rates
    for kind in KINDS:
        rate = rates.of(kind)
        faster = rates.model_copy(update={kind: rate.model_copy(update={"mttr_h": rate.mttr_h / 2})})
        text = f"{kind}: repaired in {rate.mttr_h / 2:g} h instead of {rate.mttr_h:g} h"
        yield text, Model(model.topology, faster), None
        if rate.outage_s > 1:
            quick = rates.model_copy(update={kind: rate.model_copy(update={"outage_s": rate.outage_s / 2})})
            text = f"{kind} take-over: {rate.outage_s / 2:g} s instead of {rate.outage_s:g} s"
            yield text, Model(model.topology, quick), None
    halved = rates.model_copy(update={"beta": rates.beta / 2})
    text = (
        f"common cause: {rates.beta / 2:g} instead of {rates.beta:g} (one member updated and watched first)"
    )
    yield text, Model(model.topology, halved), None
    for text, topology, price in _structures(model.topology):
        yield text, Model(topology, rates), price


def _structures(topology: Topology) -> Iterator[tuple[str, Topology, float | None]]:
    design = topology.design
    control = [g for g, p in design.nodes.items() if p.kind == "controller" and p.count and p.count >= 1]
    for group in control[:1]:
        plan = design.nodes[group]
        count = (plan.count or 1) + 2
        racks = plan.racks and (*plan.racks, *[p for p in _places(topology) if p not in plan.racks])
        nodes = {
            **design.nodes,
            group: plan.model_copy(update={"count": count, "racks": racks, "addresses": {}}),
        }
        yield (
            f"{group}: {count} instead of {plan.count}",
            _again(design, {"nodes": nodes}),
            _price(design, group, 2),
        )
    single = {n: p for n, p in design.nodes.items() if p.feeds == 1 or p.links == 1}
    if single:
        update = {"feeds": 2, "links": 2}
        nodes = {**design.nodes, **{n: p.model_copy(update=update) for n, p in single.items()}}
        yield "power and links: two of each on every machine", _again(design, {"nodes": nodes}), None
    if len(topology.sites) == 1:
        yield "site: three sites, one voter on each", _three_sites(topology), None


def _three_sites(topology: Topology) -> Topology:
    ((name, site),) = topology.sites.items()
    sites = {name: site, f"{name}-b": site, f"{name}-c": site}
    nodes = {g: p.model_copy(update={"racks": ()}) for g, p in topology.design.nodes.items()}
    return _again(topology.design, {"sites": sites, "nodes": nodes})


def _again(design: Design, update: dict[str, Any]) -> Topology:
    return topology_of(design.model_copy(update=update))


def _places(topology: Topology) -> list[str]:
    return [f"{s}/{r}" for s, site in topology.sites.items() for r in site.racks]


def _price(design: Design, group: str, count: int) -> float | None:
    server, hardware = design.nodes[group].server, design.hardware
    if not server or not hardware or server not in hardware.servers:
        return None
    price = hardware.servers[server].price
    return None if price is None else price * count
