"""Where OVN's databases are, for all of their clients."""

from __future__ import annotations

from stackhaven.design.layout import Layout
from stackhaven.services.common import ports

EXTERNAL_BRIDGE = "br-ex"
"""The bridge of Open vSwitch that a chassis has to the outside."""


def northbound(layout: Layout) -> str:
    """Every member of the northbound database."""
    return ",".join(f"tcp:{n.management}:{ports.OVN_NORTHBOUND}" for n in layout.controllers)


def southbound(layout: Layout) -> str:
    """Every member of the southbound database."""
    return ",".join(f"tcp:{n.management}:{ports.OVN_SOUTHBOUND}" for n in layout.controllers)
