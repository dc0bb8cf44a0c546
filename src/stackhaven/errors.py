"""The one family of errors that reaches a person.

Every error says where, what, why and what to type instead; nothing else ever prints a traceback to a person.
"""

from __future__ import annotations


class HavenError(Exception):
    """An error whose text is written for the operator.

    Args:
        what: one sentence: what is wrong, and where.
        why: what it means, if that is not plain from `what`.
        todo: what to write or type instead.
        rule: stable id of the rule that was broken, such as ``net-overlap``.

    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", todo: str = "", rule: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.todo = todo
        self.rule = rule

    def __str__(self) -> str:
        text = f"[{self.rule}] {self.what}" if self.rule else self.what
        if self.why:
            text += f"\n  why: {self.why}"
        if self.todo:
            text += f"\n  do:  {self.todo}"
        return text


class InputError(HavenError):
    """What the operator wrote is wrong; nothing was touched."""

    exit_code = 2
