"""Secrets never show: every occurrence of a secret's value in any text becomes stars."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

STARS = "****"
SHORTEST = 4
"""Shorter values are not masked: they would turn ordinary text into stars and protect nothing."""


class Masker:
    """Replaces secret values, also in the spellings they take in URLs, JSON and base64, by ``****``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings: set[str] = set()
        for secret in secrets:
            for text in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
                if len(text) >= SHORTEST:
                    spellings |= {text, quote(text, safe=""), quote(text), json.dumps(text)[1:-1]}
                    spellings.add(base64.b64encode(text.encode()).decode().rstrip("="))
        longest_first = sorted(spellings, key=lambda s: (-len(s), s))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(STARS, text) if self._pattern else text

    def holds_secret(self, text: str) -> bool:
        """Whether a secret occurs in it."""
        return bool(self._pattern and self._pattern.search(text))

    def data(self, value: Any) -> Any:
        """JSON-like data with every string in it masked, keys included."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value
