from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stackhaven.cli import main

pytestmark = pytest.mark.unit

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a fresh process: click remembers how a command's help was first asked for."""
    directory = tmp_path_factory.mktemp("reference")
    argv = [sys.executable, "-m", "stackhaven.cli.reference", str(directory)]
    subprocess.run(argv, check=True, timeout=60)
    return directory


@pytest.mark.parametrize("name", ["cloud-yaml.md", "cloud.schema.json", "commands.md", "drills.md"])
def test_the_committed_page_is_current(generated: Path, name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == (generated / name).read_text(), "run `make docs`"


def test_schema_prints_the_published_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((REFERENCE / "cloud.schema.json").read_text())


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_completion_prints_a_script(shell: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert "_HAVEN_COMPLETE" in out
    assert word in out
