"""What happened in a drill, as it happened: one JSON object per line. Written first, judged later, kept.

Times are seconds since the drill began, by one monotonic clock; the header says when that was. `at` of a call is when
it was due, not when it could be started: an open loop does not wait for a cloud that is slow.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from stackhaven.drills.errors import DrillError

FILE = "history.jsonl"
VERSION = 1

Outcome = Literal["ok", "fail", "unknown"]
"""`unknown`: it may or may not have taken effect, as a write whose answer was lost."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a probe. `first_error`: why its first attempt failed, where a retry was made."""

    probe: str
    at: float
    end: float
    outcome: Outcome
    error: str = ""
    attempts: int = 1
    first_error: str = ""

    @property
    def latency_s(self) -> float:
        """From when it was due to its end."""
        return self.end - self.at


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something done or seen once. Kinds: see `KINDS`."""

    at: float
    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


KINDS = {
    "load-begins": "probes begin to call",
    "inject": "the fault begins to be injected",
    "injected": "the fault is in effect",
    "heal": "the fault begins to be healed",
    "healed": "what was broken on purpose is put right",
    "repair-begins": "the cloud is left to repair itself",
    "whole": "status finds nothing degraded any more",
    "load-ends": "no further call is made",
    "measured": "a figure that is not a probe's: `what` and `value`",
    "note": "a remark",
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a watcher saw at one moment. `what` is vip, member, cpu or status; see `watch`."""

    at: float
    what: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Write:
    """One step of the ledger: `op` is create or delete, of the thing `name` in `api`."""

    at: float
    api: str
    op: Literal["create", "delete"]
    name: str
    outcome: Outcome
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one API lists of our names at the end: name to how many there are. None: it could not be asked."""

    at: float
    api: str
    names: Mapping[str, int] | None


@dataclass(frozen=True, kw_only=True)
class Header:
    """What was done to which cloud, when. `drill`: as in its file. `periods_s`: probe to time between its calls."""

    cloud: str
    drill: Mapping[str, Any]
    began: float
    periods_s: Mapping[str, float]
    machine: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION


Entry = Header | Call | Event | Sample | Write | Found
_TYPES: dict[str, type[Entry]] = {
    "header": Header,
    "call": Call,
    "event": Event,
    "sample": Sample,
    "write": Write,
    "found": Found,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


class Recorder:
    """Appends to a history, from any thread. `now()` is the drill's clock."""

    def __init__(self, directory: Path) -> None:
        self.began = time.time()
        self._zero = time.monotonic()
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()
        self._succeeded: dict[str, float] = {}
        self._firsts: dict[str, float] = {}
        self._file: TextIO = (directory / FILE).open("a", encoding="utf-8")

    def now(self) -> float:
        """Seconds since the drill began."""
        return time.monotonic() - self._zero

    def add(self, entry: Entry) -> None:
        """Write it down; it survives the end of this program."""
        line = json.dumps({"type": _NAMES[type(entry)], **_rounded(asdict(entry))}, separators=(",", ":"))
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")
                self._file.flush()
            if isinstance(entry, Call) and entry.outcome == "ok":
                self._succeeded[entry.probe] = entry.end
            elif isinstance(entry, Call):
                self._failures[entry.probe] += 1
            if isinstance(entry, Event):
                self._firsts.setdefault(entry.kind, entry.at)

    def event(self, kind: str, text: str, **data: Any) -> float:
        """Note an event that happens now; gives its time."""
        at = self.now()
        self.add(Event(at=at, kind=kind, text=text, data=data))
        return at

    def first(self, kind: str) -> float | None:
        """When an event of this kind first happened, if it did so far."""
        with self._lock:
            return self._firsts.get(kind)

    def failures(self) -> dict[str, int]:
        """How many calls did not succeed so far, by probe; those that succeeded at once are not in it."""
        with self._lock:
            return dict(self._failures)

    def succeeded(self, probe: str, after: float) -> bool:
        """Whether a call of this probe has succeeded after that time so far."""
        with self._lock:
            return self._succeeded.get(probe, after) > after

    def close(self) -> None:
        """Nothing more is written; later entries are dropped."""
        with self._lock:
            self._file.close()


@dataclass(frozen=True, kw_only=True)
class History:
    """A whole record, in the order of time within each kind."""

    header: Header
    calls: tuple[Call, ...] = ()
    events: tuple[Event, ...] = ()
    samples: tuple[Sample, ...] = ()
    writes: tuple[Write, ...] = ()
    found: tuple[Found, ...] = ()

    def first(self, kind: str) -> float | None:
        """When an event of this kind first happened."""
        return next((event.at for event in self.events if event.kind == kind), None)

    def probes(self) -> tuple[str, ...]:
        """Names of the probes, in the order of the header."""
        seen = {call.probe for call in self.calls}
        return tuple(name for name in self.header.periods_s if name in seen)

    @property
    def end(self) -> float:
        """The time of the last entry."""
        ends = [call.end for call in self.calls]
        ends += [event.at for event in self.events]
        ends += [sample.at for sample in self.samples]
        return max(ends, default=0.0)


def read_history(directory: Path) -> History:
    """A drill's record.

    Raises:
        DrillError: rule ``drill-record`` when there is none, or it is not ours. A last line cut short by a crash is
            left out.

    """
    path = directory / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DrillError(
            f"{directory} holds no record of a drill: {error.strerror}",
            todo="haven drill report lists the records there are",
            rule="drill-record",
        ) from None
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(_parsed(line))
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise DrillError(
                    f"{path} line {number} cannot be read: {error}", rule="drill-record"
                ) from None
    return history_of(entries)


def read_header(directory: Path) -> Header:
    """Only what a record begins with.

    Raises:
        DrillError: rule ``drill-record`` when there is none.

    """
    try:
        with (directory / FILE).open(encoding="utf-8") as stream:
            first = _parsed(stream.readline())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DrillError(
            f"{directory} has no header that can be read: {error}", rule="drill-record"
        ) from None
    if not isinstance(first, Header):
        raise DrillError(f"{directory / FILE} does not begin with a header", rule="drill-record")
    return first


def history_of(entries: Iterable[Entry]) -> History:
    """Entries sorted into a history.

    Raises:
        DrillError: rule ``drill-record`` when there is no header.

    """
    by_type: dict[type, list[Any]] = {kind: [] for kind in _NAMES}
    for entry in entries:
        by_type[type(entry)].append(entry)
    if not by_type[Header]:
        raise DrillError("a record without a header: the drill ended before it began", rule="drill-record")

    def ordered(kind: type) -> tuple[Any, ...]:
        return tuple(sorted(by_type[kind], key=lambda entry: entry.at))

    return History(
        header=by_type[Header][0],
        calls=ordered(Call),
        events=ordered(Event),
        samples=ordered(Sample),
        writes=ordered(Write),
        found=ordered(Found),
    )


def _parsed(line: str) -> Entry:
    fields = json.loads(line)
    return _TYPES[fields.pop("type")](**fields)


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in fields.items()}
