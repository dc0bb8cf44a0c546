"""A rule: its stable id, what it is about and why, which recorded cases it catches, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stackhaven.model.finding import Finding, Severity
from stackhaven.model.lint.sources import Source

ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True)
class Hit:
    """One place where a rule is broken."""

    source: Source
    line: int
    what: str
    todo: str = ""
    severity: Severity | None = None


Look = Callable[[Source], Iterator[Hit]]
LookAcross = Callable[[Sequence[Source]], Iterator[Hit]]


@dataclass(frozen=True, kw_only=True)
class LintRule:
    """One rule. `look` sees one file of its `kinds`, `across` all files together; one of the two is there."""

    id: str
    title: str
    why: str
    catches: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: Severity = ERROR
    look: Look | None = None
    across: LookAcross | None = None

    def hits(self, sources: Sequence[Source]) -> Iterator[Hit]:
        """Every place where the rule is broken."""
        if self.across is not None:
            yield from self.across([s for s in sources if s.is_a(*self.kinds)])
        if self.look is not None:
            for source in sources:
                if source.is_a(*self.kinds):
                    yield from self.look(source)

    def finding(self, hit: Hit) -> Finding:
        """A hit as a finding."""
        return Finding(
            rule=self.id,
            what=hit.what,
            todo=hit.todo,
            file=hit.source.file,
            line=hit.line,
            column=1 if hit.line else 0,
            severity=hit.severity or self.severity,
        )


_TABLE: dict[str, LintRule] = {}


def enter(rule: LintRule) -> None:
    """Add a rule to the table.

    Raises:
        ValueError: when its id is taken; ids are stable and never used twice.

    """
    if rule.id in _TABLE:
        raise ValueError(f"rule id {rule.id} is taken")
    _TABLE[rule.id] = rule


def in_file(
    id: str,  # noqa: A002 - the field's own word
    *,
    title: str,
    why: str,
    kinds: tuple[str, ...],
    catches: tuple[str, ...] = (),
    severity: Severity = ERROR,
) -> Callable[[Look], Look]:
    """Enter a rule that looks at one file at a time."""

    def decorate(look: Look) -> Look:
        enter(
            LintRule(id=id, title=title, why=why, kinds=kinds, catches=catches, severity=severity, look=look)
        )
        return look

    return decorate


def between_files(
    id: str,  # noqa: A002 - the field's own word
    *,
    title: str,
    why: str,
    kinds: tuple[str, ...] = (),
    catches: tuple[str, ...] = (),
    severity: Severity = ERROR,
) -> Callable[[LookAcross], LookAcross]:
    """Enter a rule over relations between files."""

    def decorate(look: LookAcross) -> LookAcross:
        enter(
            LintRule(
                id=id, title=title, why=why, kinds=kinds, catches=catches, severity=severity, across=look
            )
        )
        return look

    return decorate


def rules() -> dict[str, LintRule]:
    """Every entered rule by id, sorted."""
    return dict(sorted(_TABLE.items()))
