from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import UP_S, Cloud

CHAPTERS = ("test_cloud", "test_drills", "test_bad_days", "test_purge", "test_resume")
"""One full cloud lives through them in this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: CHAPTERS.index(item.path.stem) if item.path.stem in CHAPTERS else -1)
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="a lab needs root")
    for item in items:
        if "e2e" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The full cloud of examples/lab.yaml, up; later tests of the session find it as the earlier ones left it."""
    cloud = Cloud.of_example("lab.yaml", tmp_path_factory.mktemp("full"), "e2e")
    cloud.purge()
    # The image first: how long that takes says more about the network than about this host.
    assert cloud.haven("lab", "up", timeout_s=UP_S).code == 0
    done = cloud.up()
    assert done.code == 0, done.out[-3000:] + done.err[-3000:]
    yield cloud.slow_as_its_start(done)
    cloud.purge()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Cloud]:
    """The spine of examples/small.yaml, not yet up."""
    cloud = Cloud.of_example("small.yaml", tmp_path, "e2esmall")
    cloud.purge()
    yield cloud
    cloud.purge()
