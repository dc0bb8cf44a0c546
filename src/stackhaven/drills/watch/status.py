"""The whole cloud as `haven status` sees it, every few seconds: who is missing, and when all are back."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import Any

from stackhaven.drills.ground import Ground
from stackhaven.drills.history import Recorder
from stackhaven.drills.watch.base import Watcher
from stackhaven.observe.status.ask import ask_nodes
from stackhaven.observe.status.facts import CloudFacts, NodeFacts
from stackhaven.observe.status.finding import Finding, Severity
from stackhaven.observe.status.gather import gather
from stackhaven.observe.status.judge import Expected, judge

PERIOD_S = 4.0
PERIOD_BEFORE_S = 10.0
"""Before healing nobody waits for the cloud to be whole. In a lab each look costs seconds of processor time."""
FIRST_S = 3.0
"""After healing: calls that were due during the fault end first, and are not late because of a look."""

LATE_SHARE = 0.05
"""By so much of what it is a long recovery may be told late; looks that are closer together would make it longer."""

WHOLE_LOOK_S = 20.0
"""So old may the last look at everything be while machines are asked that lacked a program in it."""


class StatusWatcher(Watcher):
    """Samples of the status; `whole_after` waits for a healthy one.

    While a machine lacks a program the cloud is not whole, whatever the others say: only such machines are asked, until
    they lack nothing or the last look at everything is old. In a lab looks take processor time that they start with.
    """

    def __init__(self, ground: Ground, recorder: Recorder) -> None:
        super().__init__("status watcher", recorder, period_s=PERIOD_S)
        self._ground = ground
        self._changed = threading.Condition()
        self._healthy: tuple[float, bool] = (-1.0, False)
        self.degraded: tuple[str, ...] = ()
        self._lacking: tuple[str, ...] = ()

    def period_s(self) -> float:
        """Often only when somebody waits for the cloud to be whole, and less so the longer that takes."""
        since = self._since()
        if since is None:
            return PERIOD_BEFORE_S
        waited = self.recorder.now() - since
        return math.inf if waited < FIRST_S else max(PERIOD_S, LATE_SHARE * waited)

    def look(self) -> None:
        """One sample: what is degraded, and each node's state in words. None while machines still lack programs."""
        if self._still_lacking():
            return
        asked_at = self.recorder.now()
        facts, findings = status_of(self._ground)
        self._lacking = tuple(node.name for node in facts.nodes if lacks(node))
        degraded = tuple(finding.what for finding in degrading(findings))
        self.note(
            "status",
            {
                "asked": round(asked_at, 3),
                "degraded": list(degraded),
                "nodes": {node.name: node_words(node) for node in facts.nodes},
            },
        )
        with self._changed:
            self._healthy = (asked_at, not degraded)
            self.degraded = degraded
            self._changed.notify_all()

    def _since(self) -> float | None:
        """When somebody began to wait for the cloud to be whole."""
        begun = [at for kind in ("heal", "repair-begins") if (at := self.recorder.first(kind)) is not None]
        return min(begun, default=None)

    def _still_lacking(self) -> bool:
        """Whether a look at everything would find it degraded, for what few machines say."""
        if self._since() is None or self.recorder.now() - self._healthy[0] >= WHOLE_LOOK_S:
            return False
        ground = self._ground
        told = asyncio.run(
            ask_nodes(ground.layout, ground.site.declared, ground.targets, among=self._lacking)
        )
        return any(lacks(node) for node in told)

    def whole_after(self, at: float, timeout_s: float) -> float | None:
        """When the cloud, asked after `at`, was first found whole; None when not within the time."""

        def whole() -> bool:
            return self._healthy[1] and self._healthy[0] >= at

        with self._changed:
            if self._changed.wait_for(whole, timeout=timeout_s):
                return self.recorder.now()
        return None


def status_of(ground: Ground) -> tuple[CloudFacts, tuple[Finding, ...]]:
    """Facts and findings of now."""
    facts = gather(ground.site, ground.targets, ground.as_client)
    return facts, judge(Expected(ground.layout, ground.site.declared), facts)


def degrading(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that make a cloud less than whole."""
    return tuple(finding for finding in findings if finding.severity >= Severity.DEGRADED)


def lacks(node: NodeFacts) -> bool:
    """Whether it is away, or a program that it should run is."""
    return not node.reachable or bool(units_down(node))


def units_down(node: NodeFacts) -> list[str]:
    """The programs that it should run and does not."""
    return sorted(unit.name for unit in node.units if not unit.runs)


def node_words(node: NodeFacts) -> dict[str, Any]:
    """A node's state for the time line."""
    if not node.reachable:
        return {"up": False}
    return {
        "up": True,
        "units_down": units_down(node),
        "database": node.galera.state if node.galera else "",
        "broker_peers": len(node.broker.connected) if node.broker else None,
        "ovn": {fact.database: fact.role for fact in node.raft},
    }
