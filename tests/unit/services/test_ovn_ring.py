"""What Neutron's processes are told of each other: who is gone is out of their ring within seconds."""

from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from stackhaven.plan import File
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import SERVICES

pytestmark = pytest.mark.unit

MAINTENANCE = "neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb.maintenance"


@pytest.fixture
def constants(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Those of Neutron 2025.1, where the program finds them."""
    found = SimpleNamespace(
        HASH_RING_NODES_TIMEOUT=120, HASH_RING_TOUCH_INTERVAL=15, HASH_RING_CACHE_TIMEOUT=60
    )
    for name in ("neutron", "neutron.common", "neutron.common.ovn"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["neutron.common.ovn"].constants = found  # type: ignore[attr-defined]
    return found


def imported() -> None:
    exec((SERVICES / "neutron" / "files" / "ovn_ring.py").read_text(), {"__name__": "imported"})


def test_who_is_gone_is_gone_soon_and_who_lives_is_heard_in_time(constants: Any) -> None:
    imported()
    touch, gone, cache = (
        constants.HASH_RING_TOUCH_INTERVAL,
        constants.HASH_RING_NODES_TIMEOUT,
        constants.HASH_RING_CACHE_TIMEOUT,
    )
    assert gone + cache <= 20
    assert gone >= 5 * touch, "the database may be away for some touches"
    assert touch <= cache, "a process counts those of its own machine by whom it has heard for that long"


def test_it_changes_nothing_when_it_comes_too_late(constants: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that touches the ring each 15 s would be taken for gone after 15."""
    monkeypatch.setitem(sys.modules, MAINTENANCE, ModuleType(MAINTENANCE))
    with pytest.raises(ImportError, match="taken for gone"):
        imported()
    assert constants.HASH_RING_NODES_TIMEOUT == 120


def test_nova_waits_about_as_long_as_the_ring_needs() -> None:
    compute = next(step for step in plan_of(site_of("lab")) if step.name == "compute.configure")
    nova = {r.path: r.content for r in compute.resources(compute.nodes[0]) if isinstance(r, File)}
    assert re.search(r"^vif_plugging_timeout = 20\b", nova["/etc/nova/nova.conf"], re.MULTILINE)
