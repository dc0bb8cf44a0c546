"""All rules over all files, in file order."""

from __future__ import annotations

from collections.abc import Sequence

from stackhaven.model.finding import Finding
from stackhaven.model.lint.rule import rules
from stackhaven.model.lint.sources import Source

MOST_PER_RULE = 50
"""Findings of one rule in one file; a file that breaks it more often is not made clearer by more."""


def lint(sources: Sequence[Source]) -> tuple[Finding, ...]:
    """What all rules have to say of these files, by file and line. Any text will do; none makes it fail."""
    found: list[Finding] = []
    for rule in rules().values():
        told: dict[str, int] = {}
        for hit in rule.hits(sources):
            told[hit.source.file] = told.get(hit.source.file, 0) + 1
            if told[hit.source.file] <= MOST_PER_RULE:
                found.append(rule.finding(hit))
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (f.file, f.line, f.severity, f.rule)))
