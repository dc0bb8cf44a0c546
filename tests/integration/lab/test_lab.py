from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from stackhaven.errors import HavenError
from stackhaven.lab import cgroup, netns, network
from stackhaven.lab.lab import Lab
from stackhaven.lab.spec import cgroup_of, hub_of
from tests.integration.lab.conftest import Bench, traces

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Make = Callable[..., Bench]


def host_network() -> str:
    """Addresses and routes of the host's own namespace."""
    show = [["ip", "-o", "address"], ["ip", "route", "show", "table", "all"]]
    return "".join(
        subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout for argv in show
    )


def leaders(lab: Lab) -> list[int | None]:
    return [cgroup.leader(node.cgroup) for node in lab.spec.nodes]


def test_up_gives_machines_behind_pinned_keys_and_leaves_the_host_alone(bench: Make) -> None:
    before = host_network()
    one = bench(nodes=2)
    keys = one.up()
    assert one.on("n1", "hostname; cat /proc/1/comm").split() == ["n1", "systemd"]
    assert one.on("n1", "systemctl is-system-running --wait") == "running"
    assert one.on("n2", "ip -4 -brief address | awk '$1 ~ /mgmt0|tun0/ {print $3}'").split() == [
        "172.30.1.12/24",
        "172.30.2.12/24",
    ]
    assert one.on("n1", "getent hosts n2") == "172.30.1.12     n2"
    assert one.on("n1", "test -c /dev/net/tun && echo tun") == "tun"
    assert host_network() == before
    assert keys["n1"] != keys["n2"]

    was = leaders(one.lab)
    assert one.up() == keys
    assert leaders(one.lab) == was, "a second up restarted a machine"

    one.pin({"n1": keys["n2"], "n2": keys["n1"]})
    assert one.ssh("n1", "true").returncode != 0, "a machine with another host key was trusted"


def test_power_loss_keeps_the_disk_and_says_nothing_to_peers(bench: Make) -> None:
    one = bench()
    keys = one.up()
    one.on("n1", "echo kept > /root/file; ip address add 172.30.1.5/32 dev mgmt0")
    booted_at = one.on("n1", "stat -c %y /run/systemd")
    with netns.entered(one.lab.spec.hub):
        peer = socket.create_connection(("172.30.1.11", 22), timeout=5)
    assert peer.recv(4) == b"SSH-"

    one.lab.power_off("n1")
    assert one.lab.running() == ()
    assert one.lab.status().nodes[0].power == "off"
    assert silent(peer, seconds=1.0), "the dead machine said goodbye"
    peer.close()

    one.lab.power_on("n1")
    assert one.lab.status().nodes[0].power == "on"
    assert one.on("n1", "cat /root/file") == "kept"
    assert "172.30.1.5" not in one.on("n1", "ip -brief address")
    assert one.on("n1", "stat -c %y /run/systemd") != booted_at
    assert one.up() == keys, "a power cycle changed the machine's identity"


def test_what_a_killed_lab_or_a_reboot_left_is_recognised(bench: Make) -> None:
    one = bench(nodes=2)
    one.up()
    one.on("n1", "echo kept > /root/file")

    for pid in pids(one.lab):
        with suppress(ProcessLookupError):  # its machine's init went first and took it along
            os.kill(pid, signal.SIGKILL)
    wait_until_dead(one.lab)
    assert {node.power for node in one.lab.status().nodes} == {"lost"}
    one.up()
    assert one.on("n1", "cat /root/file") == "kept"

    reboot_host(one.lab)
    assert {node.power for node in one.lab.status().nodes} == {"lost"}
    one.up()
    assert one.on("n1", "cat /root/file") == "kept"
    assert one.on("n2", "systemctl is-system-running --wait") == "running"


def test_an_interrupted_up_is_finished_by_the_next(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    build_node = network.build_node

    def interrupted(*arguments: object) -> None:
        build_node(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "build_node", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one.up()
    monkeypatch.undo()
    one.up()
    assert one.on("n1", "hostname") == "n1"


def test_down_is_orderly_and_keeps_the_disks(bench: Make) -> None:
    one = bench()
    one.up()
    one.on("n1", "echo kept > /root/file")
    assert one.lab.down() == ()
    left = traces(one.lab.spec.name)
    assert (left["namespaces"], left["mounts"], left["cgroups"]) == ([], [], [])
    one.up()
    assert one.on("n1", "cat /root/file") == "kept"
    assert one.on("n1", "systemctl --failed --no-legend") == ""


def test_two_labs_with_the_same_addresses_stand_side_by_side(bench: Make) -> None:
    one, other = bench("a"), bench("b")
    one.up()
    other.up()
    one.on("n1", "echo one > /root/file")
    other.on("n1", "echo other > /root/file")
    assert one.on("n1", "cat /root/file") == "one"
    one.lab.purge()
    assert other.on("n1", "cat /root/file") == "other"


def test_purge_leaves_nothing(bench: Make) -> None:
    one = bench(nodes=2)
    name = one.lab.spec.name
    nothing: dict[str, list[str]] = {kind: [] for kind in traces(name)}
    assert traces(name) == nothing
    one.up()
    assert all(traces(name).values()), "a trace this test does not see"
    one.lab.power_off("n2")
    one.lab.purge()
    assert traces(name) == nothing
    one.lab.purge()
    assert traces(name) == nothing


def test_a_changed_image_under_old_disks_is_refused(bench: Make) -> None:
    one = bench()
    one.up()
    one.lab.down()
    record = one.lab.files.state.read_text()
    one.lab.files.state.write_text(record.replace(one.image.id, "0123456789ab"))
    with pytest.raises(HavenError) as caught:
        one.up()
    assert caught.value.rule == "lab-image"
    one.lab.files.state.write_text(record)


def silent(peer: socket.socket, *, seconds: float) -> bool:
    """Whether a peer that has gone leaves the connection as it is: no end, no reset."""
    peer.settimeout(seconds)
    try:
        while peer.recv(100):
            pass
    except TimeoutError:
        return True
    except OSError:
        return False
    return False


def pids(lab: Lab) -> list[int]:
    root = cgroup.hierarchies().unified / cgroup_of(lab.spec.name)
    return [int(pid) for file in root.rglob("cgroup.procs") for pid in file.read_text().split()]


def wait_until_dead(lab: Lab) -> None:
    for node in lab.spec.nodes:
        cgroup.kill(node.cgroup)


def reboot_host(lab: Lab) -> None:
    """What a reboot leaves: the files, and nothing that lives in memory."""
    cgroup.kill(cgroup_of(lab.spec.name))
    cgroup.remove(cgroup_of(lab.spec.name))
    network.remove_all(lab.spec.name)
    for node in lab.spec.nodes:
        root: Path = lab.files.root_of(node.name)
        subprocess.run(["umount", "--lazy", str(root)], check=True, timeout=10)
    assert not netns.exists(hub_of(lab.spec.name))
