"""No secret stands in the model: it is in version control, in reviews, on screens."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from stackhaven.model.finding import Path, dotted
from stackhaven.model.options import canonical, options_of
from stackhaven.model.rules.base import Hit, Subject, rule

_WORDS = frozenset(
    {"password", "passwd", "pass", "secret", "token", "passphrase", "psk", "apikey", "credential"}
)
_KEY_PAIRS = frozenset(
    {("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("shared", "key")}
)
_URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@$]+@", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_TODO = "remove it: secrets are made per cloud and kept in .haven/NAME/secrets.json (0600)"
RANDOM_BITS_PER_CHARACTER = 3.3
"""Random hexadecimal of 32 digits has 3.4 to 3.9, words joined by hyphens mostly below 3.3 or without digits."""


@rule("secret-in-model")
def secret_in_model(subject: Subject) -> Iterator[Hit]:
    """A value is a secret, by its key's name, by the service's own option list, or by its looks.

    The file is meant to be read, reviewed and kept in version control. Passwords and keys are made per cloud and
    service, and kept in a file of their own that only its owner reads (E-45).
    """
    for path, value in _leaves(subject.document.data, ()):
        if (
            isinstance(value, str)
            and value
            and (named_secret(path) or _listed(path) or looks_secret(path, value))
        ):
            yield Hit(path, f"{dotted(path)} holds a secret", _TODO, on_key=True)


def named_secret(path: Path) -> bool:
    """Whether the key's last word says that its value is a secret."""
    words = tuple(re.split(r"[^a-z0-9]+", str(path[-1]).lower())) if path else ()
    return bool(words) and (words[-1] in _WORDS or words[-2:] in _KEY_PAIRS)


def looks_secret(path: Path, value: str) -> bool:
    """Whether a value looks random, is a private key, or is a URL with a password in it."""
    if "PRIVATE KEY-----" in value or _URL_WITH_PASSWORD.search(value):
        return True
    if not _RANDOM.fullmatch(value) or str(path[-1]).endswith(("id", "ids", "uuid")):
        return False
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and _bits_per_character(value) > RANDOM_BITS_PER_CHARACTER


def _bits_per_character(text: str) -> float:
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def _listed(path: Path) -> bool:
    """Whether the service's option list marks the setting as a secret."""
    if len(path) != 4 or path[0] != "settings":
        return False
    file, section, option = (str(part) for part in path[1:])
    known = options_of(file)
    listed = known.section(section) if known else None
    return bool(listed and listed.get(canonical(file, option), {}).get("secret"))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value
