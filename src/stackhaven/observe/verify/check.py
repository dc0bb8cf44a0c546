"""A check: a small named object that does one thing within its deadline and says what it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from stackhaven.errors import HavenError

if TYPE_CHECKING:
    from stackhaven.observe.verify.bench import Bench

T = TypeVar("T")


class CheckFailedError(HavenError):
    """What was to be proved is not so. `what` is the sentence, `todo` the next thing to type."""


class NotApplicableError(HavenError):
    """This cloud has nothing of the kind. `what` says why."""


class InterruptedCheckError(HavenError):
    """The run was asked to stop while this check waited."""


class Deadline:
    """The time that a check has, and patience within it. Waiting ends at once when the run is asked to stop."""

    def __init__(self, seconds: float, stop: threading.Event) -> None:
        self.seconds = seconds
        self._stop = stop
        self._ends = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self._ends - time.monotonic())

    def poll(self, what: str | Callable[[], str], ask: Callable[[], T | None], *, every_s: float = 2.0) -> T:
        """Ask until there is an answer; gives it.

        Args:
            what: the sentence when time is up, or what makes it then, such as "no address on the console".
            ask: None means "not yet".
            every_s: pause between questions.

        Raises:
            CheckFailedError: no answer within the time.
            InterruptedCheckError: the run was asked to stop.

        """
        while True:
            answer = ask()
            if answer is not None:
                return answer
            if self.left_s <= 0:
                said = what if isinstance(what, str) else what()
                raise CheckFailedError(f"{said} (waited {self.seconds:.0f} s)")
            if self._stop.wait(min(every_s, self.left_s)):
                raise InterruptedCheckError("interrupted")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the verification.

    Args:
        name: dotted, stable, such as ``guest.metadata``; `--only` selects by it or by its beginning.
        title: what it proves, as a person reads it.
        run: does it; gives the sentence of what was seen. May raise CheckFailedError, NotApplicableError.
        needs: names of checks that must have been fine before.
        after: names of checks that must have ended before, well or not.
        deadline_s: how long it may take.

    """

    name: str
    title: str
    run: Callable[[Bench, Deadline], str]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    deadline_s: float = 60.0


def select(checks: Sequence[Check], wanted: Sequence[str]) -> tuple[Check, ...]:
    """The checks with these names, or beginning with them, plus all that these need; all when none is wanted.

    Raises:
        HavenError: rule ``no-such-check``, with the names that there are.

    """
    if not wanted:
        return tuple(checks)
    by_name = {check.name: check for check in checks}
    chosen: set[str] = set()
    for word in wanted:
        matching = [name for name in by_name if name == word or name.startswith(word.rstrip(".") + ".")]
        if not matching:
            groups = ", ".join(dict.fromkeys(name.partition(".")[0] for name in by_name))
            raise HavenError(
                f"there is no check {word!r}",
                todo=f"write one of {groups}; haven verify --list shows all names",
                rule="no-such-check",
            )
        stack = matching
        while stack:
            name = stack.pop()
            if name not in chosen:
                chosen.add(name)
                stack += by_name[name].needs
    return tuple(check for check in checks if check.name in chosen)
