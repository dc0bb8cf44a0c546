"""From the records of a cloud to rows of a table: one row per drill and setting, with the samples it stands on.

A setting is what figures must have in common to be one row: the cloud, what moves its VIP, how many machines it has,
and how often was called. Records that say nothing about the cloud, because the drill ended early, are left out and
named.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from stackhaven.design.layout import Layout
from stackhaven.drills.contents import DRILLS, SUITES
from stackhaven.drills.drill import AT_LEAST, PROMISES
from stackhaven.drills.errors import DrillError
from stackhaven.drills.history import Header, History, read_header, read_history
from stackhaven.drills.judge.floors import Floor, floor_of
from stackhaven.drills.judge.invariants import longest_s
from stackhaven.drills.judge.verdict import Load, Result, api_probes, judge, never
from stackhaven.drills.series import Spread, directories, spread

UNLOADED = Load(waited=None, busy=None, steal=None)
FIRST = SUITES["controller"]
"""These drills come first, and have a line even when nothing was measured."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Which cloud a row speaks of, and under which share of the usual calls."""

    cloud: str
    vip_provider: str
    machines: int
    rate: float = 1.0

    @property
    def says(self) -> str:
        """For a cell."""
        calls = f", {self.calls}" if self.calls else ""
        return f"{self.cloud}: {self.machines} machines, {self.vip_provider}{calls}"

    @property
    def calls(self) -> str:
        """What is unusual about how often was called; empty where nothing is."""
        return f"{100 * self.rate:.3g} % of the usual calls" if self.rate < 1 else ""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One repeat. `record`: its directory's name; `measured`: by promise, None where it was not.

    `worst_probe`: the API probe with the longest gap; `nobody_s`, `two_s`, `frozen_s`: the longest time in which no
    node, two living nodes, or a frozen node beside a living one had the VIP, None where nobody watched.
    """

    record: str
    began: float
    nodes: tuple[str, ...]
    measured: Mapping[str, float | None]
    worst_probe: str = ""
    acknowledged: int = 0
    not_kept: int = 0
    unread: tuple[str, ...] = ()
    nobody_s: float | None = None
    two_s: float | None = None
    frozen_s: float | None = None
    waited: float | None = None
    steal: float | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One promise over all samples of a row. `found` is None when one of them did not measure it."""

    what: str
    found: Spread | None
    must: float
    aim: float | None
    kept: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """All samples of a drill in one setting, oldest first. Promises are those of the newest."""

    drill: str
    do: str
    why: str
    setting: Setting
    load: tuple[str, ...]
    must: Mapping[str, float]
    aim: Mapping[str, float] = field(default_factory=dict)
    floor: Floor | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def key(self) -> tuple[str, Setting]:
        """What makes it this row."""
        return self.drill, self.setting

    def figures(self) -> tuple[Figure, ...]:
        """Each promise."""
        return tuple(self._figure(what, must) for what, must in self.must.items())

    def _figure(self, what: str, must: float) -> Figure:
        values = [s.measured.get(what) for s in self.samples if what in PROMISES or what in s.measured]
        numbers = [value for value in values if value is not None]
        found = spread(numbers) if numbers and len(numbers) == len(values) else None
        judged = numbers if never(what, must) else [found.median] if found else []
        kept = found is not None and all(
            value >= must if what in AT_LEAST else value <= must for value in judged
        )
        return Figure(what=what, found=found, must=must, aim=self.aim.get(what), kept=kept)

    def worst_probe(self) -> str:
        """The probe that was the worst most often; the latest of equals."""
        return statistics.mode(s.worst_probe for s in reversed(self.samples)) if self.samples else ""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A record that is in no row."""

    record: str
    drill: str
    why: str


def rows_of(
    drills: Path, *, last: int, since: float = 0.0, provider_today: str = "", machines_today: int = 0
) -> tuple[list[Row], list[LeftOut]]:
    """The newest `last` records of each drill and setting that began at or after `since`, as rows in table order.

    `provider_today` and `machines_today` are taken for records that do not say it themselves. Floors are not in it.
    """
    taken: dict[tuple[str, Setting], list[tuple[Result, Sample]]] = defaultdict(list)
    out: list[LeftOut] = []
    for directory in reversed(directories(drills)):
        try:
            header = read_header(directory)
            if header.began < since:
                continue
            setting = setting_of(header, provider_today, machines_today)
            name = str(header.drill["name"])
            group = taken[name, setting]
            if len(group) >= last:
                continue
            history = read_history(directory)
            reason = useless(history) or _other_drill(history, [result for result, _ in group])
            if reason:
                out.append(LeftOut(record=directory.name, drill=name, why=reason))
                continue
            result = judge(history)
            group.append((result, sample_of(directory.name, history, result)))
        except (DrillError, KeyError, ValueError, TypeError) as error:
            says = error.what if isinstance(error, DrillError) else f"{type(error).__name__} {error}"
            drill = directory.name.split("-", 2)[-1]
            out.append(LeftOut(record=directory.name, drill=drill, why=f"it cannot be read: {says}"))
    found = [_row(setting, list(reversed(group))) for (_, setting), group in taken.items() if group]
    return in_order(found), sorted(out, key=lambda one: one.record)


def setting_of(header: Header, provider_today: str, machines_today: int) -> Setting:
    """By the record's own word, else by the cloud's file of today."""
    nodes = header.machine.get("nodes")
    return Setting(
        cloud=header.cloud,
        vip_provider=str(header.machine.get("vip_provider") or provider_today),
        machines=len(nodes) if nodes else machines_today,
        rate=float(header.drill.get("rate") or 1),
    )


def useless(history: History) -> str:
    """Why a record says nothing about availability; empty when it does."""
    if any(event.kind == "note" and event.text == "interrupted" for event in history.events):
        return "it was interrupted"
    for kind, why in (
        ("inject", "nothing was broken"),
        ("injected", "the fault did not take effect"),
        ("healed", "what was broken was not put right by the drill itself"),
        ("load-ends", "it has not ended"),
    ):
        if history.first(kind) is None:
            return why
    return "" if history.calls else "no call was made"


def _other_drill(history: History, newer: Sequence[Result]) -> str:
    """Two drills of one name are not repeats of each other."""
    if newer and newer[0].drill.get("do") != history.header.drill.get("do"):
        return f"it did something else under the same name: {history.header.drill.get('do')}"
    return ""


def sample_of(record: str, history: History, result: Result) -> Sample:
    """What is kept of one record."""
    measured = dict(result.measured) | {line.what: line.measured for line in result.lines}
    apis = api_probes(result.probes)
    seen, load = result.invariants, result.machine.get("during", UNLOADED)

    def watched(stretches: Iterable[Any]) -> float | None:
        return round(longest_s(stretches), 3) if seen.watched else None

    return Sample(
        record=record,
        began=result.began,
        nodes=tuple(str(node) for node in history.header.machine.get("nodes", ())),
        measured=measured,
        worst_probe=max(apis, key=lambda probe: probe.outage_s).probe if apis else "",
        acknowledged=result.ledger.acknowledged,
        not_kept=result.ledger.wrong,
        unread=result.ledger.unread,
        nobody_s=watched(seen.no_holder),
        two_s=watched(seen.two_holders),
        frozen_s=watched(seen.frozen_holder),
        waited=load.waited,
        steal=load.steal,
    )


def _row(setting: Setting, group: Sequence[tuple[Result, Sample]]) -> Row:
    newest = group[-1][0].drill
    always = {
        line.what: line.must for result, _ in group for line in result.lines if line.what not in PROMISES
    }
    said = newest.get("floor") or next(
        (one.floor for one in DRILLS if (one.name, one.do) == (newest["name"], newest["do"])), ""
    )
    return Row(
        drill=str(newest["name"]),
        do=str(newest["do"]),
        why=str(newest["why"]),
        setting=setting,
        load=tuple(str(word) for word in newest.get("load") or ("reads", "writes")),
        must={**newest.get("must", {}), **always},
        aim=dict(newest.get("aim") or {}),
        floor=Floor(seconds=None, says=str(said)) if said else None,
        samples=tuple(sample for _, sample in group),
    )


def with_floors(rows: Iterable[Row], layout: Layout) -> list[Row]:
    """The rows, those of this cloud with the floors of its settings. Of another cloud's settings nothing is known."""
    cloud = layout.cloud
    here = Setting(cloud=cloud.name, vip_provider=cloud.vip.provider, machines=len(layout.nodes))
    return [
        replace(row, floor=_floor(layout, row)) if replace(row.setting, rate=1.0) == here else row
        for row in rows
    ]


def _floor(layout: Layout, row: Row) -> Floor | None:
    writes = any(word == "writes" or word.endswith("-writes") for word in row.load)
    return floor_of(layout, row.do, writes=writes, said=row.floor.says if row.floor else "")


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The suite of controllers first, then the other drills as they are listed, then drills from files."""
    order = [*FIRST, *(one.name for one in DRILLS if one.name not in FIRST)]
    place = {name: number for number, name in enumerate(order)}

    def rank(row: Row) -> tuple[int, str, str, str, int, float]:
        cloud, provider, machines, rate = astuple(row.setting)
        return place.get(row.drill, len(place)), row.drill, cloud, provider, machines, -rate

    return sorted(rows, key=rank)


def median(values: Iterable[float | None]) -> float | None:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
