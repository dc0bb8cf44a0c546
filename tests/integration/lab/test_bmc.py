"""Virtual BMCs, asked from a node by the ordinary tools that a cluster fences with."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.drills.bmc import Verb, order
from stackhaven.drills.errors import DrillError
from stackhaven.lab import cgroup
from stackhaven.lab.bmc import control
from stackhaven.lab.build import ensure_image
from stackhaven.lab.home import Home
from stackhaven.lab.lab import Lab
from stackhaven.lab.recipe import TRIXIE
from stackhaven.lab.spec import spec_of
from stackhaven.model.cloud import Cloud
from stackhaven.model.fencing import BmcAccess
from tests.integration.lab.conftest import Bench, traces

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "aB3dEfGh1jKlMn0pQrSt"
PASSWORD_FILE = "/root/bmc"
AGENTS = {
    "ipmi": f"fence_ipmilan --lanplus --password-script='cat {PASSWORD_FILE}'",
    "redfish": f"fence_redfish --ssl-insecure --password-script='cat {PASSWORD_FILE}'",
}


class Fenced(Bench):
    """Two nodes; n1 asks, n2 is switched."""

    def up(self) -> dict[str, str]:
        keys = self.lab.up(
            self.image,
            authorized_key=self.key.with_suffix(".pub").read_text(),
            bmc_passwords=dict.fromkeys(("n1", "n2"), PASSWORD),
        )
        self.pin(keys)
        self.on("n1", f"umask 077; echo {PASSWORD} > {PASSWORD_FILE}")
        return keys

    def fence(self, kind: str, action: str, command: str = "") -> subprocess.CompletedProcess[str]:
        bmc = self.lab.spec.node("n2").bmc
        assert bmc is not None
        agent = command or AGENTS[kind]
        return self.ssh("n1", f"{agent} --ip={bmc.address} --username=haven --power-wait=0 --action={action}")

    def runs(self) -> bool:
        return "n2" in self.lab.running()

    def await_ssh(self) -> None:
        deadline = time.monotonic() + 60
        while self.ssh("n2", "true").returncode != 0:
            assert time.monotonic() < deadline, "n2 does not answer"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    if os.geteuid() != 0:
        pytest.skip("making machines needs root")
    name = f"itb{os.getpid() % 1000000}"
    cloud = Cloud.model_validate(
        {"name": name, "lab": {}, "fencing": {}, "nodes": {"n": {"roles": ["controller"], "count": 2}}}
    )
    lab = Lab(spec_of(layout_of(cloud)))
    directory = tmp_path_factory.mktemp("bmc")
    key = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=20)
    image = ensure_image(TRIXIE, Home.of_environment())
    try:
        one = Fenced(lab=lab, image=image, key=key, known_hosts=directory / "known")
        one.up()
        yield one
    finally:
        lab.purge()
    assert not any(traces(name).values())


@pytest.mark.parametrize("kind", AGENTS)
def test_a_node_is_switched_off_and_on_by_the_ordinary_fence_agents(fenced: Fenced, kind: str) -> None:
    assert "ON" in fenced.fence(kind, "status").stdout
    assert fenced.fence(kind, "off").returncode == 0
    assert not fenced.runs(), "the agent was told off before it was"
    assert "OFF" in fenced.fence(kind, "status").stdout
    assert fenced.fence(kind, "on").returncode == 0
    fenced.await_ssh()


@pytest.mark.parametrize("kind", AGENTS)
def test_drills_on_existing_hosts_switch_them_by_the_same_bmcs(fenced: Fenced, kind: str) -> None:
    described = fenced.lab.spec.node("n2").bmc
    assert described is not None
    bmc = BmcAccess(
        kind=kind, address=described.address, user="haven", password_name="fencing.bmc", verify_tls=False
    )
    there = ["nsenter", f"--net=/run/netns/{fenced.lab.spec.hub}"]
    orders: tuple[tuple[Verb, str, bool], ...] = (
        ("look", "on", True), ("off", "off", False), ("off", "off", False), ("on", "on", True), ("reset", "on", True),
    )  # fmt: skip
    for verb, state, runs in orders:
        assert order("n2", bmc, PASSWORD, verb, prefix=there) == state
        deadline = time.monotonic() + 30
        while fenced.runs() is not runs:
            assert time.monotonic() < deadline, f"told {verb}, and it is not so"
            time.sleep(0.2)
        if runs:
            fenced.await_ssh()
    with pytest.raises(DrillError, match="did not obey") as raised:
        order("n2", bmc, "wrong", "off", prefix=there)
    assert "wrong" not in str(raised.value)
    with pytest.raises(DrillError, match="did not obey"):
        order("n2", replace(bmc, kind="redfish", verify_tls=True), PASSWORD, "off", prefix=there)
    assert fenced.runs()


@pytest.mark.parametrize("kind", AGENTS)
def test_a_frozen_node_is_rebooted(fenced: Fenced, kind: str) -> None:
    before = fenced.on("n2", "cat /proc/1/stat | cut -d' ' -f22")
    group = cgroup.hierarchies().unified / fenced.lab.spec.node("n2").cgroup
    (group / "cgroup.freeze").write_text("1")
    assert fenced.fence(kind, "reboot").returncode == 0
    fenced.await_ssh()
    assert fenced.on("n2", "cat /proc/1/stat | cut -d' ' -f22") != before


@pytest.mark.parametrize("kind", AGENTS)
def test_a_wrong_password_switches_nothing(fenced: Fenced, kind: str) -> None:
    agent = AGENTS[kind].replace(f"--password-script='cat {PASSWORD_FILE}'", "--password=wrong")
    assert fenced.fence(kind, "off", agent).returncode != 0
    assert fenced.runs()


def test_the_bmc_answers_at_once_after_a_quiet_time(fenced: Fenced) -> None:
    time.sleep(6)
    began = time.monotonic()
    assert fenced.fence("ipmi", "status").returncode == 0
    assert time.monotonic() - began < 5


def test_it_comes_back_when_its_process_was_killed_and_nodes_do_not_notice(fenced: Fenced) -> None:
    leaders = [cgroup.leader(node.cgroup) for node in fenced.lab.spec.nodes]
    control.stop(fenced.lab.spec.name)
    assert fenced.fence("redfish", "status").returncode != 0
    fenced.up()
    assert fenced.fence("redfish", "status").returncode == 0
    assert [cgroup.leader(node.cgroup) for node in fenced.lab.spec.nodes] == leaders


def test_no_password_stands_in_an_argument_and_only_the_owner_reads_the_files(fenced: Fenced) -> None:
    arguments = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments.append(file.read_text(errors="replace"))
        except OSError:
            continue
    assert any("stackhaven.lab.bmc.serve" in words for words in arguments)
    assert not any(PASSWORD in words for words in arguments)
    kept = fenced.lab.files.root / "bmc"
    assert kept.stat().st_mode & 0o077 == 0
    assert all(f.stat().st_mode & 0o077 == 0 for f in kept.iterdir() if f.name != "log")
