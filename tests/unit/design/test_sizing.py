"""Sizing: the documents' cloud of 200 VMs, impossible demands, and what holds for any demand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.design.hardware import Hardware
from stackhaven.design.plan_load import parse_design
from stackhaven.design.plan_model import Design
from stackhaven.design.sizing import size
from stackhaven.design.sizing.compute import plan_compute, plans
from stackhaven.design.sizing.control import plan_control
from stackhaven.design.sizing.documents import examples
from stackhaven.design.sizing.hosts import DIMENSIONS, demand, guests_held, pack, room_of, taken_by
from stackhaven.design.workload import Workload
from stackhaven.errors import InputError

pytestmark = pytest.mark.unit

SERVER: dict[str, Any] = {
    "sockets": 2,
    "cores_per_socket": 10,
    "clock": "2.6 GHz",
    "smt_factor": 2,
    "stick": "16 GB",
    "sticks": 16,
    "reserved_ram": "16 GB",
    "drive": "ssd",
    "drives": 8,
    "drive_slots": 8,
    "links": 2,
    "link_speed": "10 Gb/s",
}
FLAVOR: dict[str, Any] = {
    "count": 200,
    "vcpus": 1,
    "ram": "8 GB",
    "disk": "100 GB",
    "volume": "250 GB",
    "average": "2 GHz",
    "peak": "16 GHz",
    "bandwidth": "200 Mb/s",
}


def design(**changes: Any) -> Design:
    flavor = FLAVOR | changes.pop("flavor", {})
    server = SERVER | changes.pop("server", {})
    return Design.model_validate(
        {
            "name": "two-hundred",
            "workload": {"flavors": {"all": flavor}, **changes},
            "hardware": {
                "servers": {"r20": server},
                "drives": {"ssd": {"size": "1 TB", "iops": 20000}},
                "switches": {"leaf": {"ports": 48, "speed": "10 Gb/s"}},
            },
        }
    )


def test_two_hundred_vms_need_eight_hosts_and_a_spare_one() -> None:
    plan = size(design()).compute
    assert (plan.needed, plan.hosts, plan.cores_per_vm_peak) == (8, 9, 4)
    assert plan.binding == "clock"
    assert plan.asked["clock"] == 8


def test_headroom_is_counted_with_the_spare_hosts_gone() -> None:
    plan = size(design(spare_hosts=2)).compute
    assert plan.hosts == 10
    assert plan.used["clock"] == pytest.approx(400 / 416, abs=1e-3)
    assert plan.headroom == 8


def test_a_ratio_of_16_changes_the_binding_constraint() -> None:
    plan = size(design(flavor={"vcpus": 8, "average": None, "peak": None})).compute
    assert (plan.needed, plan.binding) == (20, "vCPU")
    relaxed = size(design(flavor={"vcpus": 8, "average": None, "peak": None}, ratios={"cpu": 16})).compute
    assert (relaxed.needed, relaxed.binding) == (7, "memory")


def test_sensitivity_names_the_difference() -> None:
    rows = {row.change: row for row in size(design()).sensitivity}
    assert rows["twice the guests"].hosts == 17
    assert rows["one host more may fail"].difference == 1


def test_growth_is_compound_and_rounded_up() -> None:
    assert size(design(growth_per_year=0.25, years=2)).guests == 313


def test_volumes_survive_the_loss_of_a_storage_host() -> None:
    blocks = size(design()).blocks
    assert blocks is not None
    assert blocks.usable_tb == 50
    per_node = blocks.drives / blocks.nodes
    assert (blocks.nodes - 1) * per_node * 1 * 0.8 >= 50 * 3


def test_object_nodes_are_never_fewer_than_copies() -> None:
    report = size(design(objects={"usable": "50 TB", "replicas": 5}, flavor={"volume": None}))
    assert report.objects is not None
    assert report.objects.swift.nodes >= 5


def test_small_hosts_lose_less_at_once_than_large_ones() -> None:
    hardware = Hardware.model_validate(
        {
            "servers": {
                "small": SERVER | {"sockets": 1, "sticks": 8, "price": 10},
                "large": SERVER | {"cores_per_socket": 40, "sticks": 64, "price": 60},
            },
            "drives": {"ssd": {"size": "4 TB", "iops": 20000}},
        }
    )
    made = plans(hardware, Workload.model_validate({"flavors": {"all": FLAVOR}}))
    small, large = sorted(made, key=lambda p: p.blast_percent)
    assert (small.server, large.server) == ("small", "large")
    assert made[0].price == min(p.price for p in made if p.price)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ram": "2 TB"}, "needs 2000 GB of memory and server r20 has 240 GB for guests"),
        ({"vcpus": 200}, "needs 200 of vCPU"),
        ({"peak": "120 GHz"}, "needs 120 GHz of clock and server r20 has 104 GHz"),
        ({"disk": "20 TB"}, "of local disk"),
        ({"bandwidth": "40 Gb/s"}, "needs 40 Gb/s of bandwidth"),
    ],
)
def test_a_guest_that_fits_no_host_is_one_sentence_with_the_nearest_that_does(
    change: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        size(design(flavor=change))
    assert says in caught.value.what
    assert "make all no larger than" in caught.value.todo
    assert caught.value.rule == "size-flavor-too-large"


def test_an_even_control_plane_is_refused_with_both_neighbours() -> None:
    with pytest.raises(InputError) as caught:
        plan_control(4, 10, 20)
    assert "4 controllers tolerate the loss of 1, no more than 3 do" in caught.value.what
    assert caught.value.todo == "write 5 (tolerates 2) or 3"


def test_limits_follow_the_number_of_computes() -> None:
    few, many = plan_control(3, 10, 20), plan_control(3, 5000, 20)
    assert many.queue_connections > few.queue_connections
    assert many.queue_nofile >= few.queue_nofile
    assert many.queue_used_percent <= 80


def test_units_that_mix_are_one_finding() -> None:
    text = """
name: mixed
workload: {flavors: {small: {count: 1, vcpus: 1, ram: 8 GB}}}
hardware:
  servers: {s: {cores_per_socket: 8, clock: 2 GHz, stick: 16 GiB, sticks: 4, reserved_ram: 4 GiB, link_speed: 10 Gb/s}}
"""
    with pytest.raises(InputError, match="unit-mixed"):
        parse_design(text)


def test_a_link_in_bytes_is_refused_with_its_line() -> None:
    text = """name: bytes
hardware:
  servers:
    s: {cores_per_socket: 8, clock: 2 GHz, stick: 16 GiB, sticks: 4, reserved_ram: 4 GiB, link_speed: 10 GB/s}
"""
    with pytest.raises(InputError) as caught:
        parse_design(text, "d.yaml")
    assert "d.yaml:4:" in str(caught.value)
    assert "write 10 Gb/s, or 80 Gb/s if bytes were meant" in str(caught.value)


def test_documents_examples_name_a_reason_exactly_where_they_differ() -> None:
    rows = {(e.formula, e.question): e for e in examples()}
    assert rows["F-02", "cores for 200 VMs of 2 GHz"].ours == "154"
    assert rows["F-18", "cores for 27 drives at 3:4 and 2 GHz"].ours == "11"
    assert sum(e.differs for e in rows.values()) >= 15
    assert {e.formula for e in rows.values()} >= {
        f"F-{n:02d}" for n in (1, 2, 3, 4, 9, 14, 16, 19, 20, 29, 36, 37)
    }


flavors = st.builds(
    lambda count, vcpus, ram, disk, ghz: {
        "count": count,
        "vcpus": vcpus,
        "ram": f"{ram} GB",
        "disk": f"{disk} GB",
        "average": f"{ghz} MHz",
    },
    st.integers(0, 3000),
    st.integers(1, 32),
    st.integers(1, 64),
    st.integers(0, 200),
    st.integers(1, 4000),
)
mixes = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), flavors, min_size=1)
HARDWARE = design().hardware


def _workload(mix: dict[str, Any], spare: int = 1) -> Workload:
    return Workload.model_validate({"flavors": mix, "spare_hosts": spare})


@settings(max_examples=80, deadline=None)
@given(mixes, st.integers(0, 5))
def test_the_demand_is_met_in_every_dimension_after_the_losses(mix: dict[str, Any], spare: int) -> None:
    assert HARDWARE is not None
    workload = _workload(mix, spare)
    plan = plan_compute("r20", HARDWARE.servers["r20"], HARDWARE, workload)
    room = room_of(HARDWARE.servers["r20"], HARDWARE, workload)
    left = plan.hosts - spare
    for dimension in DIMENSIONS:
        need = sum(taken_by(f)[dimension] * workload.counts()[n] for n, f in workload.flavors.items())
        assert need <= left * room[dimension]
    assert plan.headroom >= 0
    assert all(0 <= share <= 1 for share in plan.used.values())


@settings(max_examples=80, deadline=None)
@given(mixes)
def test_every_guest_gets_a_place_on_a_whole_host(mix: dict[str, Any]) -> None:
    assert HARDWARE is not None
    workload = _workload(mix)
    needs = {n: taken_by(f) for n, f in workload.flavors.items()}
    room = room_of(HARDWARE.servers["r20"], HARDWARE, workload)
    counts = workload.counts()
    hosts = pack(counts, needs, room).hosts
    lone = {n: min(int(room[d] / need[d]) for d in DIMENSIONS if need[d]) for n, need in needs.items()}
    assert hosts <= sum(-(-c // lone[n]) for n, c in counts.items())
    assert all(hosts * room[d] >= total for d, total in demand(counts, needs).items())


@settings(max_examples=80, deadline=None)
@given(mixes, st.integers(1, 200), st.integers(1, 50))
def test_more_hosts_never_hold_fewer_guests(mix: dict[str, Any], hosts: int, more: int) -> None:
    assert HARDWARE is not None
    workload = _workload(mix)
    needs = {n: taken_by(f) for n, f in workload.flavors.items()}
    room = room_of(HARDWARE.servers["r20"], HARDWARE, workload)
    few = guests_held(hosts, room, workload.counts(), needs)
    assert guests_held(hosts + more, room, workload.counts(), needs) >= few


@settings(max_examples=60, deadline=None)
@given(flavors, st.integers(0, 16), st.integers(0, 10), st.integers(0, 8))
def test_a_better_server_never_needs_more_hosts(
    flavor: dict[str, Any], sticks: int, cores: int, drives: int
) -> None:
    assert HARDWARE is not None
    workload = _workload({"only": flavor})
    server = HARDWARE.servers["r20"]
    better = server.model_copy(
        update={
            "sticks": server.sticks + sticks,
            "cores_per_socket": server.cores_per_socket + cores,
            "drives": server.drives + drives,
        }
    )
    before = plan_compute("r20", server, HARDWARE, workload).needed
    assert plan_compute("r20", better, HARDWARE, workload).needed <= before


@settings(max_examples=60, deadline=None)
@given(mixes, st.integers(1, 4))
def test_more_may_fail_never_needs_fewer_hosts(mix: dict[str, Any], more: int) -> None:
    assert HARDWARE is not None
    few = plan_compute("r20", HARDWARE.servers["r20"], HARDWARE, _workload(mix, 0)).hosts
    assert plan_compute("r20", HARDWARE.servers["r20"], HARDWARE, _workload(mix, more)).hosts == few + more


def test_a_hundred_thousand_guests_are_sized_at_once() -> None:
    big = Workload.model_validate(
        {"flavors": {f"f{n}": FLAVOR | {"count": 10_000 + n, "vcpus": n + 1} for n in range(9)}}
    )
    assert HARDWARE is not None
    assert plan_compute("r20", HARDWARE.servers["r20"], HARDWARE, big).guests == 90_036
