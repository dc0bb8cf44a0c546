"""Bad days of one full cloud, in order; `make baddays` runs only them and the drills."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.e2e.harness import Cloud

pytestmark = pytest.mark.e2e

HEALTHY, DEGRADED, DOWN = 0, 1, 2


def test_a_dead_controller_is_a_finding_within_seconds_and_the_cloud_goes_on(full: Cloud) -> None:
    assert full.haven("lab", "power", "off", "controller1").code == 0
    began = time.monotonic()
    seen = full.haven("status", "--json", timeout_s=60)
    assert time.monotonic() - began < 20
    assert seen.code in {DEGRADED, DOWN}
    assert "controller1" in seen.out
    time.sleep(15)
    full.verify("tenant", "floating")  # two controllers of three must serve tenants

    assert full.haven("lab", "power", "on", "controller1").code == 0
    assert full.until_status(HEALTHY, deadline_s=240)
    assert full.haven("plan").code == 0


def test_all_power_lost_at_once_comes_back_by_itself(full: Cloud) -> None:
    for node in ("controller1", "controller2", "controller3", "compute1", "compute2"):
        assert full.haven("lab", "power", "off", node).code == 0
    began = time.monotonic()
    assert full.haven("lab", "up").code == 0
    assert full.until_status(HEALTHY, deadline_s=420)
    print(f"blackout to healthy: {time.monotonic() - began:.0f} s")
    full.verify()
    assert full.haven("plan").code == 0


def test_an_orderly_stop_starts_again_without_recovery(full: Cloud) -> None:
    assert full.haven("down", timeout_s=400).code == 0
    assert full.haven("status", "--json", timeout_s=60).code == DOWN
    started = full.up()
    assert started.code == 0
    assert full.until_status(HEALTHY, deadline_s=180)
    assert full.haven("plan").code == 0


def test_killed_machines_are_started_again_with_their_disks(full: Cloud) -> None:
    """The host was rebooted, or somebody killed the lab: what is left over is recognised."""
    full.node("compute1", "echo kept > /root/mark && sync")
    pids = subprocess.run(
        ["pgrep", "-f", f"systemd-nspawn.*haven-{full.name}[.]"], capture_output=True, text=True, check=False
    ).stdout.split()
    assert len(pids) >= 5
    subprocess.run(["kill", "-9", *pids], check=True)
    assert full.haven("lab", "up", timeout_s=300).code == 0
    assert full.node("compute1", "cat /root/mark") == "kept\n"
    assert full.until_status(HEALTHY, deadline_s=420)
