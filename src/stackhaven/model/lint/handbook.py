"""The reference page of all rules and recorded cases, written from the rules themselves."""

from __future__ import annotations

from stackhaven.model.lint.register import CASES, ELSEWHERE, caught_by
from stackhaven.model.lint.retired import RETIRED
from stackhaven.model.lint.rule import rules


def page() -> str:
    """``docs/reference/lint.md``."""
    lines = [
        "# Rules of `haven lint`",
        "",
        "Written from the rules by `haven lint --handbook`; a test keeps it current. Ids are stable. "
        "`haven lint --explain RULE` shows one of them.",
        "",
        "## Recorded cases",
        "",
        "Mistakes found in published guides, in our own words, and what catches each.",
        "",
        "| case | what happened | caught by |",
        "|---|---|---|",
    ]
    for case, words in CASES.items():
        ids = ", ".join(f"`{rule}`" for rule in caught_by(case))
        lines.append(f"| {case} | {words} | {ids or 'no rule: ' + ELSEWHERE[case]} |")
    lines += ["", "## Rules", ""]
    for rule in rules().values():
        where = ", ".join(rule.kinds) or "any file of a cloud"
        cases = f" Cases: {', '.join(rule.catches)}." if rule.catches else ""
        lines += [
            f"### `{rule.id}`",
            "",
            f"{rule.title}. *{rule.severity}, in {where}.*{cases}",
            "",
            rule.why,
            "",
        ]
    lines += [
        "## Retired parts",
        "",
        "All found by `retired-part`.",
        "",
        "| part | use instead |",
        "|---|---|",
    ]
    lines += [f"| {part.what} | {part.instead} |" for part in RETIRED]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"
