from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackhaven.cli.vip import holders
from stackhaven.drills.deeds import Deed, OnNode
from tests.unit.drills.conftest import LAB, ground_from

pytestmark = pytest.mark.unit


class Hands:
    """Nodes of which some hold the VIP."""

    def __init__(self, *holding: str) -> None:
        self.holding = holding

    def holds(self, deed: Deed) -> bool:
        assert isinstance(deed, OnNode)
        return deed.node in self.holding


@pytest.mark.parametrize("holding", [(), ("c2",), ("c1", "c3")])
def test_holders_are_told_in_the_order_of_the_file(tmp_path: Path, holding: tuple[str, ...]) -> None:
    hands: Any = Hands(*reversed(holding))
    assert holders(ground_from(LAB, tmp_path), hands) == holding
