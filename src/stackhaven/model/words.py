"""What pydantic found, in words for the person who wrote the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network
from typing import Any

from pydantic_core import ErrorDetails

from stackhaven.model.finding import Finding, Path, dotted
from stackhaven.model.rules.secrets import looks_secret, named_secret
from stackhaven.model.shape import describe, part_at, similar
from stackhaven.model.source import Document

_KINDS = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "ip_v4_address": "an IPv4 address",
    "ip_any": "an address",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
}
_BOUNDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_equal": lambda ctx: f"{ctx['ge']} or more",
    "less_than_equal": lambda ctx: f"{ctx['le']} or less",
    "greater_than": lambda ctx: f"more than {ctx['gt']}",
    "less_than": lambda ctx: f"less than {ctx['lt']}",
    "string_too_short": lambda ctx: f"a text of {ctx['min_length']} characters or more",
}


def findings_in(document: Document, details: Iterable[ErrorDetails]) -> Iterator[Finding]:
    """Pydantic's errors as findings; a list is not also called empty when only its items are wrong."""
    for detail in details:
        if detail["type"] != "too_short" or (*detail["loc"], 0) not in document.places:
            yield finding_of(document, detail)


def finding_of(document: Document, detail: ErrorDetails) -> Finding:
    """One error of pydantic's as a finding, at its place in the file."""
    path = _written(document, detail)
    rule, what, todo = _sentence(path, detail)
    on_key = detail["type"] in {"extra_forbidden", "missing"} or detail["loc"][-1:] == ("[key]",)
    line, column = document.at(path, key=on_key)
    return Finding(rule=rule, what=what, todo=todo, file=document.file, line=line, column=column, path=path)


def _written(document: Document, detail: ErrorDetails) -> Path:
    """The error's path as far as it is the file's own: pydantic appends which member of a union it tried."""
    path: Path = tuple(detail["loc"])
    if path[-1:] == ("[key]",):
        return path[:-1]
    if detail["type"] == "missing":
        return path
    while path and path not in document.places:
        path = path[:-1]
    return path


def _sentence(path: Path, detail: ErrorDetails) -> tuple[str, str, str]:
    """Rule, what is wrong, what to write."""
    kind, name = detail["type"], dotted(path)
    if kind == "missing":
        return "key-missing", f"{name} is missing", f"add `{path[-1]}:` ({describe(path)})"
    if kind == "extra_forbidden":
        return "key-unknown", f"unknown key {name}", similar(str(path[-1]), part_at(path[:-1]))
    if kind == "too_short":
        return "value-type", f"{name} is empty", f"write one at least ({describe(path)})"
    if detail["input"] is None:
        return "value-type", f"{name} has no value", _todo(path, detail)
    rule, fault = _FAULTS.get(kind, ("value-type", "does not fit"))
    return rule, f"{name}: {_shown(path, detail['input'])} {fault}", _todo(path, detail)


_FAULTS = {
    "string_pattern_mismatch": ("name-form", "is not usable as a name"),
    "enum": ("value-unknown", "is not known"),
    "literal_error": ("value-unknown", "is not known"),
    "net_small": ("net-small", "has too few addresses"),
    "ip_v4_network": ("value-type", "is not a network"),
}


def _todo(path: Path, detail: ErrorDetails) -> str:
    """What may stand there, with the key's description."""
    kind = detail["type"]
    if kind == "string_pattern_mismatch":
        return _name_todo(path)
    if kind in {"enum", "literal_error"}:
        return "write " + str(detail["ctx"]["expected"]).replace("'", "")
    if kind == "net_small":
        return "write a range of /28 or larger"
    if kind == "ip_v4_network":
        return _network_todo(detail["input"])
    if path[:1] == ("settings",) and len(path) == 4:
        return "write a text, a number, true or false"
    if kind in _BOUNDS:
        wanted = _BOUNDS[kind](detail["ctx"])
    else:
        word = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
        wanted = _KINDS.get(word, detail["msg"][:1].lower() + detail["msg"][1:])
    about = describe(path)
    return f"write {wanted} ({about})" if about else f"write {wanted}"


def _shown(path: Path, value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if path and (named_secret(path) or looks_secret(path, text)):
        return "a secret"
    return f"{text[:60]!r}" if isinstance(value, str) else text


def _name_todo(path: Path) -> str:
    if path == ("name",):
        return "write a letter, then a-z, 0-9 and -, 15 characters at most"
    if path == ("region",):
        return "write a letter, then letters, digits, `_`, `.` and `-`"
    return "write a letter, then a-z, 0-9 and -, 31 characters at most"


def _network_todo(value: Any) -> str:
    try:
        return f"write {IPv4Network(str(value), strict=False)}"
    except ValueError:
        return "write it as 172.30.1.0/24"
