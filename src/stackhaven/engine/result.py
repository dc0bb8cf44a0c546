"""The result of a run, as a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stackhaven.engine.stop import INTERRUPTED
from stackhaven.plan.forecast import Pending
from stackhaven.plan.outcome import Change, Outcome, State

PENDING = 3
"""Exit code of a plan with changes pending: 2 is wrong input everywhere, and a script must tell the two apart."""

BAD = frozenset({State.FAILED, State.LOST, State.BLOCKED, State.NOT_STARTED, State.INTERRUPTED})


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Outcomes by (step, node); after a plan, `pending` says what a run would do."""

    mode: str
    outcomes: Mapping[tuple[str, str], Outcome]
    pending: tuple[Pending, ...] = ()
    seconds: float
    stopped_by: str = ""

    @property
    def ok(self) -> bool:
        """Whether every piece of work came to a good end."""
        return not any(outcome.state in BAD for outcome in self.outcomes.values())

    @property
    def exit_code(self) -> int:
        """0 done (a plan: nothing to do), 1 something failed, 3 a plan with changes pending, 130 interrupted."""
        if self.stopped_by == INTERRUPTED:
            return 130
        if not self.ok:
            return 1
        return PENDING if self.pending else 0

    @property
    def verdict(self) -> str:
        """One word for the journal."""
        if self.stopped_by:
            return "stopped"
        return "ok" if self.ok else "failed"

    @property
    def totals(self) -> dict[str, int]:
        """How many pieces of work ended in which state, and how many changes and restarts were made."""
        states = Counter(outcome.state.value for outcome in self.outcomes.values())
        changes = [change for _, change in self.changes()]
        restarts = sum(1 for change in changes if change.verb in {"restart", "reload"})
        extra = {"changes": len(changes), "restarts": restarts, "pending": len(self.pending)}
        return dict(sorted(states.items())) | {key: n for key, n in extra.items() if n or key == "changes"}

    def changes(self) -> Iterator[tuple[Outcome, Change]]:
        """Everything that was changed, with where."""
        for outcome in self.outcomes.values():
            for change in outcome.changes:
                yield outcome, change

    def having(self, *states: State) -> tuple[Outcome, ...]:
        """Pieces of work that ended so, in the order in which they ended."""
        return tuple(outcome for outcome in self.outcomes.values() if outcome.state in states)

    def slowest(self, count: int = 5) -> tuple[Outcome, ...]:
        """The pieces of work that took longest."""
        return tuple(sorted(self.outcomes.values(), key=lambda o: -o.seconds)[:count])
