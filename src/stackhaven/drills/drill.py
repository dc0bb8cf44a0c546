"""A drill, as one writes it: a sentence that says what to break where, and what is promised meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Fault
from stackhaven.drills.faults.contents import fault
from stackhaven.drills.load.groups import GROUPS, probe_names

PROMISES: Mapping[str, str] = {
    "gap_s": "longest time without success of any API probe that began before healing, in seconds",
    "return_gap_s": "the same while what was broken comes back",
    "failed_calls": "API calls that failed in spite of their one retry",
    "redundancy_s": "seconds until every member is back",
    "vip_gap_s": "longest time in which no node held the VIP",
    "floating_gap_s": "longest time without an answer from a guest's floating IP",
    "guest_lost": "packets between two guests that were lost",
    "boot_s": "seconds from the return of power to the first successful boot of a server",
    "boot_share": "share of the servers asked for during the fault that became active, in percent (at least)",
}
LEAST_RATE = 0.1
NUMBERS = ("hold_s", "before_s", "after_s", "whole_s", "rate")
AT_LEAST = frozenset({"boot_share"})
"""Promises that are met from above."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One experiment.

    Args:
        name: as typed.
        why: what it shows, one line.
        do: the sentence: ``FAULT TARGET`` or ``FAULT PROGRAM on TARGET``.
        hold_s: how long the fault stays.
        before_s: steady load before, from which comes what is usual.
        after_s: load after everything is whole again.
        whole_s: how long to wait for that.
        load: probes or groups of them.
        rate: how often they call, as a share of how often they usually do: less where a machine bears no more.
        must: what is promised; missing it fails the drill. `aim`: what would be better still.
        floor: why no figure can be lower, in a sentence, where no formula says so (see `judge.floors`).

    """

    name: str
    why: str
    do: str
    hold_s: float = 20.0
    before_s: float = 12.0
    after_s: float = 5.0
    whole_s: float = 240.0
    load: tuple[str, ...] = ("reads", "writes")
    rate: float = 1.0
    must: Mapping[str, float] = field(default_factory=dict)
    aim: Mapping[str, float] = field(default_factory=dict)
    floor: str = ""

    @property
    def fault(self) -> Fault:
        """What is done; DrillError when there is no such fault."""
        return fault(self.do.split()[0])

    @property
    def program(self) -> str:
        """The service that is hit, or empty for a machine."""
        return self._words[0]

    @property
    def target(self) -> str:
        """The role or machine."""
        return self._words[1]

    @property
    def promises_a_boot(self) -> bool:
        """Whether it measures when a server can be booted again, however long that takes."""
        return "boot_s" in self.must

    @property
    def _words(self) -> tuple[str, str]:
        match self.do.split()[1:]:
            case [target]:
                return "", target
            case [program, "on", target]:
                return program, target
        raise DrillError(
            f"drill {self.name}: {self.do!r} is not a sentence a drill understands",
            todo="such as: power-off vip-holder; or: freeze mariadb on db-writer",
            rule="drill-sentence",
        )

    def checked(self) -> Drill:
        """Itself, when all its words are known.

        Raises:
            DrillError: rule ``drill-sentence`` and others: what is wrong, and what there is.

        """
        program, _ = self._words
        if self.fault.on_programs and not program:
            raise DrillError(
                f"drill {self.name}: {self.fault.name} needs a program",
                todo=f"such as: {self.fault.name} mariadb on db-writer",
                rule="drill-sentence",
            )
        for word in self.load:
            if word not in GROUPS and word not in probe_names():
                raise DrillError(
                    f"drill {self.name}: there is no probe {word!r}",
                    todo=f"one of: {', '.join((*GROUPS, *probe_names()))}",
                    rule="no-such-probe",
                )
        if not LEAST_RATE <= self.rate <= 1:
            raise DrillError(
                f"drill {self.name}: rate {self.rate:g} is not a share of the usual rate",
                todo=f"a number from {LEAST_RATE:g} to 1",
                rule="drill-rate",
            )
        for key in (*self.must, *self.aim):
            if key not in PROMISES:
                raise DrillError(
                    f"drill {self.name}: nothing measures {key!r}",
                    todo=f"one of: {', '.join(PROMISES)}",
                    rule="drill-promise",
                )
        return self

    def as_data(self) -> dict[str, Any]:
        """As in a file, JSON-safe."""
        return {
            "name": self.name,
            "why": self.why,
            "do": self.do,
            "hold_s": self.hold_s,
            "before_s": self.before_s,
            "after_s": self.after_s,
            "whole_s": self.whole_s,
            "load": list(self.load),
            "rate": self.rate,
            "must": dict(self.must),
            "aim": dict(self.aim),
            "floor": self.floor,
        }


def drill_from(data: Mapping[str, Any], origin: str) -> Drill:
    """A drill from the keys of its file. `origin` is named in errors.

    Raises:
        DrillError: rule ``drill-file``: a key is missing, unknown or of the wrong kind.

    """
    known = set(Drill.__dataclass_fields__)
    unknown = sorted(set(map(str, data)) - known)
    missing = sorted({"name", "why", "do"} - set(map(str, data)))
    if unknown or missing:
        said = [f"unknown key {key}" for key in unknown] + [f"no {key}" for key in missing]
        raise DrillError(
            f"{origin}: {', '.join(said)}", todo=f"keys: {', '.join(sorted(known))}", rule="drill-file"
        )
    try:
        numbers = {k: float(data[k]) for k in NUMBERS if k in data}
        load = data.get("load", ("reads", "writes"))
        return Drill(
            name=str(data["name"]),
            why=str(data["why"]),
            do=str(data["do"]),
            load=tuple(str(word) for word in ([load] if isinstance(load, str) else load)),
            must={str(k): float(v) for k, v in (data.get("must") or {}).items()},
            aim={str(k): float(v) for k, v in (data.get("aim") or {}).items()},
            floor=str(data.get("floor") or ""),
            **numbers,
        ).checked()
    except (TypeError, ValueError, AttributeError) as error:
        raise DrillError(f"{origin}: {error}", rule="drill-file") from None


def read_drill(path: Path) -> Drill:
    """A drill from its YAML file; see `drill_from`."""
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise DrillError(f"{path} cannot be read: {error}", rule="drill-file") from None
    if not isinstance(data, Mapping):
        raise DrillError(f"{path} does not describe a drill", todo="haven drill list", rule="drill-file")
    return drill_from(data, str(path))
