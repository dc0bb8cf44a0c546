from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.lab.seed import SeedFile, plant

pytestmark = pytest.mark.unit

SEED = (
    SeedFile(path="etc/hosts", content="a\n"),
    SeedFile(path="root/.ssh/authorized_keys", content="k\n", mode=0o600),
)


def test_a_seed_is_planted_once_and_then_belongs_to_the_node(tmp_path: Path) -> None:
    root, record = tmp_path / "root", tmp_path / "seed"
    assert plant(root, SEED, record=record)
    assert (root / "root/.ssh/authorized_keys").stat().st_mode & 0o777 == 0o600
    (root / "etc/hosts").write_text("changed on the node\n")
    assert not plant(root, SEED, record=record)
    assert (root / "etc/hosts").read_text() == "changed on the node\n"


def test_another_seed_is_planted_again(tmp_path: Path) -> None:
    root, record = tmp_path / "root", tmp_path / "seed"
    plant(root, SEED, record=record)
    assert plant(root, (SeedFile(path="etc/hosts", content="b\n"),), record=record)
    assert (root / "etc/hosts").read_text() == "b\n"
