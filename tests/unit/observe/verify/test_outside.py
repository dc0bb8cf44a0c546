"""The catalogue and the tables, judged as values."""

from __future__ import annotations

import pytest

from stackhaven.observe.verify.outside import (
    CatalogueEntry,
    foreign_hosts,
    foreign_regions,
    miscounted,
    missing,
)
from stackhaven.services.base import Endpoint

pytestmark = pytest.mark.unit

VIP = "192.0.2.5"
IMAGE = (Endpoint(type="image", name="glance", port=9292),)


def entry(
    service_type: str = "image",
    interface: str = "public",
    region: str = "RegionOne",
    url: str = f"http://{VIP}:9292",
) -> CatalogueEntry:
    return CatalogueEntry(service_type=service_type, interface=interface, region=region, url=url)


def test_an_endpoint_on_a_node_is_found() -> None:
    entries = [entry(), entry(interface="internal", url="http://192.0.2.11:9292")]
    assert foreign_hosts(entries, [VIP]) == ["internal endpoint of image is http://192.0.2.11:9292"]


@pytest.mark.parametrize(
    "url", ["http://192.0.2.50:9292", "http://192.0.2.5.example:9292", "nonsense", "http://user@192.0.2.11/"]
)
def test_what_only_looks_like_the_vip_is_not_it(url: str) -> None:
    assert len(foreign_hosts([entry(url=url)], [VIP])) == 1


def test_public_and_internal_vips_are_both_ours() -> None:
    entries = [entry(), entry(interface="internal", url="http://198.51.100.5:9292")]
    assert foreign_hosts(entries, [VIP, "198.51.100.5"]) == []


def test_another_region_is_found() -> None:
    assert foreign_regions([entry(), entry(region="")], "RegionOne") == [
        "public endpoint of image is in no region"
    ]


def test_missing_and_doubled_endpoints_are_found() -> None:
    identity = [entry("identity"), entry("identity", "internal"), entry("identity", "admin")]
    assert miscounted([*identity, entry(), entry(), entry(interface="internal")], IMAGE) == [
        "2 public endpoints of image"
    ]
    assert miscounted([*identity, entry()], IMAGE) == ["no internal endpoint of image"]


def test_a_table_with_a_hole() -> None:
    wanted = {"nova-compute": {"k1", "k2"}, "nova-conductor": {"c1"}}
    up = [("nova-compute", "k1"), ("nova-conductor", "c1"), ("nova-compute", "k9")]
    assert missing(wanted, up) == ["nova-compute on k2"]
