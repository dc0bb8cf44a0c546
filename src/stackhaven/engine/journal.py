"""One stream of events per run: a file of JSON lines, and whoever subscribes. The only output of the engine."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import Change

Kind = Literal["run-started", "started", "progress", "ended", "blocked", "lost", "note", "run-ended"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened: `at` in seconds since 1970, durations in seconds. Empty fields do not apply."""

    kind: Kind
    at: float = field(default_factory=time.time)
    step: str = ""
    node: str = ""
    title: str = ""
    state: str = ""
    seconds: float | None = None
    text: str = ""
    changes: tuple[Change, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What is written: the fields that say something."""
        full = {
            "kind": self.kind,
            "at": round(self.at, 3),
            "step": self.step,
            "node": self.node,
            "title": self.title,
            "state": str(self.state),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "text": str(self.text),
            "changes": [asdict(change) for change in self.changes],
            "data": self.data,
        }
        return {key: value for key, value in full.items() if value not in ("", None, {}, [])}


Subscriber = Callable[[Event], None]


class Journal:
    """Writes events to `path` (None: nowhere) and passes them on.

    Everything is masked before it is written. A subscriber that fails is dropped; it never reaches the run. A full
    disk does not end the run either: it is noted and the file is given up.
    """

    def __init__(self, path: Path | None, masker: Masker) -> None:
        self.path = path
        self.failure = ""
        self._masker = masker
        self._file: IO[str] | None = None
        self._subscribers: list[Subscriber] = []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Let someone hear all events from now on."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Write and pass on. Never raises."""
        if self._file is not None:
            try:
                self._file.write(json.dumps(self._masker.data(event.as_json())) + "\n")
            except OSError as error:
                self.failure = f"the journal {self.path} cannot be written any more: {error.strerror}"
                self.close()
        for subscriber in list(self._subscribers):
            try:
                subscriber(event)
            except Exception as error:
                self._subscribers.remove(subscriber)
                self.failure = f"a view of the run failed and was dropped: {error}"

    def close(self) -> None:
        """No more writing; what is written is complete."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def journal_path(runs: Path, verb: str, *, now: datetime | None = None) -> Path:
    """A new file's name in the directory `runs`, such as ``20260102T030405.678Z-up.jsonl``; sorts by time."""
    moment = now or datetime.now(UTC)
    return runs / f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z-{verb}.jsonl"
