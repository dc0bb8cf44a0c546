from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.lab.cgroup import Hierarchies, parse_hierarchies

pytestmark = pytest.mark.unit

PURE = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = """\
30 23 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 30 0:35 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
40 30 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


def test_a_systemd_host_has_one_tree() -> None:
    found = parse_hierarchies(PURE)
    assert found == Hierarchies(Path("/sys/fs/cgroup"))
    assert found.all("lab/c1") == (Path("/sys/fs/cgroup/lab/c1"),)


def test_a_hybrid_host_has_memory_and_names_beside() -> None:
    found = parse_hierarchies(HYBRID)
    places = ("unified/lab/c1", "memory/lab/c1", "systemd/lab/c1", "cpu/lab.c1")
    assert found.all("lab/c1") == tuple(Path("/sys/fs/cgroup") / place for place in places)


def test_version_1_alone_is_refused_with_what_to_type() -> None:
    with pytest.raises(HavenError) as caught:
        parse_hierarchies(HYBRID[: HYBRID.index("40 30")])
    assert caught.value.rule == "lab-host"
    assert "mount -t cgroup2" in caught.value.todo
