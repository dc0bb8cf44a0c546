"""The conceptual picture: kinds of service, and who asks whom."""

from __future__ import annotations

from collections.abc import Collection

from stackhaven.design.catalogue import known
from stackhaven.design.draw.svg import FILL, MUTED, Picture, wrapped
from stackhaven.design.topology import Topology

_W, _H = 196.0, 98.0
_PLACES = {
    "user": (0, 1),
    "dashboard": (1, 0),
    "identity": (1, 2),
    "orchestration": (2, 0),
    "compute": (2, 1),
    "image": (3, 0),
    "network": (3, 1),
    "block": (3, 2),
    "object": (4, 0),
    "telemetry": (4, 2),
}
_SAYS = {
    "user": "people and programs",
    "dashboard": "web pages over the APIs",
    "identity": "who may do what",
    "orchestration": "stacks from templates",
    "compute": "runs the guests",
    "image": "what guests boot",
    "network": "joins guests to each other",
    "block": "disks that outlive guests",
    "object": "files by name",
    "telemetry": "meters and alarms",
}
_ASKS = (
    ("user", "dashboard"),
    ("user", "identity"),
    ("user", "compute"),
    ("dashboard", "compute"),
    ("identity", "compute"),
    ("orchestration", "compute"),
    ("compute", "image"),
    ("compute", "network"),
    ("compute", "block"),
    ("image", "object"),
    ("network", "telemetry"),
)
_COLOUR = {
    "compute": "compute",
    "network": "network",
    "block": "storage",
    "object": "storage",
    "image": "storage",
}


def conceptual(topology: Topology, marked: Collection[str]) -> Picture:
    """Kinds of service that the design has, with the services that make each. `marked` is not used here."""
    del marked
    design = topology.design
    picture = Picture(f"{design.name}: conceptual")
    present: dict[str, list[str]] = {"user": []}
    for name in topology.services:
        belongs = known(name).belongs
        if belongs:
            present.setdefault(belongs, []).append(name)
    picture.text(24, 34, f"{design.title or design.name}: what it offers", size=16, bold=True)
    middle: dict[str, tuple[float, float]] = {}
    rows = sorted({_PLACES[k][1] for k in present})
    columns = sorted({_PLACES[k][0] for k in present})
    for kind, names in present.items():
        column, row = columns.index(_PLACES[kind][0]), rows.index(_PLACES[kind][1])
        x, y = 24 + column * (_W + 60), 60 + row * (_H + 50)
        middle[kind] = (x, y)
        fill = FILL[_COLOUR.get(kind, "user" if kind == "user" else "controller")]
        services = wrapped(sorted(names), 10, _W - 16, 3)
        picture.labelled(x, y, _W, _H, head=kind, rows=[_SAYS[kind], "", *services], fill=fill)
    for one, two in _ASKS:
        if one in middle and two in middle:
            _arrow(picture, middle[one], middle[two])
    picture.text(24, picture.height + 34, "An arrow reads: asks.", size=11, colour=MUTED)
    return picture


def _arrow(picture: Picture, one: tuple[float, float], two: tuple[float, float]) -> None:
    (x1, y1), (x2, y2) = one, two
    if x1 == x2:
        down = y1 < y2
        start, end = (y1 + _H, y2) if down else (y1, y2 + _H)
        picture.line([(x1 + _W / 2, start), (x2 + _W / 2, end)], arrow=True)
        return
    begin, stop = (x1 + _W, y1 + _H / 2), (x2, y2 + _H / 2)
    bend = stop[0] - 30
    picture.line([begin, (bend, begin[1]), (bend, stop[1]), stop], arrow=True)
