"""The error budget of a promise, and what one more nine would cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from stackhaven.design.availability.model import Model, Result
from stackhaven.design.availability.values import KINDS, Rates
from stackhaven.design.formulas.nines import downtime_s_per_year, nines
from stackhaven.design.plan_model import Design, Rack
from stackhaven.design.topology import Topology, topology_of

Apply = Callable[[Model], Model]
LEAST_SAVED_S = 0.01
"""Seconds a year below which a change is not worth a line."""


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


@dataclass(frozen=True, kw_only=True)
class Better:
    """What would help: each change alone, and those that together cut the downtime to a tenth.

    `together` is applied change by change, each to what those before it made; one that then saves nothing is left
    out. When `reached` is less than one more nine, the list is everything there is.
    """

    measures: tuple[Measure, ...]
    together: tuple[str, ...]
    reached: float


def better(model: Model, name: str) -> Better:
    """Changes that save most downtime of a service or path first, and how far they go."""
    ranked = _ranked(model, name)
    reached = model.result(name)
    wanted = reached.seconds_per_year / 10
    chosen: list[str] = []
    for measure, apply in ranked:
        if reached.seconds_per_year <= wanted:
            break
        changed = apply(model)
        after = changed.result(name)
        if after.seconds_per_year < reached.seconds_per_year - LEAST_SAVED_S:
            model, reached = changed, after
            chosen.append(measure.change)
    return Better(measures=tuple(m for m, _ in ranked), together=tuple(chosen), reached=reached.availability)


def _ranked(model: Model, name: str) -> list[tuple[Measure, Apply]]:
    before = model.result(name).seconds_per_year
    found = []
    for change, apply, price in _changes(model):
        after = apply(model).result(name)
        saved = before - after.seconds_per_year
        if saved > LEAST_SAVED_S:
            measure = Measure(
                change=change,
                availability=after.availability,
                nines=round(nines(after.availability), 2),
                seconds_saved=saved,
                price=price,
            )
            found.append((measure, apply))
    return sorted(found, key=lambda pair: (-pair[0].seconds_saved, pair[0].change))


def _changes(model: Model) -> Iterator[tuple[str, Apply, float | None]]:
    rates = model.rates
    for kind in KINDS:
        rate = rates.of(kind)
        text = f"{kind}: repaired in {rate.mttr_h / 2:g} h instead of {rate.mttr_h:g} h"
        yield text, partial(_with_rate, kind=kind, key="mttr_h", value=rate.mttr_h / 2), None
        if rate.outage_s > 1:
            text = f"{kind} take-over: {rate.outage_s / 2:g} s instead of {rate.outage_s:g} s"
            yield text, partial(_with_rate, kind=kind, key="outage_s", value=rate.outage_s / 2), None
    for service, over in rates.services.items():
        if over.outage_s > 1 and service in model.topology.services:
            text = f"{service} take-over: {over.outage_s / 2:g} s instead of {over.outage_s:g} s"
            yield text, partial(_with_take_over, service=service, value=over.outage_s / 2), None
    text = (
        f"common cause: {rates.beta / 2:g} instead of {rates.beta:g} (one member updated and watched first)"
    )
    yield text, _with_half_beta, None
    design = model.topology.design
    control = model.topology.of_kind("controller")
    if control:
        group = control[0].group
        text = f"controllers: {len(control) + 2} instead of {len(control)}"
        yield text, partial(_with_two_more, group=group), _price(design, group, 2)
    if any(p.feeds == 1 or p.links == 1 for p in design.nodes.values()):
        yield "power and links: two of each on every machine", _with_second_of_each, None
    if len(model.topology.sites) == 1:
        yield "site: three sites, one voter on each", _with_three_sites, None


def _with_rate(model: Model, *, kind: str, key: str, value: float) -> Model:
    rate = model.rates.of(kind).model_copy(update={key: value})
    return model.with_rates(model.rates.model_copy(update={kind: rate}))


def _with_take_over(model: Model, *, service: str, value: float) -> Model:
    over = model.rates.services[service].model_copy(update={"outage_s": value})
    return model.with_rates(
        model.rates.model_copy(update={"services": {**model.rates.services, service: over}})
    )


def _with_half_beta(model: Model) -> Model:
    return model.with_rates(model.rates.model_copy(update={"beta": model.rates.beta / 2}))


def _with_two_more(model: Model, *, group: str) -> Model:
    design = model.topology.design
    plan = design.nodes[group]
    racks = plan.racks and (*plan.racks, *[p for p in _places(model.topology) if p not in plan.racks])
    more = plan.model_copy(update={"count": (plan.count or 1) + 2, "racks": racks, "addresses": {}})
    return Model(_again(design, {"nodes": {**design.nodes, group: more}}), model.rates)


def _with_second_of_each(model: Model) -> Model:
    """Power supplies and links, and the feeds and switches in the racks for them."""
    design = model.topology.design
    nodes = {g: p.model_copy(update={"feeds": 2, "links": 2}) for g, p in design.nodes.items()}
    sites = {
        name: site.model_copy(update={"racks": {r: _doubled(rack) for r, rack in site.racks.items()}})
        for name, site in model.topology.sites.items()
    }
    return Model(_again(design, {"nodes": nodes, "sites": sites}), model.rates)


def _doubled(rack: Rack) -> Rack:
    feeds = rack.feeds if len(rack.feeds) > 1 else (*rack.feeds, "second-feed")
    switches = rack.switches if len(rack.switches) > 1 else (*rack.switches, "second-switch")
    return rack.model_copy(update={"feeds": feeds, "switches": switches})


def _with_three_sites(model: Model) -> Model:
    """The same machines dealt out over three such sites, kind by kind."""
    topology = model.topology
    ((name, site),) = topology.sites.items()
    sites = {name: site, f"{name}-b": site, f"{name}-c": site}
    rack = next(iter(site.racks))
    dealt: Counter[str] = Counter()
    nodes = {}
    for group, plan in topology.design.nodes.items():
        count = plan.count or 1
        racks = tuple(f"{list(sites)[(dealt[plan.kind] + n) % 3]}/{rack}" for n in range(count))
        dealt[plan.kind] += count
        nodes[group] = plan.model_copy(update={"racks": racks})
    return Model(_again(topology.design, {"sites": sites, "nodes": nodes}), model.rates)


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
