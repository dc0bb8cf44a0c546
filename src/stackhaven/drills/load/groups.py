"""What a drill may ask for as its load: probes by name, and groups of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stackhaven.drills.load.ledger import apis
from stackhaven.drills.load.loop import Probe
from stackhaven.drills.load.probes import READS

WRITES: tuple[str, ...] = tuple(f"{api.name}-writes" for api in apis(""))
GUESTS: Mapping[str, str] = {
    "ping": "ping to a guest by its floating IP, every 0.1 s",
    "http": "page of a guest by its floating IP, every 0.5 s",
    "guest-to-guest": "ping from guest to guest, every 0.2 s, counted by the guest",
    "boot": "a server asked for, every 15 s, until it is ACTIVE; after healing only if that is promised",
}
"""They need guests, which are made before and removed after the drill; that takes a minute or two."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "reads": tuple(probe.name for probe in READS),
    "writes": WRITES,
    "guests": ("ping", "http", "guest-to-guest"),
}

_BY_GUESTS = ("nova", "neutron", "glance")


def descriptions() -> dict[str, str]:
    """Every probe with what it does."""
    found = {one.name: f"{one.does}, every {one.period_s:g} s" for one in READS}
    found |= {f"{one.name}-writes": f"{one.does}, every {one.period_s:g} s" for one in apis("")}
    return found | dict(GUESTS)


def probe_names() -> tuple[str, ...]:
    """All that a drill may name."""
    return tuple(descriptions())


def names_of(words: Sequence[str]) -> tuple[str, ...]:
    """The probes that these words name, each once, in the order of the contents."""
    wanted = {name for word in words for name in GROUPS.get(word, (word,))}
    return tuple(name for name in probe_names() if name in wanted)


def possible(names: Sequence[str], services: Collection[str]) -> tuple[str, ...]:
    """Those of the probes that find what they call in a cloud with these services."""
    needs = {probe.name: probe.needs for probe in READS}
    needs |= {f"{api.name}-writes": (api.part,) for api in apis("")} | dict.fromkeys(GUESTS, _BY_GUESTS)
    return tuple(name for name in names if set(needs[name]) <= set(services))


def chosen(names: Sequence[str], offered: Sequence[Probe]) -> tuple[Probe, ...]:
    """The probes of these names among those offered."""
    return tuple(probe for probe in offered if probe.name in set(names))
