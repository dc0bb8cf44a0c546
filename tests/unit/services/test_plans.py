"""The whole plan of several clouds: it holds together, keeps its secrets, and restarts what reads a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stackhaven.plan import Command, Directory, File, Resource, Step, Unit, Wait
from stackhaven.plan.mask import Masker
from stackhaven.plan.plan import Plan
from stackhaven.services.common.script import LIB
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import TEXTS, site_of

pytestmark = [pytest.mark.unit, pytest.mark.parametrize("cloud", sorted(TEXTS))]


def work(cloud: str) -> Iterator[tuple[Step, str, tuple[Resource, ...]]]:
    for step in plan_of(site_of(cloud)):
        for node in step.nodes:
            yield step, node, step.resources(node)


def resources(cloud: str) -> Iterator[tuple[str, Resource]]:
    for _, node, found in work(cloud):
        for resource in found:
            yield node, resource


def test_every_need_is_provided_and_nothing_waits_for_itself(cloud: str) -> None:
    plan = Plan.of(plan_of(site_of(cloud)))
    assert plan.work == sum(len(step.nodes) for step in plan.steps)
    assert set(plan.nodes) == {node.name for node in site_of(cloud).layout.nodes}


def test_the_plan_is_the_same_each_time(cloud: str) -> None:
    first = [(step.name, node, [r.wire() for r in found]) for step, node, found in work(cloud)]
    second = [(step.name, node, [r.wire() for r in found]) for step, node, found in work(cloud)]
    assert first == second


def test_no_secret_stands_in_an_argument_or_in_words(cloud: str) -> None:
    masker = Masker(site_of(cloud).secrets.values())
    for step, _, found in work(cloud):
        assert not masker.holds_secret(" ".join((step.name, step.title, *step.provides)))
        for resource in found:
            words = [resource.label]
            if isinstance(resource, Command):
                words += [*resource.check, *resource.apply, resource.unit]
            elif isinstance(resource, Wait):
                words += [*resource.argv, resource.url]
            assert not masker.holds_secret(" ".join(words)), resource.label


def test_a_file_with_a_secret_is_not_for_everybody(cloud: str) -> None:
    masker = Masker(site_of(cloud).secrets.values())
    with_secret = [r for _, r in resources(cloud) if isinstance(r, File) and masker.holds_secret(r.content)]
    assert with_secret
    assert {f.path: oct(f.mode) for f in with_secret if f.mode & 0o007} == {}


def test_a_secret_reaches_the_place_where_it_is_needed(cloud: str) -> None:
    site = site_of(cloud)
    everything = "\n".join(
        r.content if isinstance(r, File) else r.stdin + r.check_stdin
        for _, r in resources(cloud)
        if isinstance(r, File | Command)
    )
    assert {name for name, value in site.secrets.items() if value not in everything} == set()


def test_a_node_gets_each_file_once_or_the_same_each_time(cloud: str) -> None:
    seen: dict[tuple[str, str], File] = {}
    for node, resource in resources(cloud):
        if isinstance(resource, File):
            assert seen.setdefault((node, resource.path), resource) == resource, (node, resource.path)


def test_a_program_of_ours_is_on_a_node_before_something_calls_it(cloud: str) -> None:
    plan = Plan.of(plan_of(site_of(cloud)))
    there: set[tuple[str, str]] = set()
    for vertex in plan.graph.order:
        where = plan.graph.vertices[vertex]
        if where.node is None:
            continue
        for resource in plan.by_name[where.step].resources(where.node):
            if isinstance(resource, File) and resource.path.startswith(LIB):
                there.add((where.node, resource.path))
            called = called_by(resource)
            missing = {path for path in called if path.startswith(LIB) and (where.node, path) not in there}
            assert missing == set(), f"{where}: {resource.label}"


def called_by(resource: Resource) -> tuple[str, ...]:
    if isinstance(resource, Command):
        return (*resource.check, *resource.apply)
    return resource.argv if isinstance(resource, Wait) else ()


def test_what_a_unit_watches_is_written_by_the_plan(cloud: str) -> None:
    written: dict[str, set[str]] = {}
    for node, resource in resources(cloud):
        if isinstance(resource, File | Directory):
            written.setdefault(node, set()).add(resource.path)
    for node, resource in resources(cloud):
        for path in resource.watches if isinstance(resource, Unit) else ():
            below = [p for p in written[node] if p == path or p.startswith(f"{path}/")]
            assert below, f"{resource.label} on {node} watches {path}, which nothing writes"


def test_what_a_service_says_is_configured_is_read_by_one_of_its_units(cloud: str) -> None:
    """An operator's setting must restart what reads it."""
    watched: dict[str, set[str]] = {}
    files: dict[str, set[str]] = {}
    for node, resource in resources(cloud):
        if isinstance(resource, Unit):
            watched.setdefault(node, set()).update(resource.watches)
        if isinstance(resource, File):
            files.setdefault(node, set()).add(resource.path)
    for declaration in site_of(cloud).declared:
        for path in declaration.config_files.values():
            nodes = [node for node, paths in files.items() if path in paths]
            assert nodes, f"{declaration.name} says it has {path}"
            assert [n for n in nodes if path not in watched.get(n, set())] == [], path


def test_every_daemon_that_is_declared_is_run_by_the_plan(cloud: str) -> None:
    run = {(node, r.name) for node, r in resources(cloud) if isinstance(r, Unit) and r.active}
    declared = {(n, d.unit) for s in site_of(cloud).declared for d in s.daemons for n in d.nodes}
    brought_up_by_another = {"ovs-vswitchd.service", "ovsdb-server.service"}
    assert {(n, u) for n, u in declared - run if u not in brought_up_by_another} == set()


def test_no_two_services_listen_on_one_port_of_the_vip(cloud: str) -> None:
    ports = [listener.port for d in site_of(cloud).declared for listener in d.listeners]
    assert len(ports) == len(set(ports))


def test_the_catalogue_names_ports_that_are_served(cloud: str) -> None:
    served = {listener.port for d in site_of(cloud).declared for listener in d.listeners}
    assert {e.port for d in site_of(cloud).declared for e in d.endpoints} <= served
