"""What a hypervisor keeps from guests."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from stackhaven.services.base import Site
from stackhaven.services.common.nova import nova_conf
from tests.unit.services.clouds import site_of

pytestmark = pytest.mark.unit


def reserved(site: Site) -> set[int]:
    texts = [nova_conf(site, node).content for node in site.layout.computes]
    return {
        int(n) for text in texts for n in re.findall(r"^reserved_host_memory_mb = (\d+)$", text, re.MULTILINE)
    }


def test_machines_of_a_lab_share_the_hosts_memory_once() -> None:
    site = replace(site_of("lab"), lab_host_mb=24064)
    assert reserved(site) == {24064 - node.memory_mb for node in site.layout.computes}


def test_a_host_smaller_than_was_said_keeps_nothing() -> None:
    assert reserved(replace(site_of("lab"), lab_host_mb=512)) == {0}


def test_existing_hosts_keep_the_same_as_ever() -> None:
    assert reserved(replace(site_of("hosts"), lab_host_mb=24064)) == {512}


def test_what_the_operator_says_holds() -> None:
    site = replace(site_of("lab"), lab_host_mb=24064)
    compute = site.cloud.compute.model_copy(update={"reserved_memory_mb": 99})
    cloud = site.cloud.model_copy(update={"compute": compute})
    assert reserved(replace(site, layout=replace(site.layout, cloud=cloud))) == {99}
