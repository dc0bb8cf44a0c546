"""Layouts with anything replaced by anything: planned, or refused in words; never an unexpected error."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stackhaven.cli.desk_files import as_yaml
from stackhaven.design.availability.model import Model
from stackhaven.design.availability.values import Rates
from stackhaven.design.checks import check
from stackhaven.design.draw import VIEWS, draw
from stackhaven.design.plan_load import parse_design
from stackhaven.design.propose import propose
from stackhaven.design.spof import find_spofs
from stackhaven.design.to_cloud import cloud_of
from stackhaven.design.topology import topology_of
from stackhaven.errors import InputError
from tests.unit.design.test_layouts import FILES

pytestmark = pytest.mark.unit

SMALL = [path for path in FILES if path.stem != "a-22"]
LAYOUTS = [YAML(typ="safe").load(path.read_text(encoding="utf-8")) for path in SMALL]


def paths(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [p for key, value in items for p in ((*here, key), *paths(value, (*here, key)))]


WHERE = [(n, path) for n, layout in enumerate(LAYOUTS) for path in paths(layout)]
VALUES = st.sampled_from(
    [
        None,
        0,
        1,
        2,
        40,
        -1,
        "",
        "x",
        "main/r1",
        "main/r9",
        "controller",
        "10.0.0.5",
        "10.0.0.0/30",
        "0.0.0.0/0",
        "1 GB",
        "64 GiB",
        "10 Gb/s",
        "0 GB",
        [],
        ["mariadb"],
        ["main/r1"],
        {},
        {"r1": {}},
        "pacemaker",
        "lab",
        "failover",
    ]
)


def changed(data: Any, path: tuple[Any, ...], value: Any, *, drop: bool) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    if drop and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], value, drop=drop)
    return copy


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(WHERE), VALUES, st.booleans())
def test_a_changed_layout_is_planned_or_refused_in_words(
    where: tuple[int, tuple[Any, ...]], value: Any, drop: bool
) -> None:
    number, path = where
    text = as_yaml(changed(LAYOUTS[number], path, value, drop=drop))
    with suppress(InputError):
        topology = topology_of(propose(parse_design(text))[0])
        check(topology)
        find_spofs(topology)
        Model(topology, Rates()).all_results()
        for view in VIEWS:
            draw(topology, view)
        cloud_of(topology)
