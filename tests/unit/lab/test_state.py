from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.lab import state
from stackhaven.lab.state import LabState, Power

pytestmark = pytest.mark.unit


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = LabState(image="abc", authorized_key="ssh-ed25519 A", power={"c1": Power.ON}).with_power(
        ["k1"], Power.OFF
    )
    state.save(tmp_path / "lab/state.json", record)
    assert state.load(tmp_path / "lab/state.json") == record
    assert record.power == {"c1": Power.ON, "k1": Power.OFF}


def test_no_record_is_no_lab(tmp_path: Path) -> None:
    assert state.load(tmp_path / "state.json") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 99}', '{"version": 1, "image": "a", "power": {"c": 1}}']
)
def test_a_damaged_record_is_named_with_what_to_type(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(HavenError, match="cannot be read") as caught:
        state.load(path)
    assert "haven lab" in caught.value.todo


def test_a_write_that_fails_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    old = LabState(image="old", authorized_key="k")
    state.save(path, old)

    def full_disk(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(state.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        state.save(path, LabState(image="new", authorized_key="k"))
    assert state.load(path) == old
