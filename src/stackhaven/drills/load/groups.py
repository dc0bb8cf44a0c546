"""Names under which a drill asks for several probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackhaven.drills.load.loop import Probe
from stackhaven.drills.load.probes import READS

GROUPS: Mapping[str, tuple[str, ...]] = {
    "reads": tuple(probe.name for probe in READS),
}


def all_probes() -> tuple[Probe, ...]:
    """In reading order."""
    return READS


def probe_names() -> tuple[str, ...]:
    """All that a drill may name."""
    return tuple(probe.name for probe in all_probes())


def chosen(words: Sequence[str]) -> tuple[Probe, ...]:
    """The probes that these words name, each once, in the order of the contents."""
    names = {name for word in words for name in GROUPS.get(word, (word,))}
    return tuple(probe for probe in all_probes() if probe.name in names)
