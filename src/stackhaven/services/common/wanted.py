"""Which OpenStack services a layout runs."""

from __future__ import annotations

from stackhaven.design.layout import Layout

CORE = ("keystone", "glance", "placement", "nova", "neutron", "horizon")


def is_wanted(layout: Layout, service: str) -> bool:
    """Whether the operator asked for it, or asked for nothing in particular."""
    wanted = layout.cloud.services
    return bool(layout.controllers) and (wanted is None or service in wanted)
