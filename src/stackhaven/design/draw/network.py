"""The network picture: each network a bus, each kind of machine a column that drops onto its networks."""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile

from stackhaven.design.draw.svg import FILL, MUTED, Picture, fitted, wrapped
from stackhaven.design.plan_model import PlanNetwork
from stackhaven.design.topology import Machine, Topology

_W, _GAP = 172.0, 18.0
_LEFT = 24 + 196.0
_BUS = 76.0
_COLOURS = {
    "management": "#2f6db3",
    "tunnel": "#3c8d40",
    "external": "#c46a1b",
    "storage": "#7d4fa3",
    "admin": "#6b7785",
    "tenant": "#2a8f8f",
    "oob": "#444444",
}


def network(topology: Topology, marked: Collection[str]) -> Picture:
    """Networks below each other with range, VLAN, gateway and VIPs; entries of alike machines as columns."""
    design = topology.design
    picture = Picture(f"{design.name}: network")
    picture.text(24, 34, f"{design.title or design.name}: networks and addresses", size=16, bold=True)
    columns = _columns(topology)
    names = list(design.networks)
    vips = len(topology.vips)
    head_height = 92.0
    right = _LEFT + max(len(columns), 1) * (_W + _GAP)
    first_bus = 60 + head_height + 50
    bus = {name: first_bus + index * _BUS for index, name in enumerate(names)}
    for name, y in bus.items():
        _bus(picture, topology, name, y, right)
    for index, (group, members) in enumerate(columns):
        _column(picture, topology, _LEFT + index * (_W + _GAP), (group, members), bus=bus, marked=marked)
    y = first_bus + len(names) * _BUS + 6
    for tenant, plan in design.tenants.items():
        for key, inner in plan.networks.items():
            text = f"tenant {tenant}: {key} {inner.cidr}{f', VLAN {inner.vlan}' if inner.vlan else ''}"
            picture.text(24, y, text, size=11, colour=MUTED)
            y += 16
    if not names:
        picture.text(
            24, y, "No host network is described: a lab derives three from its name.", size=11, colour=MUTED
        )
    if vips:
        picture.text(
            24,
            y + 8,
            "Addresses of machines stand at their drops where the design gives them.",
            size=11,
            colour=MUTED,
        )
    return picture


def _columns(topology: Topology) -> list[tuple[str, list[Machine]]]:
    """Entries with the same kind, services and networks are one column: racks are not the matter here."""
    found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Machine]] = {}
    for machine in topology.machines:
        found.setdefault((machine.kind, machine.services, machine.networks), []).append(machine)
    return [(_shared_name([m.group for m in members]), members) for members in found.values()]


def _shared_name(groups: list[str]) -> str:
    """The words that all entries begin with: compute-r1- and compute-r2- are compute."""
    columns = zip(*(group.split("-") for group in groups), strict=False)
    shared = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]
    return "-".join(shared).rstrip("-") or groups[0]


def _bus(picture: Picture, topology: Topology, name: str, y: float, right: float) -> None:
    plan = topology.design.networks[name]
    colour = _COLOURS[plan.purpose]
    picture.line([(24, y), (right, y)], colour=colour, width=5)
    picture.text(24, y - 22, fitted(f"{name} ({plan.purpose})", 12, 190), bold=True, colour=colour)
    picture.text(24, y - 8, fitted(str(plan.cidr) + _vlan(plan), 11, 190), size=11)
    notes = [f"gateway {plan.gateway}"] if plan.gateway else []
    notes += [f"VIP {v.name} {v.address}" for v in topology.vips.values() if v.network == name]
    for index, note in enumerate(wrapped(notes, 10, 190, 2)):
        picture.text(24, y + 17 + 12 * index, note, size=10, colour=MUTED)


def _vlan(plan: PlanNetwork) -> str:
    if plan.vlan is None:
        return ""
    return f", VLAN {plan.vlan}{' tagged' if plan.tagged else ''}"


def _column(
    picture: Picture,
    topology: Topology,
    x: float,
    column: tuple[str, list[Machine]],
    *,
    bus: dict[str, float],
    marked: Collection[str],
) -> None:
    group, members = column
    first = members[0]
    head = f"{group} x {len(members)}" if len(members) > 1 else first.name
    rows = [first.kind, *wrapped(list(first.services), 10, _W - 16, 3)]
    bad = any(m.name in marked for m in members)
    picture.labelled(x, 60, _W, 92, head=head, rows=rows, fill=FILL["bad" if bad else first.kind])
    attached = [n for n in topology.design.networks if n in first.networks]
    for index, name in enumerate(attached):
        across = x + 16 + index * 20
        colour = _COLOURS[topology.design.networks[name].purpose]
        picture.line([(across, 152), (across, bus[name])], colour=colour, width=2)
        given = [m.addresses[name] for m in members if name in m.addresses]
        if given:
            text = given[0] if len(given) == 1 else f"{given[0]}-{given[-1].rsplit('.', 1)[1]}"
            left = x + 16 + len(attached) * 20 - 12
            picture.text(left, bus[name] - 8, fitted(text, 10, _W + _GAP - (left - x)), size=10)
