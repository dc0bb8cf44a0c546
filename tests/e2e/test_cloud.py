"""The life of one full cloud, in the order of its chapters: each test finds the cloud as the one before left it."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness import Cloud

pytestmark = pytest.mark.e2e

HEALTHY = 0


def test_a_guest_talks_to_a_guest_through_the_public_apis(full: Cloud) -> None:
    report = full.folder / "verify.xml"
    done = full.haven("verify", "--json", "--junit", str(report), timeout_s=900)
    assert done.code == 0
    checks = {c["name"]: c["verdict"] for c in json.loads(done.out)["checks"]}
    assert set(checks.values()) == {"ok"}
    assert {"guest.metadata", "guest.ping", "guest.http", "floating.http", "catalogue.hosts"} <= set(checks)
    assert report.read_text().count("<testcase") == len(checks)


def test_a_second_run_changes_nothing_and_restarts_nothing(full: Cloud) -> None:
    assert full.haven("plan").code == 0
    again = full.up()
    assert again.code == 0
    assert again.result["totals"].get("changes", 0) == 0
    assert again.result["totals"].get("restarts", 0) == 0


def test_a_healthy_cloud_is_said_to_be_healthy(full: Cloud) -> None:
    assert full.until_status(HEALTHY, deadline_s=90)


def test_a_file_edited_by_hand_is_shown_and_repaired_and_only_its_readers_restart(full: Cloud) -> None:
    before = {n: full.starts(n) for n in ("controller1", "controller2")}
    full.node("controller2", "sed -i 's/^max_retries = .*/max_retries = 7/' /etc/placement/placement.conf")

    plan = full.haven("plan")
    assert plan.code == full.PENDING
    assert "-max_retries = 7" in plan.out
    assert "+max_retries = -1" in plan.out
    assert all(secret not in plan.out for secret in full.secrets())

    repaired = full.up()
    assert repaired.code == 0
    assert repaired.result["totals"]["restarts"] == 1
    after = {n: full.starts(n) for n in before}
    restarted = {(n, unit) for n in before for unit in before[n] if before[n][unit] != after[n].get(unit)}
    assert restarted == {("controller2", "placement-api.service")}
    assert full.haven("plan").code == 0


def test_no_secret_stands_in_arguments_logs_or_journals(full: Cloud) -> None:
    secrets = full.secrets()
    for node in ("controller1", "compute1"):
        arguments = full.node(node, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        journal = full.node(node, "journalctl --no-pager -o cat", timeout_s=120)
        assert not [s[:4] for s in secrets if s in arguments]
        assert not [s[:4] for s in secrets if s in journal]
    for run in (full.state / "runs").iterdir():
        text = run.read_text()
        assert not [s[:4] for s in secrets if s in text]
    assert (full.state / "secrets.json").stat().st_mode & 0o777 == 0o600
