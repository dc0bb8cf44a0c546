"""The list of checks, and choosing from it."""

from __future__ import annotations

import pytest

from stackhaven.errors import HavenError
from stackhaven.observe.verify.check import select
from stackhaven.observe.verify.contents import checks_of, missing_for_guests, needs_guest_image
from tests.unit.observe.verify.benches import bench_of

pytestmark = pytest.mark.unit


def names(wanted: list[str], example: str = "lab") -> list[str]:
    return [check.name for check in select(checks_of(bench_of(example)), wanted)]


def test_names_are_unique_and_needs_come_before() -> None:
    seen: set[str] = set()
    for check in checks_of(bench_of("lab")):
        assert check.name not in seen
        assert {*check.needs, *check.after} <= seen, check.name
        seen.add(check.name)


def test_every_listener_that_is_declared_is_checked() -> None:
    bench = bench_of("lab")
    declared = {f"listener.{one.name}" for d in bench.site.declared for one in d.listeners}
    assert declared <= set(names([]))


def test_one_check_brings_all_that_it_needs() -> None:
    chosen = names(["floating.ping"])
    assert {"tenant.servers", "tenant.router", "identity.token"} <= set(chosen)
    assert "floating.http" not in chosen


def test_a_group_is_chosen_by_its_beginning() -> None:
    assert names(["catalogue"]) == [
        "identity.token",
        "catalogue.hosts",
        "catalogue.regions",
        "catalogue.counts",
    ]


def test_an_unknown_name_is_refused_with_the_groups() -> None:
    with pytest.raises(HavenError, match="no check 'catalog'") as caught:
        names(["catalog"])
    assert "catalogue" in caught.value.todo


def test_a_cloud_without_computes_needs_no_image() -> None:
    small = bench_of("small")
    assert "no image, placement, compute, network service" in missing_for_guests(small)
    assert not needs_guest_image(checks_of(small), small)


def test_the_image_is_needed_only_by_those_who_boot_it() -> None:
    lab = bench_of("lab")
    assert needs_guest_image(checks_of(lab), lab)
    assert not needs_guest_image(select(checks_of(lab), ["listener", "catalogue"]), lab)
