from __future__ import annotations

import pytest

from stackhaven.cli.terminal import PIPE_WIDTH, console

pytestmark = pytest.mark.unit


def test_addresses_stay_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("fa:16:3e:ab:cd:ef on :ab: and 00:0a:00:01:00:0b, :x:")
    assert capsys.readouterr().out == "fa:16:3e:ab:cd:ef on :ab: and 00:0a:00:01:00:0b, :x:\n"


def test_a_log_gets_long_lines_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    line = "x" * (PIPE_WIDTH - 1)
    console(stderr=True).print(f"[green]{line}[/]")
    assert capsys.readouterr().err == line + "\n"
