"""A watcher: a thread that looks at fixed times and writes down what changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from stackhaven.drills.history import Recorder, Sample

HEARTBEAT_S = 1.0
STOP_S = 15.0
LEAST_REST_S = 0.01
ASK_AGAIN_S = 0.25


class Watcher:
    """Subclasses look; this keeps time. A sample that equals the last one is written once a second only."""

    def __init__(self, name: str, recorder: Recorder, *, period_s: float) -> None:
        self.recorder = recorder
        self._period_s = period_s
        self._stop = threading.Event()
        self._last: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def look(self) -> None:
        """Look once and `note` what is seen. An exception ends the looking, not the watcher."""
        raise NotImplementedError

    def period_s(self) -> float:
        """Time from one look to the next, as things are now."""
        return self._period_s

    def note(self, what: str, data: Mapping[str, Any], *, key: str = "") -> None:
        """Write a sample down if it differs from the last of this key, or that one is a second old."""
        at = self.recorder.now()
        last = self._last.get(what + key)
        if last is None or last[1] != data or at - last[0] >= HEARTBEAT_S:
            self._last[what + key] = (at, data)
            self.recorder.add(Sample(at=at, what=what, data=data))

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        reported = ""
        while not self._stop.is_set():
            began = self.recorder.now()
            try:
                self.look()
            except Exception as error:
                text = f"{self._thread.name}: {type(error).__name__}: {error}"
                if text != reported:
                    self.recorder.event("note", text)
                    reported = text
            self._rest(began)

    def _rest(self, began: float) -> None:
        """Until the next look is due; at once when that has become now."""
        left = LEAST_REST_S
        while left > 0 and not self._stop.wait(min(left, ASK_AGAIN_S)):
            left = self.period_s() - (self.recorder.now() - began)
