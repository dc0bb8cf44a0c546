"""The conversation that begins a design: a dozen questions, each with an answer that is good enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from stackhaven.design.units import Kind, quantity

Answer = Callable[[str, Any], Any]


def answers(name: str, *, ask: bool) -> dict[str, Any]:
    """The design document of a new cloud; without asking, the default answers."""

    def number(question: str, default: int) -> int:
        if not ask:
            return default
        return int(click.prompt(question, default=default, type=click.IntRange(min=0)))

    def size(question: str, default: str) -> str:
        return default if not ask else str(click.prompt(question, default=default, value_proc=_size))

    def percent(question: str, default: float) -> float:
        return (
            default
            if not ask
            else float(click.prompt(question, default=default, type=click.FloatRange(50, 99.99999)))
        )

    def yes(question: str, default: bool) -> bool:
        return default if not ask else click.confirm(question, default=default)

    flavor: dict[str, Any] = {
        "count": number("How many guests", 200),
        "vcpus": number("vCPU of one guest", 2) or 1,
        "ram": size("Memory of one guest", "8 GiB"),
        "disk": size("Local disk of one guest", "40 GB"),
    }
    volume = size("Volumes of one guest (0 GB: none)", "100 GB")
    classes = ["identity", "compute", "network", "image", "dashboard"]
    if not volume.startswith("0 "):
        flavor["volume"] = volume
        classes.append("block")
    workload: dict[str, Any] = {"flavors": {"standard": flavor}}
    objects = size("Objects to store (0 TB: none)", "0 TB")
    if not objects.startswith("0 "):
        workload["objects"] = {"usable": objects}
        classes.append("object")
    growth = number("Growth in percent a year", 20)
    workload["growth_per_year"] = growth / 100
    workload["years"] = number("For how many years", 2)
    workload["spare_hosts"] = number("Hypervisors that may fail at the same time", 1)
    promised = percent("Percent of the year the API must answer", 99.9)
    needs: dict[str, Any] = {"classes": classes, "availability": promised, "controllers": 3}
    data: dict[str, Any] = {"kind": "design", "name": name, "needs": needs, "workload": workload}
    if yes("Three sites instead of one", False):
        data["sites"] = {
            site: {"racks": {"r1": {}, "r2": {}}, "core": ["core1", "core2"]}
            for site in ("east", "north", "west")
        }
    return data


def _size(text: str) -> str:
    try:
        return str(quantity(text, Kind.SIZE))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
