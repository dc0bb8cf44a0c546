"""systemd on a real machine: restart exactly when what a unit has read has changed, and never for another reason."""

from __future__ import annotations

import asyncio
import time

import pytest

from stackhaven.engine.link import AgentFailedError, Link
from stackhaven.plan import Command, File, Package, Unit
from tests.integration.engine.conftest import Machine

pytestmark = pytest.mark.integration

CONF = "/etc/demo/demo.conf"
DAEMON = """#!/bin/sh
cat /etc/demo/* > /run/demo.read
trap 'cat /etc/demo/* > /run/demo.read' HUP
while :; do sleep 60 & wait; done
"""
SERVICE = """[Service]
ExecStart=/usr/local/bin/demo
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
"""
UNIT = Unit(name="demo.service", watches=("/etc/demo",))


def conf(text: str, path: str = CONF) -> File:
    return File(path=path, content=text)


def invocation(machine: Machine, unit: str = "demo") -> str:
    return machine.sh(f"systemctl show -P InvocationID {unit}")


@pytest.fixture
def demo(machine: Machine) -> Machine:
    """The machine with a running demo service that has read its configuration."""
    machine.sh(
        "systemctl stop demo 2>/dev/null; systemctl unmask -q demo; rm -rf /etc/demo /etc/systemd/system/demo.service.d"
    )
    machine.apply(
        File(path="/usr/local/bin/demo", content=DAEMON, mode=0o755),
        File(path="/etc/systemd/system/demo.service", content=SERVICE),
        conf("one\n"),
        UNIT,
    )
    return machine


def test_it_is_started_and_enabled_and_then_left_alone(demo: Machine) -> None:
    before = invocation(demo)
    assert demo.sh("systemctl is-enabled demo; systemctl is-active demo").split() == ["enabled", "active"]
    assert demo.check(UNIT) == [{"holds": True}]
    assert [answer["changed"] for answer in demo.apply(conf("one\n"), UNIT)] == [False, False]
    assert invocation(demo) == before


def test_a_changed_file_means_one_restart(demo: Machine) -> None:
    before = invocation(demo)
    _, unit = demo.apply(conf("two\n"), UNIT)
    assert unit["did"] == f"restarted ({CONF} is newer than its start)"
    assert demo.sh("cat /run/demo.read") == "two"
    after = invocation(demo)
    assert after != before
    assert not demo.apply(UNIT)[0]["changed"]
    assert invocation(demo) == after


def test_many_changes_in_the_same_second_are_each_seen_and_never_twice(demo: Machine) -> None:
    async def work(link: Link) -> list[bool]:
        seen = []
        for number in range(10):
            for resource in (conf(f"{number}\n"), UNIT, UNIT):
                answer = await link.call("apply", timeout_s=30, resource=resource.wire())
                seen.append(answer["changed"])
        return seen

    assert demo.linked(work) == [True, True, False] * 10
    assert demo.sh("cat /run/demo.read") == "9"


def test_an_interruption_between_write_and_restart_is_not_lost(demo: Machine) -> None:
    demo.apply(conf("written, then the run was killed\n"))
    found = demo.check(UNIT)[0]
    assert (found["holds"], found["verb"]) == (False, "restart")
    assert demo.apply(UNIT)[0]["changed"]


def test_a_file_put_back_with_its_old_date_is_seen(demo: Machine) -> None:
    demo.sh(f"echo edited > /root/x; touch -d 2001-01-01 /root/x; mv /root/x {CONF}")
    assert demo.check(UNIT)[0]["verb"] == "restart"


def test_a_file_taken_out_of_a_watched_directory_is_seen(demo: Machine) -> None:
    demo.apply(conf("more\n", "/etc/demo/more.conf"), UNIT)
    demo.sh("rm /etc/demo/more.conf")
    assert "/etc/demo is newer" in demo.check(UNIT)[0]["why"]


def test_a_drop_in_means_daemon_reload_and_restart(demo: Machine) -> None:
    drop_in = File(path="/etc/systemd/system/demo.service.d/x.conf", content="[Service]\nEnvironment=A=1\n")
    _, unit = demo.apply(drop_in, Unit(name="demo.service", reload=True))
    assert unit["verb"] == "restart"
    assert demo.sh("systemctl show -P Environment demo; systemctl show -P NeedDaemonReload demo").split() == [
        "A=1",
        "no",
    ]
    assert demo.check(UNIT) == [{"holds": True}]


def test_an_unrelated_daemon_reload_restarts_nothing(demo: Machine) -> None:
    demo.sh("systemctl daemon-reload")
    assert demo.check(UNIT) == [{"holds": True}]


def test_reload_keeps_the_process_and_is_done_once(demo: Machine) -> None:
    unit = Unit(name="demo.service", watches=("/etc/demo",), reload=True)
    before = invocation(demo)
    answers = demo.apply(conf("reloaded\n"), unit, unit)
    assert [(a["changed"], a["verb"]) for a in answers[1:]] == [(True, "reload"), (False, "")]
    assert (demo.sh("cat /run/demo.read"), invocation(demo)) == ("reloaded", before)
    demo.apply(conf("again\n"))
    assert demo.check(unit)[0]["verb"] == "reload"


def test_a_start_that_fails_shows_the_log_and_what_to_type(demo: Machine) -> None:
    demo.apply(
        File(
            path="/usr/local/bin/broken",
            content="#!/bin/sh\necho cannot bind port 80 >&2\nexit 7\n",
            mode=0o755,
        )
    )
    demo.apply(
        File(
            path="/etc/systemd/system/broken.service",
            content="[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/broken\n",
        )
    )
    with pytest.raises(AgentFailedError) as caught:
        demo.apply(Unit(name="broken.service", enabled=None))
    assert "cannot bind port 80" in caught.value.what
    assert "systemctl status broken.service" in caught.value.what
    demo.apply(File(path="/usr/local/bin/broken", content="#!/bin/sh\nexit 0\n", mode=0o755))
    assert demo.apply(Unit(name="broken.service", enabled=None))[0]["did"] == "started"
    assert demo.check(Unit(name="broken.service", enabled=None)) == [{"holds": True}]


def test_a_unit_that_dies_soon_has_not_started(demo: Machine) -> None:
    demo.apply(
        File(path="/etc/systemd/system/brief.service", content="[Service]\nExecStart=/bin/sleep 0.5\n")
    )
    with pytest.raises(AgentFailedError, match=r"did not stay up for 2 s"):
        demo.apply(Unit(name="brief.service", enabled=None, settle_s=2))


def test_stopped_disabled_masked_and_back(demo: Machine) -> None:
    off = Unit(name="demo.service", active=False, enabled=False)
    assert demo.apply(off)[0]["did"] == "disabled, stopped"
    assert demo.check(off, Unit(name="no-such.service", active=False, enabled=None)) == [{"holds": True}] * 2
    demo.sh("mv /etc/systemd/system/demo.service /usr/lib/systemd/system/")
    try:
        masked = Unit(name="demo.service", masked=True)
        assert demo.apply(masked)[0]["did"] == "masked"
        assert demo.check(masked) == [{"holds": True}]
        assert demo.apply(UNIT)[0]["did"] == "unmasked, enabled, started"
    finally:
        demo.sh("mv /usr/lib/systemd/system/demo.service /etc/systemd/system/")


def test_a_unit_that_is_not_there(demo: Machine) -> None:
    missing = Unit(name="no-such.service", watches=("/etc/demo",))
    assert "is not there" in demo.check(missing)[0]["why"]
    with pytest.raises(AgentFailedError, match=r"no-such\.service"):
        demo.apply(missing)


def test_a_long_action_outlives_its_link_and_is_found_again(demo: Machine) -> None:
    demo.sh("rm -f /root/long /root/starts")
    script = "echo x >> /root/starts; cat > /root/secret; sleep 3; touch /root/long"
    action = Command(
        what="long", check=("test", "-e", "/root/long"), apply=("sh", "-c", script), unit="haven-long", stdin="s3cret",
        timeout_s=60,
    )  # fmt: skip

    async def cut_off(link: Link) -> None:
        call = asyncio.ensure_future(link.call("apply", timeout_s=30, resource=action.wire()))
        while demo.sh("test -e /root/starts && echo yes || true") != "yes":
            await asyncio.sleep(0.1)
        call.cancel()

    demo.linked(cut_off)
    began = time.monotonic()
    assert demo.apply(action)[0]["changed"]
    assert time.monotonic() - began < 15
    assert demo.sh("cat /root/starts; cat /root/secret").split() == ["x", "s3cret"]
    assert demo.sh("ls /run/stackhaven/actions | grep stdin || true") == ""


def test_a_failing_action_in_a_unit_shows_its_output(demo: Machine) -> None:
    action = Command(
        what="x", check=("false",), apply=("sh", "-c", "echo '$HOME is gone'; exit 9"), unit="haven-bad"
    )
    with pytest.raises(AgentFailedError, match=r"(?s)exit code 9.*\$HOME is gone"):
        demo.apply(action)


CONTROL = "Package: haven-demo\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: demo\n"
POSTINST = "#!/bin/sh\nset -e\ndeb-systemd-invoke start haven-demo.service || true\n"


def test_a_package_is_installed_without_starting_its_service(machine: Machine) -> None:
    files = {
        "/root/p/DEBIAN/control": (CONTROL, 0o644),
        "/root/p/DEBIAN/postinst": (POSTINST, 0o755),
        "/root/p/usr/lib/systemd/system/haven-demo.service": ("[Service]\nExecStart=/bin/sleep 600\n", 0o644),
        "/etc/apt/sources.list.d/haven-demo.list": ("deb [trusted=yes] file:/root/repo ./\n", 0o644),
    }
    machine.apply(*(File(path=path, content=text, mode=mode) for path, (text, mode) in files.items()))
    machine.sh(
        "mkdir -p /root/repo && chmod 755 /root && rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*.sources && "
        "dpkg-deb -b /root/p /root/repo/haven-demo.deb >/dev/null && cd /root/repo && "
        "{ cat /root/p/DEBIAN/control; echo Filename: ./haven-demo.deb; echo Size: $(stat -c %s haven-demo.deb); "
        "echo SHA256: $(sha256sum haven-demo.deb | cut -d' ' -f1); } > Packages"
    )
    package = Package(names=("haven-demo",))
    assert machine.check(package)[0]["why"] == "not installed: haven-demo"
    assert machine.apply(package, package)[0]["did"] == "installed haven-demo"
    assert machine.check(package) == [{"holds": True}]
    assert machine.sh("systemctl is-active haven-demo || true") == "inactive"
    assert machine.sh("test -e /usr/sbin/policy-rc.d && echo there || echo gone") == "gone"
    with pytest.raises(AgentFailedError, match="Unable to locate package haven-nothing"):
        machine.apply(Package(names=("haven-nothing",)))
    assert machine.sh("test -e /usr/sbin/policy-rc.d && echo there || echo gone") == "gone"
