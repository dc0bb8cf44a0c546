from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackhaven.cli import main

pytestmark = pytest.mark.unit

GOOD = "name: lab\nlab: {}\nnodes: {c: {roles: [controller], count: 3}, k: {roles: [compute, network], count: 2}}\n"
EXAMPLES = Path(__file__).parents[3] / "examples"


def check(tmp_path: Path, text: str, *options: str) -> int:
    (path := tmp_path / "cloud.yaml").write_text(text)
    return main.run(["-f", str(path), "check", *options])


def test_errors_exit_2_and_touch_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, GOOD.replace("count: 3", "count: 4") + "services: [keystne]\n") == 2
    out = capsys.readouterr().out
    assert f"{tmp_path}/cloud.yaml:3:" in out
    assert "[controllers-even]" in out
    assert "did you mean `keystone`?" in out
    assert "2 errors; nothing was touched" in out
    assert [p.name for p in tmp_path.iterdir()] == ["cloud.yaml"]


def test_warnings_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, GOOD.replace(", count: 3", "")) == 0
    assert "NOT highly available" in capsys.readouterr().out


def test_json_holds_every_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, GOOD + "typo: 1\n", "--json") == 2
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding["rule"] == "key-unknown"
    assert (finding["line"], finding["column"], finding["path"]) == (4, 1, "typo")


@pytest.mark.parametrize("name", ["lab", "small", "one", "hosts"])
def test_the_examples_are_sound(name: str) -> None:
    assert main.run(["-f", str(EXAMPLES / f"{name}.yaml"), "check"]) == 0
