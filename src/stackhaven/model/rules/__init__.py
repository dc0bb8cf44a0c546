"""Relations between keys: each a small function with a stable id and an explanation."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stackhaven.model.finding import Finding
from stackhaven.model.rules import choices, fencing, networks, nodes, secrets, settings
from stackhaven.model.rules.base import Facts, Hit, PortClaim, Rule, Subject, table

__all__ = ["RULES", "Facts", "Hit", "PortClaim", "Rule", "Subject", "explain", "findings_of"]

_ENTERED = (choices, networks, nodes, fencing, secrets, settings)
RULES = dict(table())
"""All rules by id, in reading order."""

_SHAPE = {
    "key-unknown": "A key that the model does not have. It would be silently without effect, so it is refused.",
    "key-missing": "A key that has no default and must be written.",
    "value-type": "A value that is not of the key's type or out of its bounds.",
    "value-unknown": "A word that is not one of the words the key takes.",
    "name-form": "A name that cannot be a host's name: a letter, then a-z, 0-9 and hyphens.",
    "net-small": "A network without room for a VIP (.5) and machines (from .11); /28 is the smallest.",
    "yaml-syntax": "The file is not YAML; nothing can be said of its content.",
    "yaml-duplicate": "A key stands twice. YAML readers take one of them without a word.",
    "yaml-empty": "There is nothing in the file.",
    "yaml-many": "The file has several YAML documents; one file describes one cloud.",
    "yaml-shape": "The file is YAML, but not a mapping of keys to values.",
    "yaml-key": "A key is itself a list or a mapping.",
    "yaml-tag": "A YAML tag (`!word`) that has no meaning here.",
    "yaml-character": "An escape (`\\u`) that is only half a character, which no text can hold.",
    "yaml-unfolds": "Aliases make the file unfold into more values than any cloud has, or into themselves.",
    "file-missing": "There is no such file.",
    "file-directory": "A directory was named instead of a file.",
    "file-unreadable": "The file is there, but may not be read.",
    "file-huge": "The file is larger than any description of a cloud.",
    "file-binary": "The file is not a text.",
}


def explain(rule_id: str) -> str | None:
    """What a rule is about and why, or None when there is no such rule."""
    known = RULES.get(rule_id)
    return known.explanation if known else _SHAPE.get(rule_id)


def rule_ids() -> tuple[str, ...]:
    """Every id that a finding can have, sorted."""
    return tuple(sorted({*RULES, *_SHAPE}))


def findings_of(subject: Subject, *, broken: Collection[str] = ()) -> Iterator[Finding]:
    """What all rules have to say. Rules that read a `broken` top-level key are not asked."""
    for known in RULES.values():
        if not known.reads.intersection(broken):
            yield from known.findings(subject)
