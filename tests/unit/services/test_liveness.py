"""The program that notices which controller is silent, and where a virtual address has gone."""

from __future__ import annotations

import itertools
import json
import socket
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.services import liveness as service
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

liveness = program("liveness", "liveness")
A, B = "10.0.0.12", "10.0.0.13"


def peers() -> Any:
    return liveness.Peers({"controller2": A, "controller3": B}, 1.5, 5.0)


def run(world: Any, until: float, *, silent: str = "", begin: float = 0.0) -> list[tuple[float, str, bool]]:
    """Ask four times a second; everyone but `silent` answers. What was to be done, with when."""
    done = []
    for quarter in range(int(begin * 4), int(until * 4)):
        now = quarter / 4
        for address in (A, B):
            if address != silent:
                world.heard(address, now)
        done += [(now, peer.address, everything) for peer, everything in world.look(now)]
    return done


def test_nobody_is_silent_who_was_never_heard() -> None:
    assert run(peers(), 20, silent=A) == []


def test_a_silent_peer_is_swept_each_second_and_wholly_in_the_end() -> None:
    world = peers()
    assert run(world, 10) == []
    done = run(world, 18, silent=A, begin=10)
    assert [address for _, address, _ in done] == [A] * len(done)
    assert done[0][0] == pytest.approx(11.25)
    assert [b[0] - a[0] for a, b in itertools.pairwise(done)] == [1.0] * (len(done) - 1)
    assert [everything for at, _, everything in done] == [at >= 9.75 + 5 for at, _, _ in done]
    assert "answers again after" in world.heard(A, 18)
    assert run(world, 30, begin=18) == []


def test_a_machine_that_slept_blames_nobody() -> None:
    world = peers()
    run(world, 10)
    assert world.look(40.0) == []
    assert world.look(40.25) == []


def test_a_peer_that_stops_in_order_is_not_silent() -> None:
    world = peers()
    run(world, 10)
    world.left(A)
    assert run(world, 20, silent=A, begin=10) == []


def attribute(kind: int, value: bytes) -> bytes:
    data = struct.pack("=HH", 4 + len(value), kind) + value
    return data + b"\0" * (-len(data) % 4)


def message(kind: int, body: bytes) -> bytes:
    data = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
    return data + b"\0" * (-len(data) % 4)


def neighbour(address: str, link: str) -> bytes:
    fields = attribute(1, socket.inet_aton(address)) + attribute(2, bytes.fromhex(link.replace(":", "")))
    return message(28, struct.pack("=BBHiHBB", socket.AF_INET, 0, 0, 2, 2, 0, 0) + fields)


def own(address: str, *, added: bool) -> bytes:
    body = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 2)
    return message(20 if added else 21, body + attribute(2, socket.inet_aton(address)))


def test_an_address_moves_from_neighbour_to_neighbour_and_here() -> None:
    world = liveness.Addresses(["10.0.0.10"])
    assert world.moved(neighbour("10.0.0.10", "02:00:00:00:00:01")) == []
    assert world.moved(neighbour("10.0.0.99", "02:00:00:00:00:02")) == []
    assert world.moved(neighbour("10.0.0.10", "02:00:00:00:00:01") * 2) == []
    there = ("10.0.0.10", "02:00:00:00:00:02")
    assert world.moved(neighbour(*there)) == [there]
    assert world.moved(own("10.0.0.10", added=True)) == [("10.0.0.10", "here")]
    assert world.moved(own("10.0.0.10", added=False) + neighbour(*there)) == [
        ("10.0.0.10", "not here"),
        there,
    ]


def test_what_the_kernel_remembers_of_a_neighbour_does_not_take_an_address_away_from_here() -> None:
    """The entry of the machine that had it before grows old half a minute later, which the kernel tells, too."""
    world = liveness.Addresses(["10.0.0.10"])
    before, after = ("10.0.0.10", "02:00:00:00:00:01"), ("10.0.0.10", "02:00:00:00:00:02")
    world.moved(neighbour(*before))
    assert world.moved(own("10.0.0.10", added=True)) == [("10.0.0.10", "here")]
    assert world.moved(neighbour(*before)) == []
    assert world.moved(own("10.0.0.10", added=False)) == [("10.0.0.10", "not here")]
    assert world.moved(neighbour(*after)) == [after]


def test_an_address_that_is_here_at_the_start_is_here() -> None:
    world = liveness.Addresses(["127.0.0.1", "192.0.2.1"])
    world.find()
    assert world.at["127.0.0.1"] == "here"
    assert world.at["192.0.2.1"] is None
    assert world.moved(neighbour("127.0.0.1", "02:00:00:00:00:01")) == []


@given(st.binary(max_size=200))
def test_no_message_of_the_kernel_stops_the_program(data: bytes) -> None:
    liveness.Addresses(["10.0.0.10"]).moved(data)
    liveness.Addresses(["10.0.0.10"]).moved(neighbour("10.0.0.10", "02:00:00:00:00:01") + data)


def test_every_node_asks_the_other_controllers() -> None:
    site = site_of("lab")
    by_node = {node.name: json.loads(service.configuration(site.layout, node)) for node in site.layout.nodes}
    assert set(by_node["controller1"]["controllers"]) == {"controller2", "controller3"}
    assert set(by_node["compute1"]["controllers"]) == {"controller1", "controller2", "controller3"}
    for config in by_node.values():
        assert config["silence_s"] >= 4 * config["interval_s"]
        assert config["all_s"] > config["silence_s"]


def test_who_no_longer_asks_is_forgotten() -> None:
    one = object.__new__(liveness.Program)
    one.sweeper = SimpleNamespace(reap=lambda: None)
    one.peers, one.config = liveness.Peers({}, 1.0, 5.0), {"silence_s": 1.0, "port": 9}
    one.askers = {("10.0.0.1", 9): 20.0, ("10.0.0.2", 9): 50.0}
    one.tick(60.0)
    assert list(one.askers) == [("10.0.0.2", 9)]
