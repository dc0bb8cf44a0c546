"""From a file to a checked cloud: all that is wrong at once, each with its line and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stackhaven.model.cloud import Cloud
from stackhaven.model.finding import Finding, ModelError, Path, Severity, dotted, in_file_order
from stackhaven.model.shape import describe, part_at, similar
from stackhaven.model.source import Document, parse, read_text


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found. `cloud` is there when there are no errors; findings are in file order."""

    cloud: Cloud | None
    findings: tuple[Finding, ...]

    def require(self) -> Cloud:
        """The cloud.

        Raises:
            ModelError: when there is any error.

        """
        if self.cloud is None or any(f.severity is Severity.ERROR for f in self.findings):
            raise ModelError(self.findings)
        return self.cloud


def load_cloud(path: FilePath) -> Cloud:
    """The cloud described in a file.

    Raises:
        ModelError: with every finding; nothing was touched.

    """
    return check_file(path).require()


def parse_cloud(text: str, filename: str = "cloud.yaml") -> Cloud:
    """The cloud described in a text; `filename` is only named in errors.

    Raises:
        ModelError: with every finding.

    """
    return check_text(text, filename).require()


def check_file(path: FilePath) -> Checked:
    """All findings of a file; a file that cannot be read is a finding too."""
    try:
        text = read_text(path)
    except ModelError as error:
        return Checked(cloud=None, findings=error.findings)
    return check_text(text, str(path))


def check_text(text: str, filename: str = "cloud.yaml") -> Checked:
    """All findings of a text."""
    try:
        document = parse(text, filename)
    except ModelError as error:
        return Checked(cloud=None, findings=error.findings)
    if document.data.get("lab", ...) is None:
        document.data["lab"] = {}
    try:
        cloud = Cloud.model_validate(document.data)
    except ValidationError as error:
        cloud = None
        findings = [_finding(document, detail) for detail in error.errors(include_url=False)]
    else:
        findings = []
    return Checked(cloud=cloud, findings=in_file_order(document.findings + findings))


def _finding(document: Document, detail: ErrorDetails) -> Finding:
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
        keys = part_at(path[:-1])
        return "key-unknown", f"unknown key {name}", similar(str(path[-1]), keys)
    if kind == "string_pattern_mismatch":
        limit = "begin with a letter; use a-z, 0-9 and -, and stay short"
        if path == ("name",):
            limit = "a letter, then a-z, 0-9 and -, 15 characters at most"
        return "name-form", f"{name}: {_shown(detail)} is not usable as a name", limit
    if kind in {"enum", "literal_error"}:
        allowed = str(detail["ctx"]["expected"]).replace("'", "")
        return "value-unknown", f"{name}: {_shown(detail)} is not known", f"write one of: {allowed}"
    if kind == "ip_v4_network":
        return (
            "value-type",
            f"{name}: {_shown(detail)} is not a network",
            _network_todo(detail["input"]),
        )
    what = detail["msg"][:1].lower() + detail["msg"][1:]
    if kind in {"string_type", "int_type", "float_type", "bool_type"} and path[:1] == ("settings",):
        what = "a setting is a text, a number, true or false"
    return "value-type", f"{name}: {what}, found {_shown(detail)}", describe(path)


def _shown(detail: ErrorDetails) -> str:
    value: Any = detail["input"]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    return repr(str(value)[:60]) if isinstance(value, str) else str(value).lower()


def _network_todo(value: Any) -> str:
    try:
        return f"write {IPv4Network(str(value), strict=False)}"
    except ValueError:
        return "write it as 172.30.1.0/24"
