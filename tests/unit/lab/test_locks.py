from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.lab import locks

pytestmark = pytest.mark.unit


def test_the_second_is_told_and_then_refused(tmp_path: Path) -> None:
    told = []
    path = tmp_path / "lock"
    with locks.held(path, purpose="first", timeout_s=1), pytest.raises(HavenError) as caught:  # noqa: SIM117
        with locks.held(path, purpose="second", timeout_s=0.3, waiting=lambda: told.append(1)):
            pass
    assert caught.value.rule == "lab-busy"
    assert told == [1]


def test_it_is_free_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with locks.held(tmp_path / "lock", purpose="again", timeout_s=0):
            assert (tmp_path / "lock").exists()


def test_a_child_that_inherits_it_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.held(path, purpose="parent", timeout_s=1) as fd:
        inherited = os.dup(fd)
    with pytest.raises(HavenError), locks.held(path, purpose="other", timeout_s=0.1):
        pass
    os.close(inherited)
    with locks.held(path, purpose="other", timeout_s=0.1):
        assert path.exists()


def test_the_holder_may_remove_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.held(path, purpose="purge", timeout_s=1):
        path.unlink()
    with locks.held(path, purpose="next", timeout_s=0):
        assert path.exists()
