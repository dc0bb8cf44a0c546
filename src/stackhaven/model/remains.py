"""What remains of a broken description, so that its relations are checked in the same run as its words."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from stackhaven.model.cloud import Cloud
from stackhaven.model.defaults import lab_networks
from stackhaven.model.finding import Path

_ROUNDS = 6
_STAND_INS: dict[str, Any] = {
    "name": "unnamed",
    "nodes": {"unnamed": {"roles": ["controller"]}},
    "networks": lab_networks("unnamed"),
}


def without_errors(data: dict[str, Any]) -> tuple[Cloud | None, set[str]]:
    """The cloud without what is wrong in it, and the top-level keys that lost something.

    An unknown key is dropped without loss. Everything else that does not fit is taken out, with what cannot be
    without it, and its top-level key is reported: a relation that reads it would be judged on half the truth.
    """
    data = copy.deepcopy(data)
    broken: set[str] = set()
    for _ in range(_ROUNDS):
        try:
            return Cloud.model_validate(data), broken
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path: Path = tuple(part for part in detail["loc"] if part != "[key]")
                if detail["type"] != "extra_forbidden":
                    broken.add(str(path[0]))
                _take_out(data, path)
        for key, stand_in in _STAND_INS.items():
            if key in broken and not data.get(key):
                data[key] = copy.deepcopy(stand_in)
    return None, broken


def _take_out(data: dict[str, Any], path: Path) -> None:
    """Remove the value at a path; where it is missing or within a list, the nearest key above that holds it."""
    holder: Any = data
    above: tuple[dict[str, Any], str] | None = None
    for part in path:
        if not isinstance(holder, dict) or part not in holder:
            break
        above = holder, str(part)
        holder = holder[part]
    if above is not None:
        above[0].pop(above[1])
