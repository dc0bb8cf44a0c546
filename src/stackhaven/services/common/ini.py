"""INI files as oslo.config and the MariaDB family read them, with a reason beside each setting that needs one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stackhaven.model.cloud import Scalar


@dataclass(frozen=True)
class Because:
    """A value with the reason that is written above it as a comment."""

    value: Scalar
    reason: str


Value = Scalar | Because
Sections = Mapping[str, Mapping[str, Value]]


def merge(*layers: Sections) -> dict[str, dict[str, Value]]:
    """Later layers win, option by option; sections keep the order of their first appearance."""
    merged: dict[str, dict[str, Value]] = {}
    for layer in layers:
        for section, options in layer.items():
            merged.setdefault(section, {}).update(options)
    return merged


def render_ini(sections: Sections, *, overrides: Sections | None = None) -> str:
    """The file's text. `overrides` are the operator's and win over everything."""
    lines: list[str] = []
    for section, options in merge(sections, overrides or {}).items():
        lines.append(f"[{section}]")
        for option, value in options.items():
            if isinstance(value, Because):
                lines.append(f"# {value.reason}")
                lines.append(f"{option} = {text(value.value)}")
            else:
                lines.append(f"{option} = {text(value)}")
        lines.append("")
    return "\n".join(lines)


def text(value: Scalar) -> str:
    """A value as both readers understand it: booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
