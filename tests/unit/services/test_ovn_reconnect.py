from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from stackhaven.plan import File, Unit
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import site_of
from tests.unit.services.programs import SERVICES

pytestmark = pytest.mark.unit


def test_a_lost_connection_to_ovn_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reconnect:
        def __init__(self, now: int) -> None:
            self.created, self.min_backoff, self.max_backoff = now, 1000, 8000

    library: Any = ModuleType("ovs.reconnect")
    library.Reconnect = Reconnect
    package: Any = ModuleType("ovs")
    package.reconnect = library
    monkeypatch.setitem(sys.modules, "ovs", package)
    monkeypatch.setitem(sys.modules, "ovs.reconnect", library)
    exec((SERVICES / "neutron" / "files" / "ovn_reconnect.py").read_text(), {"__name__": "imported"})
    made = library.Reconnect(7)
    assert isinstance(made, Reconnect)
    assert (made.created, made.min_backoff, made.max_backoff) == (7, 100, 800)


@pytest.mark.parametrize(
    ("option", "program", "word"),
    [("import", "ovn-reconnect", "set_backoff"), ("python-import", "ovn-ring", "HASH_RING_NODES_TIMEOUT")],
)
def test_the_api_imports_it_and_is_restarted_with_it(option: str, program: str, word: str) -> None:
    """So is what `test_ovn_ring` is about."""
    path = f"/usr/local/lib/stackhaven/{program}"
    site = site_of("lab")
    steps = {step.name: step for step in plan_of(site)}
    node = site.layout.controllers[0].name
    files = {r.path: r.content for r in steps["neutron.configure"].resources(node) if isinstance(r, File)}
    assert f"\n{option} = {path}\n" in files["/etc/stackhaven/uwsgi/neutron-api.ini"]
    assert word in files[path]
    units = {r.name: r for r in steps["neutron.start"].resources(node) if isinstance(r, Unit)}
    assert path in units["neutron-api.service"].watches
