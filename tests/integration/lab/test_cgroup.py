"""What a machine inherits from the program that switches it on."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from stackhaven.lab import cgroup

pytestmark = pytest.mark.integration


def test_a_machine_does_not_inherit_the_priority_of_what_starts_it(tmp_path: Path) -> None:
    """Machines that drills had switched on ran before their own databases, which asked for less than they had."""
    group, told = f"haven-test-{tmp_path.name}", tmp_path / "told"
    command = cgroup.starter(group, ("sh", "-c", f"nice > {told}.new && mv {told}.new {told}"))
    try:
        subprocess.run(("nice", "-n", "-15", *command), timeout=10, check=True)
        deadline = time.monotonic() + 10
        while not told.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert told.read_text().strip() == "0"
    finally:
        cgroup.remove(group)
