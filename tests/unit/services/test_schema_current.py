"""The heads of a migration tree are the rows that alembic keeps when everything is applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

schema = program("mariadb", "schema_current")


def tree(folder: Path, **migrations: str) -> Path:
    for name, text in migrations.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_the_last_of_a_chain_is_the_head(tmp_path: Path) -> None:
    tree(tmp_path, a="revision = 'a1'\ndown_revision = None\n", b='revision = "b2"\ndown_revision = "a1"\n')
    assert schema.heads(tmp_path) == {"b2"}


def test_annotated_assignments_are_read(tmp_path: Path) -> None:
    tree(
        tmp_path,
        a="revision: str = 'a1'\ndown_revision: str | None = None\n",
        b="revision: str = 'b2'\ndown_revision: Union[str, None] = 'a1'\n",
    )
    assert schema.heads(tmp_path) == {"b2"}


def test_branches_have_a_head_each_and_a_merge_has_one(tmp_path: Path) -> None:
    one = {"a": "revision='a1'\ndown_revision=None\n"}
    two = {n: f"revision='{n}2'\ndown_revision='a1'\n" for n in ("b", "c")}
    assert schema.heads(tree(tmp_path, **one, **two)) == {"b2", "c2"}
    tree(tmp_path, m="revision='m3'\ndown_revision=('b2', 'c2')\n")
    assert schema.heads(tmp_path) == {"m3"}


def test_what_another_branch_depends_on_is_no_head(tmp_path: Path) -> None:
    tree(
        tmp_path,
        expand="revision='e1'\ndown_revision=None\n",
        contract="revision='c1'\ndown_revision=None\ndepends_on=('e1',)\n",
    )
    assert schema.heads(tmp_path) == {"c1"}


def test_a_constant_of_the_same_file_is_followed(tmp_path: Path) -> None:
    tree(
        tmp_path,
        a="revision = 'a1'\ndown_revision = None\n",
        b="LIBERTY = 'a1'\nrevision = 'b2'\ndown_revision = LIBERTY\n",
    )
    assert schema.heads(tmp_path) == {"b2"}


def test_folders_below_count_and_other_files_do_not(tmp_path: Path) -> None:
    (tmp_path / "2025.1").mkdir()
    tree(tmp_path / "2025.1", a="revision = 'a1'\ndown_revision = None\n")
    tree(tmp_path, helper="def upgrade():\n    pass\n")
    assert schema.heads(tmp_path) == {"a1"}
