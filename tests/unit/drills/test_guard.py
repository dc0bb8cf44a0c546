from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stackhaven.drills import guard
from stackhaven.drills.deeds import Deed, InHub, OnNode, Power, PowerIs, Strike, as_data, from_data
from stackhaven.drills.errors import DrillError, HealError

pytestmark = pytest.mark.unit

INJECT = Power(node="c1", verb="off")
HEAL = Power(node="c1", verb="on")
OFF, ON = PowerIs(node="c1", state="off"), PowerIs(node="c1", state="on")
STRIKE = Strike(
    says="took c1's power",
    nodes=("c1",),
    inject=(INJECT,),
    effect=(OFF,),
    heal=(HEAL,),
    healed=(ON,),
    heal_s=0,
)


class World:
    """One machine's power, and hands that may be lame."""

    def __init__(self, *, deaf: bool = False, heals_at_attempt: int = 1) -> None:
        self.power = "on"
        self.done: list[Deed] = []
        self.deaf = deaf
        self.attempts = 0
        self.heals_at_attempt = heals_at_attempt

    def do(self, deed: Deed) -> str:
        self.done.append(deed)
        match deed:
            case Power(verb="off") if not self.deaf:
                self.power = "off"
            case Power(verb="on"):
                self.attempts += 1
                if self.attempts < self.heals_at_attempt:
                    raise DrillError("it does not boot")
                self.power = "on"
            case PowerIs(state=state) if state != self.power:
                raise DrillError("not so")
        return ""

    def do_all(self, deeds: Sequence[Deed]) -> tuple[str, ...]:
        return tuple(self.do(deed) for deed in deeds)

    def holds(self, deed: Deed) -> bool:
        try:
            self.do(deed)
        except DrillError:
            return False
        return True


@pytest.mark.parametrize(("in_turn", "groups"), [(True, [1, 1]), (False, [2])])
def test_deeds_are_done_together_or_in_turn(tmp_path: Path, in_turn: bool, groups: list[int]) -> None:
    seen: list[int] = []

    class Counting(World):
        def do_all(self, deeds: Sequence[Deed]) -> tuple[str, ...]:
            seen.append(len(deeds))
            return super().do_all(deeds)

    strike = replace(STRIKE, inject=(INJECT, INJECT), in_turn=in_turn)
    with guard.broken(tmp_path, Counting(), strike, tell=lambda _: None):
        assert seen == groups


def test_the_way_back_is_on_disk_before_anything_is_broken(tmp_path: Path) -> None:
    class Spy(World):
        def do(self, deed: Deed) -> str:
            if deed == INJECT:
                assert guard.pending(tmp_path) is not None
            return super().do(deed)

    heard: list[str] = []
    world = Spy()
    with guard.broken(tmp_path, world, STRIKE, tell=heard.append):
        assert world.power == "off"
    assert world.power == "on"
    assert guard.pending(tmp_path) is None
    assert heard == ["inject", "injected", "heal", "healed"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, DrillError("the load came to grief"), SystemExit])
def test_healing_follows_however_the_block_is_left(
    tmp_path: Path, error: BaseException | type[BaseException]
) -> None:
    world = World()
    with (
        pytest.raises((KeyboardInterrupt, DrillError, SystemExit)),
        guard.broken(tmp_path, world, STRIKE, tell=lambda _: None),
    ):
        raise error
    assert world.power == "on"
    assert guard.pending(tmp_path) is None


def test_ctrl_c_while_healing_does_not_stop_it(tmp_path: Path) -> None:
    class Impatient(World):
        def do(self, deed: Deed) -> str:
            if deed == HEAL:
                os.kill(os.getpid(), signal.SIGINT)
            return super().do(deed)

    heard: list[str] = []
    world = Impatient()
    with guard.broken(tmp_path, world, STRIKE, tell=heard.append):
        pass
    assert world.power == "on"
    assert "patience" in heard


def test_a_fault_without_effect_is_an_error_of_the_drill(tmp_path: Path) -> None:
    with (
        pytest.raises(DrillError, match="did not take effect") as raised,
        guard.broken(tmp_path, World(deaf=True), STRIKE, tell=lambda _: None),
    ):
        pytest.fail("the block must not run")
    assert raised.value.rule == "no-effect"
    assert guard.pending(tmp_path) is None


def test_a_later_process_heals_what_a_killed_one_left(tmp_path: Path) -> None:
    guard.write_down(tmp_path, STRIKE)
    world = World()
    world.power = "off"
    record = guard.heal(tmp_path, world)
    assert record is not None
    assert record.says == STRIKE.says
    assert world.power == "on"
    assert guard.heal(tmp_path, world) is None


def test_healing_is_tried_until_it_is_proved(tmp_path: Path) -> None:
    guard.write_down(tmp_path, Strike(**{**vars(STRIKE), "heal_s": 60}))
    world = World(heals_at_attempt=3)
    world.power = "off"
    guard.heal(tmp_path, world, sleep=lambda _: None)
    assert world.power == "on"
    assert world.attempts == 3


def test_a_heal_that_fails_is_shouted_and_its_record_stays(tmp_path: Path) -> None:
    guard.write_down(tmp_path, STRIKE)
    world = World(heals_at_attempt=99)
    world.power = "off"
    with pytest.raises(HealError, match="HEALING FAILED") as raised:
        guard.heal(tmp_path, world, sleep=lambda _: None)
    assert raised.value.exit_code == 4
    assert guard.pending(tmp_path) is not None


def test_a_record_that_cannot_be_read_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / guard.FILE).write_text("{")
    with pytest.raises(HealError, match="cannot be read"):
        guard.pending(tmp_path)


def test_the_record_is_for_its_owner_only(tmp_path: Path) -> None:
    guard.write_down(tmp_path, STRIKE)
    assert (tmp_path / guard.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "deed",
    [
        OnNode(node="c1", script="true", says="nothing"),
        InHub(script="true", says="nothing"),
        INJECT,
        ON,
    ],
)
def test_deeds_survive_being_written_down(deed: Deed) -> None:
    assert from_data(as_data(deed)) == deed
