"""What a rule is, and the table of all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stackhaven.model.cloud import Cloud
from stackhaven.model.finding import Finding, Path, Severity
from stackhaven.model.source import Document


@dataclass(frozen=True, kw_only=True)
class PortClaim:
    """Something listens on a port of a machine. `address` is empty for "all addresses"."""

    node: str
    port: int
    owner: str
    address: str = ""


def _no_claims(cloud: Cloud) -> Iterable[PortClaim]:  # noqa: ARG001 - the shape of a default
    return ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rules are told of the services, since the model knows none of them.

    `services`: names that may stand under ``services:``; empty leaves the rule out. `ports`: everything that
    listens in a given cloud.
    """

    services: frozenset[str] = frozenset()
    ports: Callable[[Cloud], Iterable[PortClaim]] = _no_claims


@dataclass(frozen=True)
class Hit:
    """A rule's answer: where, what is wrong, what to write instead."""

    path: Path
    what: str
    todo: str = ""
    on_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a rule looks at: the cloud, the file it stems from, and the facts."""

    cloud: Cloud
    document: Document
    facts: Facts = field(default_factory=Facts)

    def wants(self, service: str) -> bool:
        """Whether the cloud runs a service; all of the core when none are listed."""
        return self.cloud.services is None or service in self.cloud.services


Check = Callable[[Subject], Iterator[Hit]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One relation between keys. `reads`: top-level keys; when one of them is broken the rule is not asked."""

    id: str
    severity: Severity
    reads: frozenset[str]
    check: Check
    explanation: str

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """What it has to say, with the places in the file."""
        for hit in self.check(subject):
            line, column = subject.document.at(hit.path, key=hit.on_key)
            yield Finding(
                rule=self.id,
                severity=self.severity,
                what=hit.what,
                todo=hit.todo,
                file=subject.document.file,
                line=line,
                column=column,
                path=hit.path,
            )


_RULES: dict[str, Rule] = {}


def rule(rule_id: str, *reads: str, severity: Severity = Severity.ERROR) -> Callable[[Check], Check]:
    """Enter a function into the table under a stable id; its docstring is the rule's explanation."""

    def enter(check: Check) -> Check:
        if rule_id in _RULES:
            raise ValueError(f"two rules are called {rule_id}")
        _RULES[rule_id] = Rule(
            id=rule_id,
            severity=severity,
            reads=frozenset(reads),
            check=check,
            explanation=inspect.getdoc(check) or "",
        )
        return check

    return enter


def table() -> Mapping[str, Rule]:
    """All rules entered so far, by id."""
    return _RULES
