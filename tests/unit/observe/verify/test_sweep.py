"""Tidying up, with a client that misbehaves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from openstack.connection import Connection
from openstack.exceptions import NotFoundException, SDKException

from stackhaven.observe.verify.sweep import Sweeper

pytestmark = pytest.mark.unit


@pytest.fixture
def sweeper() -> Sweeper:
    return Sweeper(cast("Connection", object()))


def raises(error: Exception) -> Any:
    def call(_thing: object, **_: object) -> None:
        raise error

    return call


def test_what_is_gone_already_is_neither_removed_nor_stuck(sweeper: Sweeper) -> None:
    sweeper.delete("port", SimpleNamespace(name="p"), raises(NotFoundException("gone")))
    assert (sweeper.removed, sweeper.stuck) == ([], [])


def test_what_cannot_be_removed_is_told_and_the_next_one_is_tried(sweeper: Sweeper) -> None:
    sweeper.delete("router", SimpleNamespace(name="r"), raises(SDKException("in\nuse")))
    sweeper.delete("network", SimpleNamespace(name="n"), lambda _thing, **_: None)
    assert sweeper.stuck == ["router r: in use"]
    assert sweeper.removed == ["network n"]


def test_a_floating_ip_is_called_by_its_address(sweeper: Sweeper) -> None:
    ip = SimpleNamespace(name=None, floating_ip_address="198.51.100.7")
    sweeper.delete("floating IP", ip, lambda _thing, **_: None)
    assert sweeper.removed == ["floating IP 198.51.100.7"]


def test_only_names_that_begin_so_are_ours(sweeper: Sweeper) -> None:
    there = [SimpleNamespace(name=name) for name in ("haven-verify-1", "web", None, "x-haven-verify-1")]
    assert [t.name for t in sweeper.named("haven-verify-", "servers", lambda: there)] == ["haven-verify-1"]


def test_a_list_that_fails_is_told(sweeper: Sweeper) -> None:
    def broken() -> list[object]:
        raise SDKException("503")

    assert sweeper.listed("servers", broken) == []
    assert sweeper.stuck == ["cannot list servers: 503"]
