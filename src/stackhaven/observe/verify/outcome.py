"""How a verification ended, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How one check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check: `sentence` says what was seen, or why not; `todo` what to type. Times in seconds."""

    name: str
    title: str
    verdict: Verdict
    sentence: str
    seconds: float = 0.0
    todo: str = ""

    @property
    def group(self) -> str:
        """The first part of its name, such as ``guest``."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Report:
    """All checks of one run. `left_behind`: what could not be removed, or was kept when asked to (`kept`)."""

    cloud: str
    run: str
    results: tuple[CheckResult, ...]
    seconds: float
    left_behind: tuple[str, ...] = ()
    kept: str = ""
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing failed, nothing was left behind, and something was proved at all."""
        counts = self.counts
        return bool(counts["ok"]) and not counts["failed"] and not self.left_behind and not self.interrupted

    @property
    def exit_code(self) -> int:
        """0 or 1."""
        return 0 if self.ok else 1

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in which way."""
        found = Counter(result.verdict.value for result in self.results)
        return {verdict.value: found[verdict.value] for verdict in Verdict}

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "cloud": self.cloud,
            "run": self.run,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "counts": self.counts,
            "interrupted": self.interrupted,
            "kept": self.kept,
            "left_behind": list(self.left_behind),
            "checks": [{**asdict(result), "seconds": round(result.seconds, 3)} for result in self.results],
        }
