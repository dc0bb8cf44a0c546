"""The table of contents: every system of a cloud, in reading order, and the whole plan from them."""

from __future__ import annotations

from collections.abc import Sequence

from stackhaven.design.layout import Layout
from stackhaven.plan import Step
from stackhaven.services import (
    chassis,
    compute,
    glance,
    haproxy,
    horizon,
    keepalived,
    keystone,
    liveness,
    mariadb,
    memcached,
    neutron,
    node,
    nova,
    ovn,
    pacemaker,
    placement,
    rabbitmq,
)
from stackhaven.services.base import Declaration, Service, Site

SERVICES: tuple[Service, ...] = (
    node.service,
    liveness.service,
    haproxy.service,
    keepalived.service,
    pacemaker.service,
    mariadb.service,
    rabbitmq.service,
    memcached.service,
    keystone.service,
    glance.service,
    placement.service,
    nova.service,
    neutron.service,
    ovn.service,
    chassis.service,
    compute.service,
    horizon.service,
)


def services_of(layout: Layout) -> tuple[Service, ...]:
    """The systems that a layout runs."""
    return tuple(s for s in SERVICES if s.wanted(layout))


def declarations_of(layout: Layout) -> tuple[Declaration, ...]:
    """What they say of themselves."""
    return tuple(s.declare(layout) for s in services_of(layout))


def secret_names(declared: Sequence[Declaration]) -> tuple[str, ...]:
    """The secrets that they need, by name, sorted."""
    names = {name for d in declared for name in d.secrets}
    names |= {a.password for d in declared for a in d.accounts}
    names |= {u.password for d in declared for u in d.users}
    return tuple(sorted(names))


def plan_of(site: Site) -> tuple[Step, ...]:
    """All steps of the cloud."""
    return tuple(step for s in services_of(site.layout) for step in s.steps(site))
