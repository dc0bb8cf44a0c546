"""What a check says, and the errors that a request may end with."""

from __future__ import annotations


class AgentError(Exception):
    """A failure with a text for the operator."""


class Finding:
    """The answer to "is it so?".

    `why`: what differs, in words. `before`: present content of a file, for the diff. `verb`: what applying would do.
    `known`: False when the question could not be asked because something before it is not so.
    """

    __slots__ = ("before", "holds", "known", "verb", "why")

    def __init__(
        self,
        holds: bool,
        why: str = "",
        *,
        verb: str = "change",
        before: str | None = None,
        known: bool = True,
    ) -> None:
        self.holds = holds
        self.why = why
        self.verb = verb
        self.before = before
        self.known = known

    def wire(self) -> dict[str, object]:
        """JSON-safe; a finding that holds is as short as can be."""
        if self.holds:
            return {"holds": True}
        return {
            "holds": False,
            "why": self.why,
            "verb": self.verb,
            "before": self.before,
            "known": self.known,
        }


HOLDS = Finding(True)
