"""The end of the full cloud."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Cloud, traces_of

pytestmark = pytest.mark.e2e


def test_purge_leaves_nothing(full: Cloud) -> None:
    assert traces_of(full.name)
    assert full.haven("lab", "down", "--purge", timeout_s=180).code == 0
    assert traces_of(full.name) == []
