"""The reference page of the design document is current and complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.design.plan_keys import page

pytestmark = pytest.mark.unit


def test_the_page_is_current() -> None:
    written = Path(__file__).parents[3] / "docs" / "reference" / "design-yaml.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "run: haven design --keys > docs/reference/design-yaml.md"
    )


def test_every_key_is_described() -> None:
    rows = [line for line in page().split("\n") if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []
