from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.drills.history import Found, Outcome, Write
from stackhaven.drills.judge.ledger import audit

pytestmark = pytest.mark.unit


def write(
    name: str, op: Literal["create", "delete"], outcome: Outcome = "ok", *, api: str = "network"
) -> Write:
    return Write(at=1.0, api=api, op=op, name=name, outcome=outcome)


def found(names: dict[str, int] | None, *, api: str = "network") -> Found:
    return Found(at=9.0, api=api, names=names)


def test_what_was_acknowledged_and_is_there_is_fine() -> None:
    verdict = audit([write("a", "create"), write("b", "create"), write("b", "delete")], [found({"a": 1})])
    assert verdict.wrong == 0
    assert verdict.acknowledged == 3


def test_an_acknowledged_write_that_is_missing_is_lost() -> None:
    assert audit([write("a", "create")], [found({})]).lost == ("network/a",)


def test_an_acknowledged_deletion_that_is_there_again_has_returned() -> None:
    assert audit([write("a", "create"), write("a", "delete")], [found({"a": 1})]).returned == ("network/a",)


@pytest.mark.parametrize("there", [0, 1])
def test_a_write_of_unknown_end_may_be_there_or_not(there: int) -> None:
    verdict = audit([write("a", "create", "unknown")], [found({"a": 1} if there else {})])
    assert (verdict.wrong, verdict.unknown) == (0, 1)


@pytest.mark.parametrize("there", [0, 1])
def test_a_deletion_of_unknown_end_may_have_happened_or_not(there: int) -> None:
    writes = [write("a", "create"), write("a", "delete", "unknown")]
    assert audit(writes, [found({"a": 1} if there else {})]).wrong == 0


@pytest.mark.parametrize("there", [0, 1])
def test_a_creation_without_an_answer_may_take_effect_after_its_repeat_was_deleted(there: int) -> None:
    """A machine that stood still does what it was asked before, half a minute late."""
    writes = [write("a", "create", "unknown"), write("a", "create"), write("a", "delete")]
    assert audit(writes, [found({"a": 1} if there else {})]).wrong == 0


def test_twice_is_always_wrong() -> None:
    assert audit([write("a", "create", "unknown")], [found({"a": 2})]).doubled == ("network/a",)


def test_names_that_nobody_wrote_are_strangers() -> None:
    assert audit([], [found({"ghost": 1})]).strangers == ("network/ghost",)


def test_an_api_that_could_not_be_read_is_said_and_nothing_is_held_against_it() -> None:
    verdict = audit([write("a", "create")], [found(None)])
    assert (verdict.wrong, verdict.unread) == (0, ("network",))


def test_the_last_list_counts() -> None:
    assert audit([write("a", "create")], [found(None), found({"a": 1})]).unread == ()


OUTCOMES = st.sampled_from(["ok", "fail", "unknown"])


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(OUTCOMES, st.none() | OUTCOMES), max_size=6))
def test_a_store_that_does_what_it_says_is_never_blamed(
    plan: dict[str, tuple[Outcome, Outcome | None]],
) -> None:
    """Whatever the unknown ones did, taking effect or not, an honest store is clean."""
    for effect in (True, False):
        writes, names = [], {}
        for name, (created, deleted) in plan.items():
            writes.append(write(name, "create", created))
            there = created == "ok" or (created == "unknown" and effect)
            if deleted is not None and created == "ok":
                writes.append(write(name, "delete", deleted))
                there = there and not (deleted == "ok" or (deleted == "unknown" and effect))
            if there:
                names[name] = 1
        assert audit(writes, [found(names)]).wrong == 0
