"""Seconds that drills measured, put in the place of assumed ones, and an account of which came from where.

What drills write is read as plain data: the result of one drill, the results of a series, the samples that a table
keeps, or a plain list of outages. A value that several drills speak of takes the worst of their medians.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from pydantic import ValidationError

from stackhaven.design.availability.values import KINDS, Rate, Rates, TakeOver
from stackhaven.errors import InputError

MACHINE_FAULTS = frozenset({"power-off", "reset", "freeze-node"})
LINK_FAULTS = frozenset({"cut-link", "partition", "partition-one-way"})
PROCESS_FAULTS = frozenset({"kill", "freeze", "stop"})
RESTARTED = "kill"
"""After this fault the cloud mends itself, so that the time to full redundancy is the repair of a process."""
ONE_CONTROLLER = frozenset(
    {"vip-holder", "db-writer", "queue-leader", "ovn-leader", "busiest", "bystander", "random"}
)
SERVICE_OF = {"ovn-ovsdb-server-sb": "ovn-db", "ovn-ovsdb-server-nb": "ovn-db"}
"""Units that a drill names, to the service of a design where that has another name."""
FIELDS = {"mtbf_h": "how often it fails", "mttr_h": "its repair", "outage_s": "its take-over"}


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """One drill on one cloud: its sentence, and the figures of its repeats."""

    drill: str
    do: str
    cloud: str
    provider: str
    gaps_s: tuple[float, ...]
    redundancies_s: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Use:
    """A value of the model that drills gave. `drills`: each with its median and repeats, the worst first."""

    value: str
    seconds: float
    drills: tuple[tuple[str, float, int], ...]

    @property
    def says(self) -> str:
        """Where it came from."""
        worst, *others = (
            f"{name} (median of {times}: {seconds:g} s)" for name, seconds, times in self.drills
        )
        return worst + (f"; no worse: {', '.join(others)}" if others else "")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Rates with what was measured, which value came from where, what is assumed still, and what was of no use."""

    rates: Rates
    uses: tuple[Use, ...] = ()
    still_assumed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def measured(rates: Rates, text: str, filename: str, *, providers: Collection[str] = ()) -> Measured:
    """The rates with what the file says. `providers`: what moves the design's VIPs; drills under others do not count.

    Raises:
        InputError: rule ``availability-values`` when the file holds nothing that was measured.

    """
    try:
        data = json.loads(text)
        if isinstance(data, list) or "outages" in data:
            return _listed(rates, data if isinstance(data, list) else data["outages"], filename)
        return _drilled(rates, list(_drills(data)), filename, frozenset(providers))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise InputError(
            f"{filename} does not hold measured outages: {type(error).__name__} {' '.join(str(error).split())[:160]}",
            why="it is neither a drill's result.json, nor what `haven drill run --json` prints, nor what "
            "`haven drill table --keep` keeps, nor a list of outages",
            todo='name one of those, or write [{"kind": "machine", "outage_s": 2.4}, '
            '{"kind": "process", "outage_s": 0.8}]',
            rule="availability-values",
        ) from None


def with_measured(rates: Rates, text: str, filename: str) -> Rates:
    """Only the rates; see `measured`."""
    return measured(rates, text, filename).rates


def assumed_still(rates: Rates, given: Collection[tuple[str, str]] = ()) -> tuple[str, ...]:
    """What nobody measured, in words. `rates` are those before; `given`: kind or service, and field, by drills."""
    services = sorted({part for part, _ in given if part not in KINDS} | rates.services.keys())
    but = f" (but of {', '.join(services)})" if services else ""
    found = []
    for kind in KINDS:
        fields = [
            says for key, says in FIELDS.items() if _is_assumed(rates.of(kind), key, (kind, key) in given)
        ]
        if fields:
            found.append(
                f"{kind}: {', '.join(fields)}{but if kind == 'process' and FIELDS['outage_s'] in fields else ''}"
            )
    return (*found, f"beta: the share of common causes ({100 * rates.beta:g} %)")


def _is_assumed(rate: Rate, key: str, given: bool) -> bool:
    has_value = key != "outage_s" or rate.outage_s > 0
    return rate.source == "assumed" and not given and has_value


def _listed(rates: Rates, rows: Iterable[Mapping[str, Any]], filename: str) -> Measured:
    """From ``[{"kind": "machine", "outage_s": 2.4}]``: several outages of a kind give their median."""
    seconds: dict[str, list[float]] = {}
    unused = []
    for row in rows:
        if row["kind"] in KINDS:
            seconds.setdefault(str(row["kind"]), []).append(_number(row["outage_s"]))
        else:
            unused.append(f"{row['kind']}: the model has no such kind; it has {', '.join(KINDS)}")
    update: dict[str, Any] = {}
    uses = []
    for kind, found in seconds.items():
        update[kind] = _changed(
            rates.of(kind), outage_s=median(found), source=f"outage measured ({len(found)}, {filename})"
        )
        drills = ((filename, median(found), len(found)),)
        uses.append(Use(value=f"{kind} take-over", seconds=median(found), drills=drills))
    return Measured(
        rates=rates.model_copy(update=update),
        uses=tuple(uses),
        still_assumed=assumed_still(rates, {(kind, "outage_s") for kind in seconds}),
        unused=tuple(dict.fromkeys(unused)),
    )


def _drills(data: Mapping[str, Any]) -> Iterator[Drilled]:
    """Every drill of a file, with its repeats together."""
    if data.get("kind") == "drills":
        for row in data["rows"]:
            setting = row["setting"]
            figures = [sample["measured"] for sample in row["samples"]]
            yield _of_figures(row, figures, str(setting["cloud"]), str(setting["vip_provider"]))
        return
    by_drill: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in data.get("results", [data]):
        drill = one["drill"]
        by_drill.setdefault((str(drill["name"]), str(drill["do"]), str(one["cloud"])), []).append(one)
    if not by_drill:
        raise ValueError("no drill is in it")
    for (name, do, cloud), results in by_drill.items():
        figures = [
            {line["what"]: line["measured"] for line in one["lines"]}
            | {"redundancy_s": one["redundancy_s"]}
            | dict(one.get("measured") or {})
            for one in results
        ]
        yield _of_figures({"drill": name, "do": do}, figures, cloud, "")


def _of_figures(
    row: Mapping[str, Any], figures: list[Mapping[str, Any]], cloud: str, provider: str
) -> Drilled:
    def known(what: str) -> tuple[float, ...]:
        return tuple(_number(one[what]) for one in figures if one.get(what) is not None)

    return Drilled(
        drill=str(row["drill"]),
        do=str(row["do"]),
        cloud=cloud,
        provider=provider,
        gaps_s=known("gap_s"),
        redundancies_s=known("redundancy_s"),
    )


def _drilled(rates: Rates, drills: list[Drilled], filename: str, providers: frozenset[str]) -> Measured:
    found: dict[tuple[str, str], list[tuple[str, float, int]]] = {}
    unused = []
    for one in drills:
        reason = _of_no_use(one, providers)
        if reason:
            unused.append(f"{one.drill} on {one.cloud}: {reason}")
            continue
        name = f"{one.drill} on {one.cloud}"
        found.setdefault((_part(one.do), "outage_s"), []).append((name, median(one.gaps_s), len(one.gaps_s)))
        if one.do.split()[0] == RESTARTED and one.redundancies_s:
            back = one.redundancies_s
            found.setdefault(("process", "mttr_h"), []).append((name, median(back), len(back)))
    update: dict[str, Any] = {}
    services = dict(rates.services)
    uses = []
    for (part, field), given in found.items():
        worst = sorted(given, key=lambda one: -one[1])
        use = Use(value=f"{part} {_word(field)}", seconds=worst[0][1], drills=tuple(worst))
        uses.append(use)
        if part not in KINDS:
            services[part] = TakeOver(
                outage_s=use.seconds, source=f"outage measured ({_from(worst[0], filename)})"
            )
            continue
        base = update.get(part, rates.of(part))
        value = use.seconds / 3600 if field == "mttr_h" else use.seconds
        source = f"{'repair' if field == 'mttr_h' else 'outage'} measured ({_from(worst[0], filename)})"
        before = "" if base.source == "assumed" else f"{base.source}; "
        update[part] = _changed(base, source=before + source, **{field: value})
    return Measured(
        rates=rates.model_copy(update={**update, "services": services}),
        uses=tuple(uses),
        still_assumed=assumed_still(rates, set(found)),
        unused=tuple(unused),
    )


def _of_no_use(one: Drilled, providers: frozenset[str]) -> str:
    if not _part(one.do):
        return f"no value of the model is what `{one.do}` measures"
    if providers and one.provider and one.provider not in providers:
        return f"taken with {one.provider}, and this design has {' and '.join(sorted(providers))}"
    if not one.gaps_s:
        return "its gap_s was not measured, or an older judge did not write it (haven drill judge writes it anew)"
    return ""


def _part(do: str) -> str:
    """The kind, or the service, whose take-over a drill's sentence measures; empty for none."""
    match do.split():
        case [fault, target] if target in ONE_CONTROLLER or target.startswith("controller:"):
            return "machine" if fault in MACHINE_FAULTS else "link" if fault in LINK_FAULTS else ""
        case [fault, program, "on", target] if fault in PROCESS_FAULTS and not target.startswith("all"):
            return SERVICE_OF.get(program, program)
    return ""


def _word(field: str) -> str:
    return "repair" if field == "mttr_h" else "take-over"


def _from(found: tuple[str, float, int], filename: str) -> str:
    name, _, times = found
    return f"{name}, {times} {'repeat' if times == 1 else 'repeats'}, {filename}"


def _changed(rate: Rate, **update: object) -> Rate:
    """A copy that was checked again."""
    return Rate.model_validate({**rate.model_dump(), **update})


def _number(value: object) -> float:
    """A number of a file, which may not be one.

    Raises:
        ValueError: it is not finite.

    """
    number = float(str(value))
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(f"{value!r} is no figure")
    return number
