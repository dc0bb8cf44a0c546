"""Something that is not as it should be, in an operator's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad: the larger the worse."""

    NOTICE = 0
    DEGRADED = 1
    DOWN = 2

    @property
    def word(self) -> str:
        """As it is printed."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong where, what it means for the cloud, and the next thing to type."""

    severity: Severity
    area: str
    what: str
    means: str
    todo: str
