"""What may stand where in ``cloud.yaml``, asked of the types themselves: keys, descriptions, near misses."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from stackhaven.model.cloud import Cloud, Part
from stackhaven.model.finding import Path


def part_at(path: Path) -> tuple[str, ...]:
    """The keys that may stand at a path; none where any key may, or where nothing is nested."""
    kind = _type_at(path)
    return tuple(kind.model_fields) if isinstance(kind, type) and issubclass(kind, Part) else ()


def describe(path: Path) -> str:
    """The description of the key at a path, or nothing."""
    for length in range(len(path), 0, -1):
        parent = _type_at(path[: length - 1])
        if isinstance(parent, type) and issubclass(parent, Part):
            known = parent.model_fields.get(str(path[length - 1]))
            return (known.description or "") if known else ""
    return ""


def similar(word: str, known: Collection[str]) -> str:
    """A hint for a word that is not among the known ones."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if 0 < len(known) <= 20:
        return "known here: " + ", ".join(known)
    return ""


def _type_at(path: Path) -> Any:
    kind: Any = Cloud
    for part in path:
        kind = _inner(kind, part)
        if kind is None:
            return None
    return kind


def _inner(kind: Any, part: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, Part):
        known = kind.model_fields.get(str(part))
        return _plain(known.annotation) if known else None
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return _plain(arguments[1])
    if get_origin(kind) is tuple:
        return _plain(arguments[0])
    return None


def _plain(kind: Any) -> Any:
    """The type without ``Annotated`` and ``None``."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        rest = [k for k in get_args(kind) if k is not type(None)]
        return _plain(rest[0]) if len(rest) == 1 else None
    return kind
