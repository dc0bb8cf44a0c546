"""Past runs, read back from their journals."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackhaven.errors import HavenError


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """One run as its journal tells it. A run that was killed has no end: `seconds` counts to its last event."""

    name: str
    verb: str
    began: float
    seconds: float
    verdict: str
    totals: dict[str, int]
    events: tuple[dict[str, Any], ...]

    def ended(self) -> list[dict[str, Any]]:
        """Events of work that ended, in order."""
        return [event for event in self.events if event["kind"] in {"ended", "lost", "blocked"}]

    def slowest(self, count: int = 5) -> list[dict[str, Any]]:
        """The pieces of work that took longest."""
        return sorted(self.ended(), key=lambda event: -event.get("seconds", 0.0))[:count]

    def summary(self) -> dict[str, Any]:
        """The run as one row of data."""
        return {
            "run": self.name,
            "verb": self.verb,
            "began": self.began,
            "seconds": round(self.seconds, 3),
            "verdict": self.verdict,
            "totals": self.totals,
        }


def list_runs(runs: Path) -> list[PastRun]:
    """All runs that have a readable journal, newest first."""
    found = (read_run(path) for path in sorted(runs.glob("*.jsonl"), reverse=True))
    return [run for run in found if run is not None]


def find_run(runs: Path, name: str) -> PastRun:
    """The one run whose name begins so; ``last`` is the newest.

    Raises:
        HavenError: no such run, or several.

    """
    paths = sorted(runs.glob("*.jsonl"))
    matching = paths[-1:] if name == "last" else [path for path in paths if path.stem.startswith(name)]
    if len(matching) != 1:
        what = f"{len(matching)} runs begin with {name!r}" if matching else f"there is no run {name!r}"
        raise HavenError(what, todo="haven log lists all runs", rule="log-run")
    run = read_run(matching[0])
    if run is None:
        raise HavenError(f"the journal {matching[0]} holds no events", rule="log-run")
    return run


def read_run(path: Path) -> PastRun | None:
    """One journal; None if there is nothing in it. A last line cut off by a kill is left out."""
    events = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "kind" in event and "at" in event:
            events.append(event)
    if not events:
        return None
    last = events[-1]
    over = last["kind"] == "run-ended"
    states = Counter(
        event.get("state", "") for event in events if event["kind"] in {"ended", "lost", "blocked"}
    )
    return PastRun(
        name=path.stem,
        verb=path.stem.rpartition("-")[2],
        began=events[0]["at"],
        seconds=last["at"] - events[0]["at"],
        verdict=last.get("state", "") if over else "killed",
        totals=last.get("data", {}) if over else dict(sorted(states.items())),
        events=tuple(events),
    )
