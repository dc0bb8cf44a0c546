from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.drills.ground import Ground
from stackhaven.model.load import parse_cloud
from stackhaven.model.state import State
from stackhaven.plan.mask import Masker
from stackhaven.services.base import Site
from stackhaven.services.contents import declarations_of

LAB = """
name: demo
lab: {}
nodes:
  c: {roles: [controller], count: 3}
  k: {roles: [compute, network], count: 2}
"""
HOSTS = """
name: prod
networks:
  management: {cidr: 10.9.0.0/24}
  tunnel: {cidr: 10.9.1.0/24}
  external: {cidr: 10.9.2.0/24}
images: {shared: true}
nodes:
  c: {roles: [controller], count: 3, ssh: {address: "c{n}"}}
  k: {roles: [compute, network], count: 1, ssh: {address: "k{n}"}}
"""
WITH_BMCS = HOSTS + 'fencing: {kind: redfish, address: "bmc-{name}.example", user: admin}\n'


def ground_from(text: str, directory: Path) -> Ground:
    layout = layout_of(parse_cloud(text))
    declared = declarations_of(layout)
    return Ground(
        site=Site(layout=layout, secrets={}, declared=declared),
        state=State(directory),
        targets={},
        masker=Masker(),
        as_client=None,  # type: ignore[arg-type]
    )


@pytest.fixture
def lab(tmp_path: Path) -> Ground:
    return ground_from(LAB, tmp_path)


@pytest.fixture
def hosts_with_bmcs(tmp_path: Path) -> Ground:
    return ground_from(WITH_BMCS, tmp_path)


@pytest.fixture
def hosts(tmp_path: Path) -> Ground:
    return ground_from(HOSTS, tmp_path)
