from __future__ import annotations

import base64
import json
import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.model.secrets import Secrets, ensure_secrets, new_secret, read_secrets, write_owner_only

pytestmark = pytest.mark.unit


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_random_and_fit_their_use() -> None:
    assert new_secret("nova.db") != new_secret("nova.db")
    assert len(bytes.fromhex(new_secret("nova.db"))) == 16
    assert len(base64.urlsafe_b64decode(new_secret("keystone.0.fernet"))) == 32


def test_an_existing_secret_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = ensure_secrets(path, ["a", "b"])
    second = ensure_secrets(path, ["b", "c"])
    assert {name: second[name] for name in first} == dict(first)
    assert sorted(second) == ["a", "b", "c"]
    assert dict(read_secrets(path)) == dict(second)


def test_only_the_owner_reads_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "secrets.json"
    ensure_secrets(path, ["a"])
    assert mode(path) == 0o600
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        read_secrets(path)
    assert mode(path) == 0o600
    assert "could be read by others" in caplog.text


def test_a_printed_value_shows_names_only() -> None:
    text = repr(Secrets({"nova.db": "hunter2"})) + str(Secrets({"nova.db": "hunter2"}))
    assert "nova.db" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', "\0"])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    (path := tmp_path / "secrets.json").write_text(content)
    with pytest.raises(HavenError, match="secrets-file"):
        ensure_secrets(path, ["a"])
    assert path.read_text() == content


def test_runs_at_the_same_time_agree(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: dict(ensure_secrets(path, ["a", "b"])), range(16)))
    assert all(result == results[0] for result in results)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secrets.json"
    ensure_secrets(path, ["a"])
    before = path.read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_owner_only(path, "new")
    assert path.read_text() == before
    assert json.loads(before)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".secrets.json.") and p.suffix != ".lock"]
