from __future__ import annotations

from dataclasses import replace

import pytest

from stackhaven.lab import freeze, recipe
from stackhaven.lab.recipe import MINIMAL, TRIXIE, Recipe

pytestmark = pytest.mark.unit


def test_the_same_recipe_is_the_same_image() -> None:
    assert (
        Recipe(name="x", suite="trixie", packages=("a",)).id
        == Recipe(name="x", suite="trixie", packages=("a",)).id
    )


@pytest.mark.parametrize(
    "changed",
    [
        replace(TRIXIE, packages=(*TRIXIE.packages, "sl")),
        replace(TRIXIE, packages=TRIXIE.packages[1:]),
        replace(TRIXIE, base=(*TRIXIE.base, "sl")),
        replace(TRIXIE, suite="forky"),
        replace(TRIXIE, left_out=()),
        MINIMAL,
    ],
)
def test_whatever_shapes_the_tree_makes_another_image(changed: Recipe) -> None:
    assert changed.id != TRIXIE.id


def test_a_new_name_alone_makes_no_other_image() -> None:
    assert replace(TRIXIE, name="other").id == TRIXIE.id


def test_script_and_freezing_are_a_part_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TRIXIE.id
    monkeypatch.setattr(recipe, "install_script", lambda: "#!/bin/sh\n")
    with_script = TRIXIE.id
    monkeypatch.setitem(freeze.FACTS, "masked", ())
    assert len({before, with_script, TRIXIE.id}) == 3
