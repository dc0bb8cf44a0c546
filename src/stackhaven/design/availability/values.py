"""How often things fail and how long they take to repair. What nobody measured is marked as assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from statistics import median

from pydantic import Field, ValidationError

from stackhaven.design.formulas.nines import from_repair
from stackhaven.errors import InputError
from stackhaven.model.cloud import Part


class Rate(Part):
    """One kind of element. `outage_s`: what users lose when a redundant one fails and another takes over."""

    mtbf_h: float = Field(gt=0, le=1e8, description="Mean hours between failures.")
    mttr_h: float = Field(gt=0, le=1e5, description="Mean hours to repair.")
    outage_s: float = Field(0.0, ge=0, le=86400, description="Seconds until another takes over.")
    source: str = Field("assumed", description="`assumed`, or where it was measured.")

    @property
    def down(self) -> float:
        """Unavailability."""
        return 1 - from_repair(self.mtbf_h, self.mttr_h)


class Rates(Part):
    """All kinds. `beta` is the share of a member's failures that strikes all members together: one bug, one mistake."""

    site: Rate = Rate(mtbf_h=87_600, mttr_h=12)
    line: Rate = Rate(mtbf_h=4_000, mttr_h=4, outage_s=3)
    rack: Rate = Rate(mtbf_h=500_000, mttr_h=12)
    feed: Rate = Rate(mtbf_h=17_520, mttr_h=2)
    core: Rate = Rate(mtbf_h=200_000, mttr_h=6, outage_s=1)
    switch: Rate = Rate(mtbf_h=200_000, mttr_h=6, outage_s=1)
    link: Rate = Rate(mtbf_h=300_000, mttr_h=4, outage_s=0.5)
    machine: Rate = Rate(mtbf_h=30_000, mttr_h=8, outage_s=10)
    process: Rate = Rate(mtbf_h=4_000, mttr_h=0.05, outage_s=5)
    beta: float = Field(0.02, ge=0, le=1, description="Common-cause share.")

    def of(self, kind: str) -> Rate:
        """The rate of an element's kind."""
        rate = getattr(self, kind)
        assert isinstance(rate, Rate)
        return rate

    def assumed(self) -> tuple[str, ...]:
        """Kinds of which something was assumed."""
        return tuple(k for k in KINDS if self.of(k).source == "assumed")


KINDS = ("site", "line", "rack", "feed", "core", "switch", "link", "machine", "process")


def read_rates(text: str, filename: str) -> Rates:
    """Rates from JSON: any of the kinds, each with `mtbf_h`, `mttr_h`, `outage_s`, `source`; the rest is assumed.

    Raises:
        InputError: rule ``availability-values`` when the file is not that.

    """
    try:
        data = json.loads(text)
        base = Rates().model_dump()
        merged = {
            k: base[k] | v if isinstance(base.get(k), dict) and isinstance(v, dict) else v
            for k, v in data.items()
        }
        return Rates.model_validate(base | merged)
    except (ValueError, ValidationError, AttributeError, TypeError) as error:
        raise InputError(
            f"{filename} does not hold failure rates: {' '.join(str(error).split())[:160]}",
            todo='write {"machine": {"mtbf_h": 30000, "mttr_h": 4, "source": "our records 2025"}}',
            rule="availability-values",
        ) from None


def with_measured(rates: Rates, text: str, filename: str) -> Rates:
    """The rates with outages that drills measured: a list of ``{"kind": "machine", "outage_s": 2.4}``.

    Several outages of a kind give their median; the list may also stand under a key ``outages``.

    Raises:
        InputError: rule ``availability-values`` when there is no such list.

    """
    try:
        data = json.loads(text)
        rows = data["outages"] if isinstance(data, Mapping) else data
        seconds: dict[str, list[float]] = {}
        for row in rows:
            if row["kind"] in KINDS:
                seconds.setdefault(str(row["kind"]), []).append(float(row["outage_s"]))
        update = {
            kind: rates.of(kind).model_copy(
                update={"outage_s": median(found), "source": f"outage measured ({len(found)}, {filename})"}
            )
            for kind, found in seconds.items()
        }
        return rates.model_copy(update=update)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{filename} does not hold measured outages: {type(error).__name__} {error}",
            todo='write [{"kind": "machine", "outage_s": 2.4}, {"kind": "process", "outage_s": 0.8}]',
            rule="availability-values",
        ) from None
