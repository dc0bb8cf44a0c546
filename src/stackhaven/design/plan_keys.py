"""The reference page of design.yaml and hardware.yaml, written from the types themselves."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from stackhaven.design.hardware import Hardware
from stackhaven.design.plan_model import Design
from stackhaven.model.cloud import Part


def page() -> str:
    """``docs/reference/design-yaml.md``."""
    lines = [
        "# Keys of design.yaml and hardware.yaml",
        "",
        "Written from the types by `haven design --keys`; a test keeps it current. An unknown key is an error. "
        "Amounts carry their unit: `64 GiB` or `64 GB` (not the same), `10 Gb/s`, `2.6 GHz`, `2.5 TB`; memory is "
        "written in one family of units throughout, and so is disk.",
        "",
    ]
    waiting: list[type[Part]] = [Design, Hardware]
    seen: set[type[Part]] = set()
    while waiting:
        part = waiting.pop(0)
        if part in seen:
            continue
        seen.add(part)
        lines += [
            f"## {part.__name__}",
            "",
            (part.__doc__ or "").strip(),
            "",
            "| key | default | meaning |",
            "|---|---|---|",
        ]
        for name, field in part.model_fields.items():
            inner = _parts(field.annotation)
            waiting += inner
            link = "".join(f" See [{p.__name__}](#{p.__name__.lower()})." for p in inner)
            default = (
                "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
            )
            lines.append(f"| `{name}` | {default} | {field.description or ''}{link} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _parts(annotation: Any) -> list[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    if get_origin(annotation) in {Annotated, Union, UnionType, dict, tuple}:
        return [part for argument in get_args(annotation) for part in _parts(argument)]
    return []


def _default(value: Any) -> str:
    if value is None or value in ({}, ()) or value == "":
        return ""
    if isinstance(value, Part):
        return "as below"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
