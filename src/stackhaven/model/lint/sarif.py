"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackhaven.model.finding import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(findings: Sequence[Finding], texts: Mapping[str, str], version: str) -> dict[str, Any]:
    """A SARIF log with one run.

    Args:
        findings: what was found.
        texts: a sentence per rule id; rules without one are described by their id.
        version: of this program.

    """
    used = sorted({f.rule for f in findings})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "haven lint",
                        "version": version,
                        "rules": [{"id": r, "shortDescription": {"text": texts.get(r, r)}} for r in used],
                    }
                },
                "results": [_result(f, used.index(f.rule)) for f in findings],
            }
        ],
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    text = f"{finding.what}. {finding.todo}" if finding.todo else finding.what
    place: dict[str, Any] = {"artifactLocation": {"uri": finding.file.replace("\\", "/")}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "startColumn": max(1, finding.column)}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": str(finding.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
