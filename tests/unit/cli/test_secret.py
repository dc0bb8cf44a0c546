from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackhaven.cli.main import run

pytestmark = pytest.mark.unit

CLOUD = """\
name: x
services: [keystone]
networks: {management: {cidr: 10.0.0.0/24}, tunnel: {cidr: 10.0.1.0/24}, external: {cidr: 10.0.2.0/24}}
vip: {provider: pacemaker}
fencing: {address: '{name}.bmc.example.org'}
nodes: {c: {roles: [controller], count: 3, ssh: {address: 'c{n}'}}}
"""


class Typed:
    """Standard input that is no terminal."""

    def __init__(self, text: str) -> None:
        self.text = text

    def isatty(self) -> bool:
        return False

    def read(self, most: int) -> str:
        return self.text[:most]


def haven(monkeypatch: pytest.MonkeyPatch, file: Path, *words: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", Typed(typed))
    return run(["--file", str(file), "secret", *words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text(CLOUD)
    return path


def test_a_given_secret_is_kept_for_its_owner_only_and_not_shown(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert haven(monkeypatch, file, "list") == 0
    assert "fencing.bmc  missing" in capsys.readouterr().out
    assert haven(monkeypatch, file, "set", "fencing.bmc", typed="Sw0rdfish \n") == 0
    kept = file.parent / ".haven" / "x" / "secrets.json"
    assert json.loads(kept.read_text()) == {"fencing.bmc": "Sw0rdfish "}
    assert kept.stat().st_mode & 0o777 == 0o600
    assert haven(monkeypatch, file, "set", "fencing.bmc", typed="another") == 0
    assert haven(monkeypatch, file, "list") == 0
    said = capsys.readouterr()
    assert "replaced" in said.out
    assert "missing" not in said.out
    assert "Sw0rdfish" not in said.out + said.err


@pytest.mark.parametrize(
    ("name", "typed", "rule"),
    [
        ("fencing.bcm", "x", "secret-name"),
        ("fencing.bmc", "", "secret-value"),
        ("fencing.bmc", "two\nlines", "secret-value"),
        ("fencing.bmc", "longer than IPMI takes", "secret-value"),
    ],
)
def test_what_cannot_be_a_secret_of_this_cloud_is_refused(
    *,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    typed: str,
    rule: str,
) -> None:
    assert haven(monkeypatch, file, "set", name, typed=typed) == 2
    assert rule in capsys.readouterr().err
    assert not (file.parent / ".haven" / "x" / "secrets.json").exists()
