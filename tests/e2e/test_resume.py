from __future__ import annotations

import random

import pytest

from tests.e2e.harness import Cloud

pytestmark = pytest.mark.e2e

KILLS = 20
SEED = 20


def test_up_is_killed_at_random_moments_and_resumed_to_the_same_cloud(small: Cloud) -> None:
    chance = random.Random(SEED)
    cut_off = 0
    tries = 0
    while cut_off < KILLS and tries < 3 * KILLS:
        tries += 1
        cut_off += small.up_cut_off_after(chance.uniform(0.8, 6.0))
    assert cut_off >= KILLS, f"only {cut_off} of {tries} runs were cut off: the cloud was done too soon"

    resumed = small.up()
    assert resumed.code == 0
    assert small.haven("plan").code == 0

    again = small.up()
    assert again.code == 0
    assert again.result["totals"].get("changes", 0) == 0
    assert again.result["totals"].get("restarts", 0) == 0
    sizes = small.node("controller1", "mariadb -BNe \"show status like 'wsrep_cluster_size'\"")
    assert sizes.split() == ["wsrep_cluster_size", "3"]


def test_a_node_lost_in_the_middle_blocks_only_what_depends_on_it(small: Cloud) -> None:
    run = small.up_in_background()
    run.wait_for_step("mariadb.start", count=3)
    assert small.haven("lab", "power", "off", "controller3").code == 0

    broken = run.end()
    assert broken.code == 1
    failures = {(o["step"], o["node"]): o["state"] for o in broken.result["failures"]}
    assert {node for _, node in failures} >= {"controller3"}
    blocked = {step for (step, _), state in failures.items() if state == "blocked"}
    assert "keystone.catalogue" in blocked, "what needs every member must say so"
    started = small.node("controller1", "systemctl is-active haproxy mariadb memcached")
    assert started.split() == ["active"] * 3

    finished = small.up()
    assert finished.code == 0
    assert small.haven("plan").code == 0
