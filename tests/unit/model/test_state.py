from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.model.state import State

pytestmark = pytest.mark.unit


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_state_lies_beside_the_file_for_its_owner_alone(tmp_path: Path) -> None:
    state = State.beside(tmp_path / "cloud.yaml", "lab")
    assert state.root == tmp_path / ".haven" / "lab"
    assert [mode(p) for p in (state.root.parent, state.root, state.runs)] == [0o700] * 3
    assert (tmp_path / ".haven" / ".gitignore").read_text() == "*\n"


def test_two_clouds_beside_each_other_never_meet(tmp_path: Path) -> None:
    one, two = (State.beside(tmp_path / "cloud.yaml", name) for name in ("one", "two"))
    paths = [
        {s.secrets, s.known_hosts, s.runs, s.last_plan, s.clouds_yaml, s.openrc, s.lock_file}
        for s in (one, two)
    ]
    assert not paths[0] & paths[1]


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    state = State.beside(tmp_path / "cloud.yaml", "lab")
    first = state.key.read_bytes()
    assert mode(state.key) == 0o600
    assert state.public_key.startswith("ssh-ed25519 ")
    assert state.public_key.endswith(" haven-lab")
    assert State.beside(tmp_path / "cloud.yaml", "lab").key.read_bytes() == first


def test_a_missing_ssh_keygen_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HavenError, match="apt install openssh-client"):
        _ = State.beside(tmp_path / "cloud.yaml", "lab").key


def test_a_second_run_is_told_who_holds_the_cloud(tmp_path: Path) -> None:
    state = State.beside(tmp_path / "cloud.yaml", "lab")
    with state.lock("up"), pytest.raises(HavenError, match=r"held by process \d+ \(up\)"), state.lock("down"):
        pytest.fail("the lock was given twice")
    with state.lock("down"):
        assert "(down)" in state.lock_file.read_text()


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    state = State.beside(tmp_path / "cloud.yaml", "lab")
    program = (
        "import sys, time; from pathlib import Path; from stackhaven.model.state import State\n"
        f"with State(Path({str(state.root)!r})).lock('up'):\n  print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(HavenError, match=f"process {process.pid}"), state.lock("down"):
            pytest.fail("the lock was given twice")
        process.kill()
        process.wait(timeout=10)
    with state.lock("down"):
        assert "(down)" in state.lock_file.read_text()
