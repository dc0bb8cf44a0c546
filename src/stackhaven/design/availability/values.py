"""How often things fail and how long they take to repair. What nobody measured is marked as assumed."""

from __future__ import annotations

import json

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


class TakeOver(Part):
    """One service's own: seconds that users lose when a process of it fails and another takes over."""

    outage_s: float = Field(ge=0, le=86400, description="Seconds until another takes over.")
    source: str = Field("assumed", description="`assumed`, or where it was measured.")


class Rates(Part):
    """All kinds. `beta` is the share of a member's failures that strikes all members together: one bug, one mistake.

    `services` has the take-over of single services where somebody knows it; the others take that of `process`.
    """

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
    services: dict[str, TakeOver] = Field(default_factory=dict, description="Service to its own take-over.")

    def of(self, kind: str) -> Rate:
        """The rate of an element's kind."""
        rate = getattr(self, kind)
        assert isinstance(rate, Rate)
        return rate

    def take_over_s(self, service: str, otherwise: Rate | None = None) -> float:
        """Seconds until another process of a service serves; where that is not known, of `otherwise` or any process."""
        known = self.services.get(service)
        return known.outage_s if known else (otherwise or self.process).outage_s

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
