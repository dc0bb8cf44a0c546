from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackhaven.cli.main import run

pytestmark = pytest.mark.unit

CLOUD = """\
name: paper
lab: {}
networks:
  management: {cidr: 10.70.0.0/16}
  tunnel: {cidr: 10.71.0.0/16}
  external: {cidr: 10.72.0.0/16}
nodes:
  control: {roles: [controller], count: 3}
  compute: {roles: [compute, network], count: COMPUTES}
"""


@dataclass
class Haven:
    """The command line on a cloud file in a folder of its own."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, computes: int = 2) -> str:
        """What a command prints; it must succeed."""
        file = self.folder / "cloud.yaml"
        file.write_text(CLOUD.replace("COMPUTES", str(computes)))
        assert run(["-f", str(file), *arguments]) == 0
        return self.capsys.readouterr().out


@pytest.fixture
def haven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Haven:
    return Haven(tmp_path, capsys)


def test_the_plan_of_a_large_cloud_needs_no_hosts(haven: Haven) -> None:
    shown = haven("plan", "--offline", computes=300)
    assert "Galera members" in shown
    assert "303 nodes" in shown.splitlines()[-1]


def test_the_plan_as_data_holds_no_secret(haven: Haven) -> None:
    shown = haven("plan", "--offline", "--json")
    data = json.loads(shown)
    names = [step["name"] for step in data["steps"]]
    assert len(names) == len(set(names))
    assert {"name", "title", "nodes", "needs"} <= data["steps"][0].keys()
    secrets = json.loads((haven.folder / ".haven" / "paper" / "secrets.json").read_text())
    assert secrets
    assert not [value for value in secrets.values() if value in shown]


def test_a_cloud_without_runs_says_what_to_type(haven: Haven) -> None:
    assert "no runs yet: haven up" in haven("log")
    assert json.loads(haven("log", "--json")) == []
