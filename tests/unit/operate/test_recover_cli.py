"""What the command prints and how it ends, with the recovery itself replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stackhaven.cli.context import App
from stackhaven.cli.recover import recover
from stackhaven.errors import InputError
from stackhaven.operate.recover import recovery
from stackhaven.operate.recover.move import Diagnosis, Health, Kind, Move
from stackhaven.operate.recover.recovery import Recovered

pytestmark = pytest.mark.unit

CLOUD = "name: little\nlab: {}\nservices: [keystone]\nnodes:\n  c: {roles: [controller], count: 3}\n"
MOVE = Move(
    area="database", kind=Kind.BOOTSTRAP, nodes=("c1",), sentence="bootstrap from c1",
    evidence=("c1: U:7",), stake="commits that only c3 has",
)  # fmt: skip
ILL = Diagnosis(
    area="database", health=Health.ILL, sentence="c3 is missing", evidence=("c1: U:7",), move=MOVE
)
WELL = Diagnosis(area="database", health=Health.HEALTHY, sentence="3 of 3 members are synced")


@pytest.fixture
def app(tmp_path: Path) -> App:
    file = tmp_path / "cloud.yaml"
    file.write_text(CLOUD)
    return App(file=file)


def done(*found: Diagnosis, problem: str = "") -> Recovered:
    return Recovered(diagnoses=found, moves=(), silent=(("c3", "no answer"),), seconds=1.0, problem=problem)


def test_a_dry_run_shows_evidence_stake_and_who_is_silent(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "propose", lambda *_: done(ILL))
    result = CliRunner().invoke(recover, ["--dry-run"], obj=app)
    assert result.exit_code == 1
    for text in (
        "c3 is missing",
        "c1: U:7",
        "next: bootstrap from c1",
        "commits that only c3 has",
        "nothing was changed",
    ):
        assert text in result.output
    assert "c3 does not answer: no answer" in result.output


def test_json_is_whole_and_asks_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    agreed: list[bool] = []

    def bring_back(*_: object, agree: Any, **__: object) -> Recovered:
        agreed.append(agree(MOVE))
        return done(ILL, problem="not agreed")

    monkeypatch.setattr(recovery, "recover", bring_back)
    result = CliRunner().invoke(recover, ["--json"], obj=app)
    assert agreed == [False]
    data = json.loads(result.output)
    assert (data["ok"], data["problem"], data["diagnoses"][0]["health"]) == (False, "not agreed", "ill")


@pytest.mark.parametrize(
    ("arguments", "typed", "expected"), [([], "n\n", False), ([], "y\n", True), (["--yes"], "", True)]
)
def test_a_stake_is_agreed_to_by_a_person_or_beforehand(
    app: App, monkeypatch: pytest.MonkeyPatch, arguments: list[str], typed: str, expected: bool
) -> None:
    agreed: list[bool] = []

    def bring_back(*_: object, agree: Any, **__: object) -> Recovered:
        agreed.append(agree(MOVE))
        return done(WELL)

    monkeypatch.setattr(recovery, "recover", bring_back)
    result = CliRunner().invoke(recover, arguments, obj=app, input=typed)
    assert result.exit_code == 0
    assert agreed == [expected]


def test_a_node_that_is_no_controller_is_refused(app: App) -> None:
    result = CliRunner().invoke(recover, ["--take", "c9"], obj=app)
    assert isinstance(result.exception, InputError)
    assert "c1, c2, c3" in str(result.exception)
