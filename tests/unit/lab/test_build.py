from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.lab import build
from stackhaven.lab.home import Home
from stackhaven.lab.image import FACTS_FILE, installed, listed, prune
from stackhaven.lab.progress import Event, silent
from stackhaven.lab.state import LabState, save

pytestmark = pytest.mark.unit


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def make_image(home: Home, name: str) -> Path:
    target = home.images / name
    with build.workshop(home, target, silent) as (directory, _):
        assert directory is not None
        (directory / "root").mkdir()
        build.write_facts(directory, name=name)
    return target


def test_an_image_appears_whole(home: Home) -> None:
    target = make_image(home, "abc")
    assert sorted(p.name for p in target.iterdir()) == [FACTS_FILE, "root"]
    assert not (home.images / ".building").exists()


def test_an_interrupted_build_leaves_no_image(home: Home) -> None:
    target = home.images / "abc"

    def interrupted() -> None:
        with build.workshop(home, target, silent) as (directory, _):
            assert directory is not None
            (directory / "root").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [p.name for p in home.images.iterdir()] == [".build.lock"]


def test_what_a_killed_builder_left_is_cleared_away(home: Home) -> None:
    (home.images / ".building/root/etc").mkdir(parents=True)
    (home.images / "abc/root").mkdir(parents=True)
    target = make_image(home, "abc")
    assert (target / FACTS_FILE).exists()
    assert not (target / "root/etc").exists()


def test_an_image_built_meanwhile_is_taken(home: Home) -> None:
    target = make_image(home, "abc")
    with build.workshop(home, target, silent) as (directory, _):
        assert directory is None


def test_a_failed_builder_is_told_with_its_last_words(home: Home, tmp_path: Path) -> None:
    directory = home.images / ".building"
    directory.mkdir(parents=True)
    argv = ("sh", "-c", "echo I: download packages...; echo E: mirror is away >&2; exit 3")
    seen: list[Event] = []
    with (tmp_path / "lock").open("w") as lock, pytest.raises(HavenError) as caught:
        build.follow(argv, directory / "build.log", lock.fileno(), seen.append)
    assert "mirror is away" in caught.value.why
    assert "exited 3" in caught.value.what
    assert (home.images / "failed-build.log").read_text().endswith("E: mirror is away\n")
    assert [event.what for event in seen] == ["download packages"]


def test_prune_keeps_what_a_lab_uses_and_what_is_current(home: Home) -> None:
    for name in ("used", "current", "old"):
        make_image(home, name)
    save(home.lab("demo").state, LabState(image="used", authorized_key="k"))
    assert [one.id for one in prune(home, keep=frozenset({"current"}))] == ["old"]
    assert {one.id: one.labs for one in listed(home)} == {"used": ("demo",), "current": ()}


def test_an_image_that_is_gone_is_named(home: Home) -> None:
    with pytest.raises(HavenError, match="not on this host"):
        installed("abc", home)
