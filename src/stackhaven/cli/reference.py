"""Write the reference pages from the program itself: ``python -m stackhaven.cli.reference docs/reference``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from stackhaven.cli.commands import available
from stackhaven.cli.main import cli
from stackhaven.drills.report.reference import reference as drills
from stackhaven.model.rules import RULES
from stackhaven.model.schema import json_schema

Schema = Mapping[str, Any]
WIDTH = 100
_FORMATS = {"ipv4": "IPv4 address", "ipv4network": "IPv4 network"}
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    return {
        "cloud-yaml.md": cloud_yaml(),
        "commands.md": commands(),
        "drills.md": drills(),
        "cloud.schema.json": json.dumps(json_schema(), indent=2) + "\n",
    }


def cloud_yaml() -> str:
    """Every key of ``cloud.yaml``: type, default, description; then the rules on relations between keys."""
    schema = json_schema()
    lines = [
        "# cloud.yaml",
        "",
        "Generated from the program by `make docs`. Units stand in the names: `_mb` is MiB, `_s` is seconds.",
        "An unknown key is an error. `haven check` says everything that is wrong, all at once.",
        "",
        *_part("The file", schema, schema),
    ]
    for name in _parts_in_order(schema):
        lines += _part(name, schema["$defs"][name], schema)
    lines += [
        "## Rules",
        "",
        "What `haven check` says of relations between keys. A warning stops nothing.",
        "",
    ]
    for rule in sorted(RULES.values(), key=lambda r: r.id):
        lines += [f"### {rule.id} ({rule.severity})", "", rule.explanation, ""]
    return "\n".join(lines).rstrip() + "\n"


def _parts_in_order(schema: Schema) -> Iterator[str]:
    """The names of the parts in the order in which a reader of the file meets them."""
    seen: list[str] = []

    def visit(node: Any) -> None:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            visit(value)
        reference = node.get("$ref") if isinstance(node, dict) else None
        if reference and (name := reference.split("/")[-1]) not in seen:
            if "properties" in schema["$defs"][name]:
                seen.append(name)
            visit(schema["$defs"][name])

    visit(schema["properties"])
    yield from seen


def _part(title: str, part: Schema, schema: Schema) -> list[str]:
    lines = [f"## {title}", "", part.get("description", ""), ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, value in part["properties"].items():
        default = "required" if key in part.get("required", ()) else _default(value)
        meaning = value.get("description") or _target(value, schema).get("description", "")
        lines.append(f"| `{key}` | {_kind(value, schema)} | {default} | {_cell(meaning)} |")
    return [*lines, ""]


def _target(value: Schema, schema: Schema) -> Schema:
    """What a reference points at."""
    target: Schema = schema["$defs"].get(value.get("$ref", "").split("/")[-1], {})
    return target


def _default(value: Schema) -> str:
    default = value.get("default")
    return "" if default in (None, "", {}) else f"`{json.dumps(default).strip(chr(34))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _kind(value: Schema, schema: Schema) -> str:
    """A value's type in words."""
    if "$ref" in value:
        name = value["$ref"].split("/")[-1]
        target = schema["$defs"][name]
        return f"[{name}](#{name.lower()})" if "properties" in target else _kind(target, schema)
    if "anyOf" in value:
        kinds = dict.fromkeys(_kind(v, schema) for v in value["anyOf"] if v.get("type") != "null")
        return ", ".join(kinds)
    if "const" in value or "enum" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    kind = value.get("type", "")
    if kind == "array":
        items = value.get("prefixItems") or [value["items"]]
        return "list of " + _kind(items[0], schema)
    if kind == "object":
        inner: Schema = value.get("additionalProperties") or next(iter(value["patternProperties"].values()))
        return "mapping to " + _kind(inner, schema)
    word = _FORMATS.get(value.get("format", "")) or _TYPES.get(kind, kind)
    return f"{word}{_bounds(value)}"


def _bounds(value: Schema) -> str:
    low, high, above = value.get("minimum"), value.get("maximum"), value.get("exclusiveMinimum")
    if above is not None:
        return f", above {above}" + (f" to {high}" if high is not None else "")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", {low} or more" if low is not None else ""


def commands() -> str:
    """Every command with its options, as ``--help`` prints them."""
    lines = ["# Commands", "", "Generated from the program by `make docs`.", ""]
    lines += _help(cli, click.Context(cli, info_name="haven", **cli.context_settings), level=2)
    return "\n".join(lines).rstrip() + "\n"


def _help(command: click.Command, context: click.Context, *, level: int) -> list[str]:
    context.terminal_width = WIDTH
    lines = [
        f"{'#' * level} {context.command_path}",
        "",
        "```text",
        command.get_help(context).rstrip(),
        "```",
        "",
    ]
    if level == 2:
        children = [(e.name, cli.get_command(context, e.name)) for _, group in available() for e in group]
    else:
        children = sorted(getattr(command, "commands", {}).items())
    for name, child in children:
        if child is not None and not child.hidden:
            below = click.Context(child, info_name=name, parent=context)
            lines += _help(child, below, level=level + 1)
    return lines


def main() -> None:
    """Write every page into the directory named on the command line."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
