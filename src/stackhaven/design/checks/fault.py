"""One thing that is wrong with a design, before it knows its file."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from stackhaven.model.finding import Path, Severity


@dataclass(frozen=True)
class Fault:
    """`path` is where in the document."""

    what: str
    todo: str
    path: Path = ()
    severity: Severity = Severity.ERROR


def warn(what: str, todo: str, path: Path = ()) -> Fault:
    """A fault that is shown and stops nothing."""
    return Fault(what, todo, path, Severity.WARNING)


def first_host(network: IPv4Network) -> IPv4Address:
    """The first address after the network's own; of a single address that one."""
    return network[min(1, network.num_addresses - 1)]
