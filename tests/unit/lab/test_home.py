from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.errors import HavenError, InputError
from stackhaven.lab.home import DEFAULT_HOME, Home, require_free_space

pytestmark = pytest.mark.unit


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_the_environment_moves_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STACKHAVEN_HOME", str(tmp_path))
    home = Home.of_environment()
    assert all(
        p.is_relative_to(tmp_path) for p in (home.images, home.labs, home.apt_cache, home.lab("a").disks)
    )
    monkeypatch.delenv("STACKHAVEN_HOME")
    assert Home.of_environment().root == DEFAULT_HOME


@given(st.text(max_size=20))
def test_no_name_leads_out_of_the_directory_of_labs(name: str) -> None:
    home = Home(Path("/h"))
    try:
        found = home.lab(name).root
    except InputError:
        return
    assert found.parent == home.labs
    assert found.name not in {"", ".", ".."}


def test_a_full_disk_is_refused_with_where_and_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10 * 2**30, 9 * 2**30, 2**30))
    with pytest.raises(HavenError) as caught:
        require_free_space(tmp_path / "not/made/yet", gb=3, purpose="building an image")
    assert caught.value.rule == "lab-disk"
    assert "1.0 GB free" in caught.value.what
    assert "3 GB" in caught.value.what
    require_free_space(tmp_path, gb=0.5, purpose="a lab")
