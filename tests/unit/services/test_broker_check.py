"""The program beside a broker: whom it calls silent, and which of parted brokers starts anew."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.services import rabbitmq as service
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

check = program("rabbitmq", "broker_check")
NAMES = ("controller1", "controller2", "controller3")


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("[]", set()),
        ("", set()),
        ("[rabbit@controller1, rabbit@controller2]", {"controller1", "controller2"}),
        ("['rabbit@controller-1.lab']", {"controller-1.lab"}),
    ],
)
def test_what_erlang_prints_is_read(said: str, names: set[str]) -> None:
    assert check.parted_from(said) == names


def test_the_one_that_is_parted_from_most_starts_anew() -> None:
    """As seen after a broker had been frozen for half a minute."""
    seen = {
        "controller1": {"controller3"},
        "controller2": {"controller3"},
        "controller3": {"controller1", "controller2"},
    }
    assert check.to_restart(seen) == "controller3"
    assert check.to_restart(dict.fromkeys(NAMES, frozenset())) is None
    assert check.to_restart({}) is None


@given(
    st.sets(st.sampled_from(list(itertools.combinations(NAMES, 2)))).map(
        lambda pairs: {
            name: frozenset(other for pair in pairs if name in pair for other in pair if other != name)
            for name in NAMES
        }
    )
)
def test_at_most_one_starts_anew_and_only_one_that_is_parted(seen: dict[str, frozenset[str]]) -> None:
    """Each broker asks the same question of the same answers; so no two of them stop at once."""
    chosen = check.to_restart(seen)
    assert (chosen is None) == (not any(seen.values()))
    if chosen is not None:
        assert seen[chosen]
        assert len(seen[chosen]) == max(len(others) for others in seen.values())


def test_a_broker_is_silent_after_two_questions_without_answer_and_not_when_it_is_not_there() -> None:
    silence = check.Silence()
    assert not silence.look("[]", 0.0)
    assert not silence.look(None, 2.5)
    assert silence.look(None, 4.0)
    assert silence.look(None, 5.5)
    assert not silence.look("", 6.0), "its machine refuses connections: clients know"
    assert not silence.look(None, 8.0)


def decided(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str | None], looks: int = 5) -> set[str]:
    """The brokers that decide to start anew when all answer so."""
    monkeypatch.setattr(check, "ask", lambda name, _: answers[name])
    mine = {name: check.parted_from(answer or "") for name, answer in answers.items()}
    return {name for name in NAMES if mine[name] and check.parted(name, mine[name], NAMES, looks)}


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        pytest.param(
            ("[rabbit@controller3]", "[rabbit@controller3]", "[rabbit@controller1, rabbit@controller2]"),
            {"controller3"},
            id="all say so",
        ),
        pytest.param(
            ("[rabbit@controller2]", "[rabbit@controller1, rabbit@controller3]", "[]"),
            {"controller2"},
            id="one of the others had not noticed, as seen after 12 s of standstill",
        ),
        pytest.param(
            ("[rabbit@controller2]", "[rabbit@controller1, rabbit@controller3]", ""),
            set(),
            id="one of the others may be starting anew",
        ),
        pytest.param(
            ("[]", "[rabbit@controller1, rabbit@controller3]", "[]"),
            {"controller2"},
            id="no other had noticed, as seen once in five times",
        ),
    ],
)
def test_a_parted_broker_asks_the_others_who_it_is(
    answers: tuple[str, ...], chosen: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decided(monkeypatch, dict(zip(NAMES, answers, strict=True))) == chosen


@pytest.mark.parametrize("answer", ["", None, "[]"])
def test_nobody_starts_anew_while_the_other_one_does(
    answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that has just come back already knows no parting; the others forget theirs a moment later."""
    answers = {"controller1": "[rabbit@controller3]", "controller2": "[]", "controller3": answer}
    assert decided(monkeypatch, answers) == set()


def test_a_parting_that_one_side_does_not_know_is_ended_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, str | None] = {
        "controller1": "[rabbit@controller3]",
        "controller2": "[]",
        "controller3": "[]",
    }
    assert decided(monkeypatch, answers, looks=60) == {"controller1"}
    answers["controller3"] = ""
    assert decided(monkeypatch, answers, looks=60) == set()


def test_a_broker_that_does_not_start_inside_its_machine_is_started_anew_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []

    def control(*arguments: str) -> bool:
        asked.append(arguments)
        return arguments == ("stop_app",)

    class Done:
        returncode = 0

    def run(command: list[str], **_: object) -> Done:
        asked.append(tuple(command))
        return Done()

    monkeypatch.setattr(check, "control", control)
    monkeypatch.setattr(check.time, "sleep", lambda _: None)
    monkeypatch.setattr(check.subprocess, "run", run)
    assert check.join_again()
    assert asked == [
        ("stop_app",),
        *[("start_app",)] * 3,
        ("systemctl", "restart", "rabbitmq-server.service"),
    ]


def test_its_file_names_every_member() -> None:
    site = site_of("lab")
    config = json.loads(service.guard_config(site, site.layout.controllers[0]))
    assert set(config["members"]) == {node.name for node in site.layout.controllers}
    assert config["port"] == 5672
    assert config["node"] in config["members"]
