"""A planned move of the VIP: what is waited for, what shuts the door, and that nothing stays behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stackhaven.plan import File, Package
from stackhaven.services.contents import plan_of
from stackhaven.services.keepalived import RUN, move
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

vip_move = program("keepalived", "vip_move")
STATISTICS = """# pxname,svname,qcur,qmax,scur,smax
statistics,FRONTEND,,,3,9
keystone,FRONTEND,,,2,9
keystone,c1,0,0,2,9
nova,FRONTEND,,,1,9
mariadb,FRONTEND,,,40,90

"""


def test_calls_are_what_clients_have_open_at_the_apis() -> None:
    assert vip_move.calls_in(STATISTICS, ["keystone", "nova", "glance"]) == 3
    assert vip_move.calls_in("", ["keystone"]) == 0


def test_the_door_is_shut_for_new_connections_to_the_vip_only() -> None:
    text = vip_move.rules(["10.0.0.5", "10.1.0.5"], [])
    assert "ip daddr { 10.0.0.5, 10.1.0.5 } tcp flags & (fin | syn | rst | ack) == syn drop" in text
    assert text.startswith(vip_move.removal())
    spared = vip_move.rules(["10.0.0.5"], ["10.0.0.11", "10.0.0.12"])
    assert 'iifname != "lo" ip saddr != { 10.0.0.11, 10.0.0.12 } tcp flags' in spared


class World:
    """A clock, a door, and calls in progress: `ends` gives how many there are at a moment."""

    def __init__(self, ends: Any) -> None:
        self.now = 0.0
        self.ends = ends
        self.doors: list[tuple[float, bool]] = []

    def shut(self, *, spare_nodes: bool) -> None:
        self.doors.append((self.now, spare_nodes))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def drain(self) -> int:
        left: int = vip_move.drain(self.shut, lambda: self.ends(self), lambda: self.now, self.sleep)
        return left


def test_nodes_are_let_in_until_calls_have_ended() -> None:
    world = World(lambda w: 1 if w.now < 1.0 else 0)
    assert world.drain() == 0
    assert [spared for _, spared in world.doors] == [True, False]
    assert world.doors[1][0] == pytest.approx(1.0, abs=0.1)


def test_a_call_that_needs_another_one_is_let_have_it() -> None:
    """It began just before the door was shut for everybody, and ends only while nodes are let in."""
    state = SimpleNamespace(at=None)

    def calls(world: World) -> int:
        if len(world.doors) == 2 and state.at is None:
            state.at = world.now
        if state.at is None or len(world.doors) >= 4:
            return 0
        return 0 if len(world.doors) == 3 and world.now > state.at + 1.0 else 1

    world = World(calls)
    assert world.drain() == 0
    assert [spared for _, spared in world.doors] == [True, False, True, False]


def test_a_call_that_does_not_end_is_not_waited_for_without_end() -> None:
    world = World(lambda _: 2)
    assert world.drain() == 2
    assert world.doors[-1][1] is False
    assert world.now < vip_move.DRAIN_S + 1


class Machine(vip_move.Node):  # type: ignore[misc]
    """A node without a packet filter and with addresses as the test has them; `leaves`: keepalived obeys."""

    def __init__(self, run: Path, *, peers: list[str], holds: bool = True, leaves: bool = True) -> None:
        super().__init__({"vips": ["127.0.0.1"], "nodes": [], "run": str(run), "answers": 9, "apis": []})
        self.peers, self.holds, self.leaves = peers, holds, leaves
        self.filters: list[str] = []

    def filter(self, text: str) -> None:
        self.filters.append(text)

    def calls(self) -> int:
        return 0

    def successors(self) -> list[str]:
        return self.peers

    def held(self) -> list[str]:
        word = Path(self.word)
        gone = self.leaves and word.exists() and word.read_text() == "1\n"
        return ["127.0.0.1"] if self.holds and not gone else []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GONE_S", "ANSWERS_S", "HEARD_S", "ARRIVES_S", "ENDED_S"):
        monkeypatch.setattr(vip_move, name, 0.1)


@pytest.mark.parametrize(
    ("options", "answered", "why"),
    [
        ({"peers": ["c2"], "holds": False}, True, "does not hold"),
        ({"peers": []}, True, "no other controller"),
        ({"peers": ["c2"], "leaves": False}, True, "has not let go"),
        ({"peers": ["c2"]}, False, "nobody has taken"),
        ({"peers": ["c2"]}, True, ""),
    ],
)
@pytest.mark.usefixtures("quick")
def test_nothing_is_left_behind_however_it_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    options: dict[str, Any],
    answered: bool,
    why: str,
) -> None:
    machine = Machine(tmp_path, **options)
    monkeypatch.setattr(vip_move, "Node", lambda _: machine)
    monkeypatch.setattr(vip_move, "connects", lambda *_: answered)
    monkeypatch.setattr(vip_move.signal, "signal", lambda *_: None)
    config = tmp_path / "config"
    config.write_text("{}")
    monkeypatch.setattr(vip_move.sys, "argv", ["vip-move", "release", str(config)])
    if why:
        with pytest.raises(SystemExit, match=why):
            vip_move.main()
    else:
        vip_move.main()
        assert capsys.readouterr().out.startswith("moved: ")
    assert (tmp_path / "released").read_text() == "0\n"
    assert machine.filters[-1] == vip_move.removal()


@pytest.mark.usefixtures("quick")
def test_a_receiver_lets_nobody_in_until_the_vip_has_come(tmp_path: Path) -> None:
    waiting = Machine(tmp_path, peers=[], holds=False)
    assert vip_move.receive(waiting) == "the VIP did not come here"
    assert "drop" in waiting.filters[0]
    assert vip_move.receive(Machine(tmp_path, peers=[])) == "this node holds the VIP already"


@pytest.mark.parametrize("cloud", ["lab", "odd", "hosts"])
def test_keepalived_and_the_program_look_at_the_same_word(cloud: str) -> None:
    site = site_of(cloud)
    step = next(s for s in plan_of(site) if s.name == "keepalived.start")
    me = site.layout.controllers[0]
    found = step.resources(me.name)
    files = {r.path: r.content for r in found if isinstance(r, File)}
    config = json.loads(files[move.CONF])
    tracked = re.search(
        r'track_file released \{[^}]*file "(\S+)"', files["/etc/keepalived/keepalived.conf"], re.DOTALL
    )
    assert tracked is not None
    assert tracked[1] == vip_move.Node(config).word == f"/run/{RUN}/{move.RELEASED}"
    assert me.name not in config["peers"]
    assert set(config["nodes"]) == {n.management for n in site.layout.nodes}
    assert "keystone" in config["apis"]
    assert not {"mariadb", "novnc", "rabbitmq"} & set(config["apis"])
    assert any("nftables" in r.names for r in found if isinstance(r, Package))


def test_the_names_that_two_programs_know_are_the_same() -> None:
    assert vip_move.TABLE == move.TABLE
    longest = (
        vip_move.DRAIN_S + vip_move.QUIET_S + vip_move.GONE_S + 2 * vip_move.ANSWERS_S + vip_move.HEARD_S
    )
    assert max(longest, vip_move.ARRIVES_S + vip_move.ENDED_S) * 2 < move.MOVE_S


def test_a_single_controller_has_nobody_to_move_the_vip_to() -> None:
    site = site_of("one")
    step = next(s for s in plan_of(site) if s.name == "keepalived.start")
    files = {
        r.path: r.content for r in step.resources(site.layout.controllers[0].name) if isinstance(r, File)
    }
    assert move.CONF not in files
    assert "released" not in files["/etc/keepalived/keepalived.conf"]
