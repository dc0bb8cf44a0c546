from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from stackhaven.drills.deeds import Deed, InHub, OnNode, Power, Strike
from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Fault, Victim
from stackhaven.drills.faults.contents import FAULTS, fault
from stackhaven.drills.ground import Ground
from tests.unit.drills.conftest import LAB, ground_from

pytestmark = pytest.mark.unit

REQUIRED = {f"FS-{n:02d}" for n in (*range(1, 6), 7, *range(9, 12), 14, 15, 16, 19, 20, 22, 52, 53, 68)}
"""FS-06, FS-08, FS-12 and FS-13 are matters of configuration: nothing can be injected, they are checked."""


def strike_of(one: Fault, ground: Ground) -> Strike:
    units = ("mariadb.service",) if one.on_programs else ()
    return one.aim(ground, Victim(nodes=("c1",), says="c1", units=units))


def scripts(strike: Strike) -> list[str]:
    deeds: list[Deed] = [*strike.prepare, *strike.inject, *strike.effect, *strike.heal, *strike.healed]
    return [deed.script for deed in deeds if isinstance(deed, OnNode | InHub)]


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_every_fault_can_be_healed_and_proves_it(one: Fault, lab: Ground) -> None:
    strike = strike_of(one, lab)
    assert strike.inject
    assert strike.heal
    assert strike.healed
    assert strike.effect or one.mends_itself
    assert strike.nodes == ("c1",)


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_every_script_is_one_that_the_shell_understands(
    one: Fault, lab: Ground, hosts_with_bmcs: Ground
) -> None:
    for ground in (lab, hosts_with_bmcs):
        if ground is hosts_with_bmcs and one.lab_only:
            continue
        script = "\n".join(scripts(strike_of(one, ground)))
        done = subprocess.run(
            ["sh", "-n"], input=script, text=True, capture_output=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("one", [f for f in FAULTS if not f.lab_only], ids=lambda one: one.name)
def test_on_existing_hosts_nothing_needs_the_labs_hub(one: Fault, hosts_with_bmcs: Ground) -> None:
    strike = strike_of(one, hosts_with_bmcs)
    deeds = [*strike.inject, *strike.effect, *strike.heal, *strike.healed]
    assert not [deed for deed in deeds if isinstance(deed, InHub)]


RABBITMQCTL = {"stop_app", "reset"}
DIAGNOSTICS = {"check_running"}
"""What the two programs of RabbitMQ 4 know, as far as faults use them."""


def test_faults_use_the_brokers_programs_for_what_they_can(lab: Ground) -> None:
    text = "\n".join(line for one in FAULTS for line in scripts(strike_of(one, lab)))
    assert set(re.findall(r"rabbitmqctl (?:-\S+ )*(\w+)", text)) == RABBITMQCTL
    assert set(re.findall(r"rabbitmq-diagnostics (?:-\S+ )*(\w+)", text)) == DIAGNOSTICS


@pytest.mark.parametrize("name", ["power-off", "reset"])
def test_a_machine_without_a_bmc_keeps_its_power(name: str, hosts: Ground) -> None:
    with pytest.raises(DrillError, match="the power of c1 cannot be switched") as raised:
        strike_of(fault(name), hosts)
    assert raised.value.rule == "drill-no-bmc"


def test_a_partition_of_hosts_ends_by_itself_and_spares_ssh(hosts: Ground) -> None:
    strike = strike_of(fault("partition"), hosts)
    assert all("--on-active=" in script for script in scripts(strike) if "nft add table" in script)
    cut = "".join(scripts(strike_of(fault("cut-link"), hosts)))
    assert "dport != 22 drop" in cut
    assert "sport != 22 drop" in cut


def test_a_host_without_nft_says_so_before_anything_is_broken(
    lab: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(DrillError, match="no nft") as raised:
        strike_of(fault("partition"), lab)
    assert raised.value.todo == "apt-get install nftables"


def test_a_partition_cuts_both_ways_and_a_one_way_partition_one(lab: Ground) -> None:
    def rules(name: str) -> int:
        return scripts(strike_of(fault(name), lab))[0].count("add rule")

    assert (rules("partition"), rules("partition-one-way")) == (2, 1)


def test_a_frozen_machine_gets_its_power_back_even_when_it_was_fenced(lab: Ground) -> None:
    assert [deed.verb for deed in strike_of(fault("freeze-node"), lab).heal if isinstance(deed, Power)] == [
        "thaw",
        "on",
    ]


def test_the_others_are_ready_for_the_vip_before_its_holder_lets_go(lab: Ground) -> None:
    strike = strike_of(fault("move-vip"), lab)
    assert strike.in_turn
    assert [deed.node for deed in strike.inject if isinstance(deed, OnNode)] == ["c2", "c3", "c1"]
    verbs = [deed.script.split()[-2] for deed in strike.inject if isinstance(deed, OnNode)]
    assert verbs == ["receive", "receive", "release"]


@pytest.mark.parametrize("nodes", [("c1", "c2"), ("k1",)])
def test_the_vip_is_moved_away_from_one_controller(lab: Ground, nodes: tuple[str, ...]) -> None:
    with pytest.raises(DrillError, match="away from one controller"):
        fault("move-vip").aim(lab, Victim(nodes=nodes, says="them"))


def test_pacemakers_vip_is_not_moved_by_a_program_it_does_not_know(tmp_path: Path) -> None:
    ground = ground_from(LAB + "vip: {provider: pacemaker}\n", tmp_path)
    with pytest.raises(DrillError, match="keepalived only") as raised:
        strike_of(fault("move-vip"), ground)
    assert "crm_resource" in raised.value.todo


def test_apis_are_restarted_one_at_a_time_on_one_controller_after_the_other(lab: Ground) -> None:
    strike = fault("restart-apis").aim(lab, Victim(nodes=("c1", "c2"), says="both"))
    assert strike.in_turn
    done = [(deed.node, deed.says.split()[-1]) for deed in strike.inject if isinstance(deed, OnNode)]
    drained = [one.unit for d in lab.site.declared for one in d.listeners if one.unit]
    assert {"keystone", "nova-api", "nova-api-metadata", "neutron-api", "horizon"} <= set(drained)
    assert done == [(node, unit) for node in ("c1", "c2") for unit in drained]


def test_a_restarted_dashboard_is_asked_at_its_own_port(lab: Ground) -> None:
    script = next(s for s in scripts(strike_of(fault("restart-apis"), lab)) if "restart horizon" in s)
    assert f"horizon c1 {lab.layout.node('c1').management} 8080 /auth/login/ <<" in script


def test_a_hypervisor_has_no_api_to_restart(lab: Ground) -> None:
    with pytest.raises(DrillError, match="no API runs on k1"):
        fault("restart-apis").aim(lab, Victim(nodes=("c1", "k1"), says="both"))


def test_programs_within_scripts_are_python(lab: Ground) -> None:
    found = [
        body for one in FAULTS for s in scripts(strike_of(one, lab)) for body in s.split("<<'END'\n")[1:]
    ]
    assert found
    for body in found:
        compile(body.rpartition("END\n")[0], "script", "exec")


def test_all_scenarios_are_covered() -> None:
    covered = {scenario for one in FAULTS for scenario in one.covers}
    assert REQUIRED - covered == set()


def test_a_fault_of_programs_wants_to_know_which(lab: Ground) -> None:
    with pytest.raises(DrillError, match="which program"):
        fault("kill").aim(lab, Victim(nodes=("c1",), says="c1"))


def test_only_a_disk_that_can_be_filled_is(lab: Ground) -> None:
    with pytest.raises(DrillError, match="cannot be filled"):
        fault("disk-full").aim(lab, Victim(nodes=("c1",), says="c1", units=("keystone.service",)))


def test_an_unknown_fault_is_refused_with_those_there_are() -> None:
    with pytest.raises(DrillError) as raised:
        fault("explode")
    assert "power-off" in raised.value.todo
