"""What a file would change, as a unified diff without secrets.

An old or hand-edited secret on the node is not among the known values, so values are not enough: in a file whose
desired content holds a secret, every line of the node's side with the key of a secret line is masked too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from stackhaven.plan.mask import STARS, Masker

HIDDEN = "content differs (not shown: the file is a secret)"
MOST_LINES = 200


def file_diff(path: str, before: str | None, after: str, masker: Masker, *, sensitive: bool = False) -> str:
    """A unified diff from the node's content (None: no such file) to the desired one; empty if equal.

    At most `MOST_LINES` lines. A `sensitive` file only says that it differs.
    """
    if before == after:
        return ""
    if sensitive:
        return HIDDEN
    old = _masked_node_side(before or "", after, masker)
    new = [masker(line) for line in after.splitlines()]
    lines = list(
        difflib.unified_diff(
            old, new, "/dev/null" if before is None else f"a{path}", f"b{path}", n=2, lineterm=""
        )
    )
    if not lines:
        return "only the end of the last line, or line endings, differ"
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)


def _masked_node_side(before: str, after: str, masker: Masker) -> list[str]:
    wanted = set(after.splitlines())
    secret_lines = [line for line in wanted if masker.holds_secret(line)]
    keys = {key for line in secret_lines for key in _keys(line)}
    has_bare_secret = any(not _keys(line) for line in secret_lines)
    masked = []
    for line in before.splitlines():
        own = _keys(line)
        if line in wanted:
            masked.append(masker(line))
        elif own & keys or (has_bare_secret and not own):
            masked.append(f"{_shown_key(line)}{STARS} (another value)")
        else:
            masked.append(masker(line))
    return masked


_SEPARATOR = re.compile(r"\s*[=:]\s*")


def _keys(line: str) -> set[str]:
    """Names under which a line could hold a value: the text before ``=`` or ``:``, and its first word.

    The first word covers settings separated by blanks, such as ``stats auth user:password``; a commented line counts
    as the line without the mark.
    """
    text = line.strip().lstrip("#;").strip().strip("\"'").lower()
    parts = _SEPARATOR.split(text, maxsplit=1)
    if len(parts) == 2:
        head = parts[0].strip("\"'")
        return _nonempty((head, head.split()[0] if head.split() else ""))
    words = text.split()
    return {words[0]} if len(words) > 1 else set()


def _nonempty(names: Iterable[str]) -> set[str]:
    return {name for name in names if name}


def _shown_key(line: str) -> str:
    found = _SEPARATOR.search(line)
    if found:
        return line[: found.end()]
    words = line.split(maxsplit=1)
    return f"{words[0]} " if len(words) > 1 else ""
