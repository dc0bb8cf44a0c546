"""Files of the design desk: which one is meant, what kind it is, and writing without overwriting."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from stackhaven.design.addresses import layout_of
from stackhaven.design.from_cloud import design_of
from stackhaven.design.plan_load import parse_design, parse_hardware, with_hardware
from stackhaven.design.plan_model import Design
from stackhaven.design.propose import propose
from stackhaven.design.sizing import Sizing
from stackhaven.design.topology import Topology, topology_of
from stackhaven.errors import InputError
from stackhaven.model.finding import ModelError
from stackhaven.model.load import parse_cloud
from stackhaven.model.source import Document, parse, read_text

DESIGN_FILE = Path("design.yaml")
HARDWARE_FILE = "hardware.yaml"


@dataclass(frozen=True)
class Opened:
    """A file of the desk. `sizing` is there when the machines were planned from a workload."""

    path: Path
    design: Design
    topology: Topology
    sizing: Sizing | None
    from_cloud: bool


def chosen(given: Path | None, cloud: Path, *, design_first: bool = False) -> Path:
    """The file that is meant: the one named, else ./cloud.yaml or ./design.yaml, whichever is there."""
    if given is not None:
        return given
    order = (DESIGN_FILE, cloud) if design_first else (cloud, DESIGN_FILE)
    return next((path for path in order if path.exists()), order[0])


def kind_of(text: str, name: str) -> str:
    """``design``, ``hardware``, ``cloud`` or nothing, by the document's own words."""
    try:
        data = parse(text, name).data
    except ModelError:
        return ""
    if data.get("kind") in {"design", "hardware"}:
        return str(data["kind"])
    return "cloud" if {"name", "nodes"} <= set(data) else ""


def load_design(path: Path, hardware: Path | None = None) -> Design:
    """A design, with the catalogue named, or the one beside it.

    Raises:
        ModelError, InputError: when one of the files cannot be used.

    """
    design = parse_design(read_text(path), str(path))
    beside = path.parent / HARDWARE_FILE
    if hardware is None and design.hardware is None and beside.exists():
        hardware = beside
    return with_hardware(design, parse_hardware(read_text(hardware), str(hardware)) if hardware else None)


def open_file(path: Path, hardware: Path | None = None) -> Opened:
    """A design or a cloud.yaml, with every machine in its place.

    Raises:
        ModelError, InputError: with everything that is wrong.

    """
    text = read_text(path)
    if kind_of(text, str(path)) == "design":
        design, sizing = propose(load_design(path, hardware))
        return Opened(path, design, topology_of(design), sizing, from_cloud=False)
    design = design_of(layout_of(parse_cloud(text, str(path))))
    return Opened(path, design, topology_of(design), None, from_cloud=True)


def as_yaml(data: Any) -> str:
    """Data as YAML in block style, keys in their order."""
    stream = io.StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 110
    writer.representer.ignore_aliases = lambda *_: True
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(data, stream)
    return stream.getvalue()


def write_new(path: Path, text: str, *, force: bool) -> str:
    """Write a file that is not there yet; one with the same content is left alone. Returns what was done.

    Raises:
        InputError: rule ``file-exists`` when another content would be lost, ``file-unwritable`` when it cannot be.

    """
    try:
        if path.exists():
            if path.read_text(encoding="utf-8") == text:
                return "unchanged"
            if not force:
                raise InputError(
                    f"{path} exists and is another one",
                    why="what a person wrote is not overwritten",
                    todo="name another file with --out, or add --force",
                    rule="file-exists",
                )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be written: {error}", rule="file-unwritable") from None
    return "written"


def starter_hardware() -> str:
    """The catalogue that a new design begins with."""
    return resources.files("stackhaven.cli.starter").joinpath(HARDWARE_FILE).read_text(encoding="utf-8")


def document(path: Path) -> Document:
    """The file's content with the place of every key."""
    return parse(read_text(path), str(path))


def table(rows: Sequence[tuple[str, ...]], *, indent: str = "  ") -> None:
    """Print rows in columns; the last column is not padded."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo((indent + "  ".join([*cells, row[-1]])).rstrip())


def heading(text: str) -> None:
    """Print the title of a part."""
    click.echo()
    click.echo(click.style(text, bold=True))
