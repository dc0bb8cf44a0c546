"""The physical picture: sites, racks, power, switches, machines. Many alike machines in a rack are one box."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from stackhaven.design.draw.svg import FILL, MUTED, Picture, wrapped
from stackhaven.design.topology import Machine, Topology

RACK_W = 226.0
PAD = 12.0
FOLDED_FROM = 7
"""So many machines of one entry in a rack become one box with a count."""

RACKS_PER_ROW = 5
_BAD = "#c0392b"


@dataclass(frozen=True)
class Block:
    """One box of a rack: a machine, or several alike."""

    head: str
    rows: tuple[str, ...]
    kind: str
    names: tuple[str, ...]

    @property
    def height(self) -> float:
        """Pixels, by its rows."""
        return 24 + 13 * len(self.rows) + 4


def physical(topology: Topology, marked: Collection[str]) -> Picture:
    """Sites below each other, their racks side by side; what is marked is red."""
    design = topology.design
    picture = Picture(f"{design.name}: physical")
    picture.text(24, 34, f"{design.title or design.name}: sites, racks, machines", size=16, bold=True)
    y = 54.0
    for site in topology.sites:
        y = _site(picture, topology, site, y, marked) + 24
    text = f"{len(topology.machines)} machines. Boxes with a count hold that many alike machines."
    if marked:
        text += " Red: its loss stops something for users."
    picture.text(24, y + 8, text, size=11, colour=MUTED)
    return picture


def _site(picture: Picture, topology: Topology, site: str, top: float, marked: Collection[str]) -> float:
    layout = topology.sites[site]
    racks = list(layout.racks)
    blocks = {rack: _blocks(topology.in_rack(site, rack)) for rack in racks}
    across = min(len(racks), RACKS_PER_ROW)
    width = max(across * (RACK_W + PAD) + PAD, 330.0)
    y = top + 34
    rows = [racks[i : i + RACKS_PER_ROW] for i in range(0, len(racks), RACKS_PER_ROW)]
    heights = [max(_rack_height(blocks[r]) for r in row) for row in rows]
    core_height = 44 if layout.core else 0
    height = 34 + core_height + sum(h + PAD for h in heights) + 6
    bad = site in marked
    picture.box(
        24, top, width, height, fill="#fdf1ef" if bad else FILL["site"], edge=_BAD if bad else "#8fa1b3"
    )
    lines = f"{layout.uplinks} line{'s' if layout.uplinks > 1 else ''} outside"
    picture.text(
        24 + PAD,
        top + 22,
        f"site {site}: {len(racks)} rack{'s' if len(racks) > 1 else ''}, {lines}",
        bold=True,
    )
    if layout.core:
        _cores(picture, topology, site, y, marked)
        y += core_height
    for row, row_height in zip(rows, heights, strict=True):
        for index, rack in enumerate(row):
            x = 24 + PAD + index * (RACK_W + PAD)
            _rack(picture, topology, (site, rack), (x, y, row_height), blocks=blocks[rack], marked=marked)
        y += row_height + PAD
    return top + height


def _cores(picture: Picture, topology: Topology, site: str, y: float, marked: Collection[str]) -> None:
    for index, core in enumerate(topology.sites[site].core):
        x = 24 + PAD + index * 150
        bad = f"{site}/{core}" in marked
        picture.box(x, y, 140, 28, fill=FILL["bad" if bad else "switch"], edge=_BAD if bad else "#8fa1b3")
        picture.text(x + 70, y + 18, core, size=11, middle=True)


def _rack(
    picture: Picture,
    topology: Topology,
    which: tuple[str, str],
    box: tuple[float, float, float],
    *,
    blocks: list[Block],
    marked: Collection[str],
) -> None:
    (site, name), (x, y, height) = which, box
    rack = topology.sites[site].racks[name]
    bad = f"{site}/{name}" in marked
    picture.box(
        x, y, RACK_W, height, fill="#fdf1ef" if bad else FILL["rack"], edge=_BAD if bad else "#8fa1b3"
    )
    total = sum(len(block.names) for block in blocks)
    picture.text(x + 10, y + 18, f"{name} ({total})", bold=True)
    _chips(picture, [(f"{site}/{f}", f) for f in rack.feeds], x + 10, y + 26, fill="power", marked=marked)
    _chips(
        picture,
        [(f"{site}/{name}/{s}", s) for s in rack.switches],
        x + 10,
        y + 48,
        fill="switch",
        marked=marked,
    )
    top = y + 74
    for block in blocks:
        red = any(member in marked for member in block.names)
        fill = FILL["bad" if red else block.kind]
        edge = _BAD if red else "#8fa1b3"
        picture.labelled(
            x + 8,
            top,
            RACK_W - 16,
            block.height,
            head=block.head,
            rows=list(block.rows),
            fill=fill,
            edge=edge,
        )
        top += block.height + 6


def _chips(
    picture: Picture, items: list[tuple[str, str]], x: float, y: float, *, fill: str, marked: Collection[str]
) -> None:
    if not items:
        return
    width = (RACK_W - 20 - 6 * (len(items) - 1)) / len(items)
    for index, (full, short) in enumerate(items):
        bad = full in marked
        left = x + index * (width + 6)
        picture.box(
            left, y, width, 18, fill=FILL["bad" if bad else fill], edge=_BAD if bad else "#8fa1b3", round_=3
        )
        picture.text(left + width / 2, y + 13, short, size=10, middle=True)


def _blocks(machines: tuple[Machine, ...]) -> list[Block]:
    groups: dict[str, list[Machine]] = {}
    for machine in machines:
        groups.setdefault(machine.group, []).append(machine)
    found: list[Block] = []
    for members in groups.values():
        first = members[0]
        services = wrapped(list(first.services), 10, RACK_W - 32, 3)
        if len(members) >= FOLDED_FROM:
            head = f"{len(members)} x {first.kind}"
            span = f"{first.name} to {members[-1].number}"
            found.append(Block(head, (span, *services), first.kind, tuple(m.name for m in members)))
            continue
        for machine in members:
            address = next(iter(machine.addresses.values()), "")
            rows = (f"{machine.kind}{', ' + address if address else ''}", *services)
            found.append(Block(machine.name, rows, machine.kind, (machine.name,)))
    return found


def _rack_height(blocks: list[Block]) -> float:
    return 80 + sum(block.height + 6 for block in blocks)
