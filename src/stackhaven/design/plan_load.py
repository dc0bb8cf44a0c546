"""From the text of a design document to its value, with every finding in its place."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stackhaven.design.hardware import Hardware
from stackhaven.design.plan_model import Design
from stackhaven.design.units import Quantity, mixed_families
from stackhaven.errors import InputError
from stackhaven.model.finding import Finding, ModelError, Path, dotted, in_file_order
from stackhaven.model.source import Document, parse

_Model = TypeVar("_Model", bound=BaseModel)


def parse_design(text: str, filename: str = "design.yaml") -> Design:
    """The design a text describes.

    Raises:
        ModelError: with every finding; amounts of memory in GB beside others in GiB are one of them.

    """
    design = _validated(Design, text, filename)
    refuse_mixed_units(design, filename=filename)
    return design


def parse_hardware(text: str, filename: str = "hardware.yaml") -> Hardware:
    """The catalogue a text describes.

    Raises:
        ModelError: with every finding.

    """
    return _validated(Hardware, text, filename)


def with_hardware(design: Design, hardware: Hardware | None) -> Design:
    """The design with a catalogue from a file of its own.

    Raises:
        InputError: rule ``unit-mixed`` when the two write memory or disk in different families of units.

    """
    if hardware is None:
        return design
    joined = design.model_copy(update={"hardware": hardware})
    refuse_mixed_units(joined, filename="")
    return joined


def refuse_mixed_units(design: Design, *, filename: str) -> None:
    """Memory is written in one family of units throughout, and so is disk.

    Raises:
        InputError: rule ``unit-mixed`` with what to write instead.

    """
    for what, amounts in (("memory", _memory(design)), ("disk", _disk(design))):
        said = mixed_families(amounts)
        if said:
            raise InputError(
                f"{filename + ': ' if filename else ''}{what} is in GB and in GiB: {said}",
                why="8 GiB are 8.59 GB; over a few hundred guests the difference is a server",
                todo="write all of one kind in one family of units",
                rule="unit-mixed",
            )


def _memory(design: Design) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for name, flavor in design.workload.flavors.items() if design.workload else ():
        found[f"workload.flavors.{name}.ram"] = flavor.ram
    for name, server in design.hardware.servers.items() if design.hardware else ():
        found[f"hardware.servers.{name}.stick"] = server.stick
        found[f"hardware.servers.{name}.reserved_ram"] = server.reserved_ram
    return found


def _disk(design: Design) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    if design.workload:
        for name, flavor in design.workload.flavors.items():
            found |= {
                f"workload.flavors.{name}.{key}": value
                for key, value in (("disk", flavor.disk), ("volume", flavor.volume))
                if value
            }
        if design.workload.objects:
            found["workload.objects.usable"] = design.workload.objects.usable
    for name, drive in design.hardware.drives.items() if design.hardware else ():
        found[f"hardware.drives.{name}.size"] = drive.size
    return found


def _validated(model: type[_Model], text: str, filename: str) -> _Model:
    document = parse(text, filename)
    try:
        value = model.model_validate(document.data)
    except ValidationError as error:
        found = [_finding(document, detail) for detail in error.errors(include_url=False)]
        raise ModelError(in_file_order(document.findings + found)) from None
    if document.findings:
        raise ModelError(in_file_order(document.findings))
    return value


def _finding(document: Document, detail: ErrorDetails) -> Finding:
    path: Path = tuple(detail["loc"])
    while path and path not in document.places and detail["type"] != "missing":
        path = path[:-1]
    rule, what, todo = _sentence(dotted(path), detail)
    line, column = document.at(path, key=detail["type"] in {"missing", "extra_forbidden"})
    return Finding(rule=rule, what=what, todo=todo, file=document.file, line=line, column=column, path=path)


def _sentence(name: str, detail: ErrorDetails) -> tuple[str, str, str]:
    kind, given = detail["type"], _shown(detail["input"])
    if kind == "missing":
        return "key-missing", f"{name} is missing", "see docs/tutorial/design.md for a whole document"
    if kind == "extra_forbidden":
        return "key-unknown", f"unknown key {name}", "remove it, or check its spelling"
    if kind == "value_error":
        said = str(detail["ctx"]["error"])
        return "unit", f"{name}: {said}", "write the number, a space and the unit"
    if kind in {"enum", "literal_error"}:
        allowed = str(detail["ctx"]["expected"]).replace("'", "")
        return "value-unknown", f"{name}: {given} is not known", f"write one of: {allowed}"
    what = detail["msg"][:1].lower() + detail["msg"][1:]
    return "value-type", f"{name}: {what}, found {given}", ""


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(str(value)[:60])
