"""What is wrong with a file: findings with a place, a rule's id and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stackhaven.errors import InputError

Path = tuple[str | int, ...]
"""Where in the document: keys and list positions, such as ``("nodes", "c1", "roles", 0)``."""


class Severity(StrEnum):
    """An error stops, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong. `line` and `column` count from 1; 0 is "the file as a whole"."""

    rule: str
    what: str
    todo: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    path: Path = ()
    severity: Severity = Severity.ERROR

    @property
    def place(self) -> str:
        """``file:line:column`` as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        text = f"{self.place}: {self.severity}: [{self.rule}] {self.what}"
        return f"{text}\n  do:  {self.todo}" if self.todo else text

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "rule": self.rule,
            "severity": str(self.severity),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": dotted(self.path),
            "what": self.what,
            "todo": self.todo,
        }


class ModelError(InputError):
    """The file cannot be used. `findings` holds everything that is wrong, warnings too, in file order."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        errors = [f for f in findings if f.severity is Severity.ERROR]
        super().__init__(f"{len(errors)} error{'s' if len(errors) != 1 else ''}", rule="model")
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) + f"\n{self.what}; nothing was touched"


def dotted(path: Path) -> str:
    """A path as a person writes it: ``nodes.c1.roles[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def in_file_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sorted by place; errors before warnings in one place; the same thing is said once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.line, f.column, f.severity, f.rule)))
