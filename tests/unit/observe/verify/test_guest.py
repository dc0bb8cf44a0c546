"""What a guest is told, and what it says."""

from __future__ import annotations

import base64
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.observe.verify.guest import read_console, user_data

pytestmark = pytest.mark.unit

UUID = "3f6c0c5e-2d5f-4b19-9c0e-0d3f6a1b2c3d"
SAID = f"""\
[    0.000000] Linux version 6.12
HAVEN-BOOT uptime=1.10
HAVEN-DHCP ip=10.254.77.147/24 router=10.254.77.1 mtu=1442 server=10.254.77.1 uptime=4.02
HAVEN-META instance-id=i-00000004 hostname=haven-verify-1-1 uptime=5.50
HAVEN-UUID {UUID}
HAVEN-PING 10.254.77.212 ok
HAVEN-HTTP 10.254.77.212 ok hello from haven-verify-1-2 i-00000005
HAVEN-USERDATA exit=0 uptime=9.00
HAVEN-READY uptime=9.01
"""


def test_a_guest_that_says_everything() -> None:
    console = read_console(SAID.replace("\n", "\r\n"))
    assert console.booted
    assert console.address == "10.254.77.147"
    assert console.instance_id == "i-00000004"
    assert console.uuid == UUID
    assert console.ping == "ok"
    assert console.http == "ok hello from haven-verify-1-2 i-00000005"
    assert console.ready
    assert console.stage == "it is ready"


def test_every_stage_has_its_words() -> None:
    lines = SAID.splitlines(keepends=True)
    stages = [read_console("".join(lines[:count])).stage for count in range(len(lines) + 1)]
    assert stages[0] == "it has not booted"
    assert stages[2] == "it booted, but has no address from DHCP"
    assert "asks for metadata" in stages[3]
    assert list(dict.fromkeys(stages))[-1] == "it is ready"


def test_metadata_that_failed_and_a_peer_that_was_not_met() -> None:
    console = read_console(
        "HAVEN-BOOT\nHAVEN-DHCP ip=10.0.0.3/24\nHAVEN-META-FAILED uptime=40\nHAVEN-PING 10.0.0.4 failed\n"
    )
    assert console.metadata_failed
    assert console.instance_id == ""
    assert console.ping == "failed"
    assert console.http is None


@given(st.text())
def test_no_console_is_too_odd(text: str) -> None:
    assert read_console(text).stage


def test_the_guests_program_is_a_shell_script() -> None:
    script = base64.b64decode(user_data("10.0.0.4")).decode()
    assert script.startswith("#!/bin/sh\n")
    assert "http://10.0.0.4/" in script
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=10)


def test_the_guests_program_says_what_it_met() -> None:
    """Run for real, with programs that answer as the guest's do."""
    script = base64.b64decode(user_data("10.0.0.4")).decode()
    stand_ins = f"""
    wget() {{ case "$*" in *meta_data*) echo '{{"uuid": "{UUID}", "name": "x"}}';; *) echo "hello";; esac; }}
    ping() {{ return 1; }}
    sleep() {{ :; }}
    """
    done = subprocess.run(
        ["sh"], input=stand_ins + script, text=True, capture_output=True, timeout=20, check=True
    )
    console = read_console(done.stdout)
    assert console.uuid == UUID
    assert console.ping == "failed"
    assert console.http == "ok hello"
