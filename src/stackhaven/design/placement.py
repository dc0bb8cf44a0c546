"""Where members go: apart from each other by site first, then by power, then by rack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from stackhaven.design.plan_model import Site


@dataclass(frozen=True)
class Spot:
    """A rack and what fails together with it."""

    site: str
    rack: str
    feeds: tuple[str, ...]

    @property
    def place(self) -> str:
        """site/rack."""
        return f"{self.site}/{self.rack}"


def spots(sites: Mapping[str, Site]) -> tuple[Spot, ...]:
    """Every rack of every site, in document order."""
    return tuple(
        Spot(site, rack, tuple(f"{site}/{feed}" for feed in plan.feeds))
        for site, layout in sites.items()
        for rack, plan in layout.racks.items()
    )


def spread(count: int, sites: Mapping[str, Site]) -> tuple[str, ...]:
    """Racks for `count` members, as far apart as the sites allow; the same input gives the same racks."""
    free = spots(sites)
    by_site: Counter[str] = Counter()
    by_feed: Counter[str] = Counter()
    by_rack: Counter[str] = Counter()
    chosen = []
    for _ in range(count):
        best = min(
            free,
            key=lambda s: (
                by_site[s.site],
                sum(by_feed[f] for f in s.feeds),
                by_rack[s.place],
                free.index(s),
            ),
        )
        by_site[best.site] += 1
        by_rack[best.place] += 1
        by_feed.update(best.feeds)
        chosen.append(best.place)
    return tuple(chosen)


def together(members: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Domains that hold more than one member, with those members; `members` maps a member to its domain."""
    held: dict[str, list[str]] = {}
    for member, domain in members.items():
        held.setdefault(domain, []).append(member)
    return {domain: tuple(names) for domain, names in held.items() if len(names) > 1}
