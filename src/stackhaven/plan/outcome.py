"""What looking at a node found, and what a run did: values that journal, screen and reports share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How one piece of work stands at the end."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    LOST = "lost"
    BLOCKED = "blocked"
    NOT_STARTED = "not started"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A resource that is not as wanted, as seen without changing anything.

    `verb` is what applying would do ("create", "restart", "run"); `known` is False where that cannot be said before
    something else has been done. `paths` are what applying would write; `diff` holds no secrets.
    """

    label: str
    kind: str
    verb: str
    why: str
    known: bool = True
    diff: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """A resource that was changed: `did` says how, `verb` in one word; `diff` holds no secrets."""

    label: str
    kind: str
    verb: str
    did: str
    diff: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one piece of work. `cause`: for blocked work, what failed before it."""

    step: str
    node: str
    state: State
    seconds: float = 0.0
    changes: tuple[Change, ...] = ()
    error: str = ""
    cause: str = ""
