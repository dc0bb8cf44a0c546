"""The worked examples, recomputed: every vector, and what the documents printed instead."""

from __future__ import annotations

from fractions import Fraction
from ipaddress import IPv4Address

import pytest

from stackhaven.design.formulas import compute, nines, platform, storage

pytestmark = pytest.mark.unit


def test_cpu_of_two_hundred_vms() -> None:
    cores = compute.total_cores(200, 2, 2.6)
    sockets = compute.sockets(cores, 10)
    servers = compute.servers(sockets, 2)
    assert (cores, sockets, servers) == (154, 16, 8)
    assert compute.vms_per_server(200, servers) == 25
    assert compute.vms_per_server(200, servers - 1) == 29
    assert compute.cores_per_vm_peak(16, 2.6, 2) == 4
    assert compute.cores_per_vm_peak(16, 2.6, 1.3) == 5
    assert compute.cores_per_vm_peak(16, 2.6) == 7


def test_the_documents_own_fifteen_sockets_are_too_few() -> None:
    assert compute.oversubscribed(400, 15 * 10, 2.6)
    assert not compute.oversubscribed(400, 16 * 10, 2.6)


def test_memory_sticks() -> None:
    sticks = compute.ram_sticks(25, 8, 16)
    assert (sticks.needed, sticks.minimum, sticks.fitted, sticks.installed) == (200, 13, 16, 256)


def test_bandwidth() -> None:
    result = compute.bandwidth_per_vm(10_000, 25, 200)
    assert (result.per_vm_mbps, result.load_mbps, result.fits) == (400, 5000, True)


def test_guest_disk() -> None:
    disk = compute.guest_disk(200, 100, 250, 8)
    assert (disk.local_tb, disk.volume_tb) == (20, 50)
    assert (disk.per_server_local_tb, disk.per_server_volume_tb) == (Fraction("2.5"), Fraction("6.25"))


def test_object_store_capacity() -> None:
    assert storage.object_raw(25, 3) == 75
    assert storage.object_raw(25, 5) == 125


def test_iops() -> None:
    assert compute.iops_per_vm(20_000, 8, 25, 2) == (6400, 3200)


@pytest.mark.parametrize(("cpu", "ram", "expected"), [(16.0, 1.5, (96, 36)), (4.0, 1.0, (24, 24))])
def test_overcommit(cpu: float, ram: float, expected: tuple[int, int]) -> None:
    assert (compute.vms_by_ratio(24, cpu, 4), compute.vms_by_ratio(96, ram, 4)) == expected


def test_swift_of_fifty_terabytes() -> None:
    plan = storage.swift_plan(usable_tb=50, replicas=5, fs_factor=1.0526, drive_tb=Fraction("2.5"), slots=30)
    assert plan.raw_tb == Fraction("263.15")
    assert (plan.drives, plan.nodes_by_slots, plan.nodes) == (106, 4, 5)
    assert (plan.part_power, plan.partitions) == (14, 16384)
    assert plan.proxies == 2


def test_swift_cores_and_partitions_per_device() -> None:
    assert storage.swift_cores(27) == Fraction("10.125")
    assert round(float(storage.partitions_per_device(14, 5, 106)), 1) == 772.8
    assert round(float(storage.partitions_per_device(14, 3, 106)), 1) == 463.7


def test_a_half_percent_overhead_is_a_smaller_cluster() -> None:
    plan = storage.swift_plan(usable_tb=50, replicas=5, fs_factor=1.005, drive_tb=Fraction("2.5"), slots=30)
    assert plan.drives == 101


@pytest.mark.parametrize(("members", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_quorum(members: int, needed: int) -> None:
    assert platform.quorum(members) == needed
    assert platform.tolerated(members) == members - needed


def test_an_even_member_tolerates_no_more_than_the_odd_number_below() -> None:
    assert all(platform.tolerated(2 * n) == platform.tolerated(2 * n - 1) for n in range(1, 20))


@pytest.mark.parametrize(("limit", "total", "sockets"), [(1024, 924, 829), (4096, 3996, 3594)])
def test_rabbitmq_descriptors(limit: int, total: int, sockets: int) -> None:
    assert platform.rabbit_descriptors(limit) == platform.Descriptors(total, sockets)


def test_descriptor_limit_for_a_demand_keeps_the_alarm_silent() -> None:
    limit = platform.nofile_for(3000)
    assert platform.rabbit_descriptors(limit).sockets * 0.8 >= 3000
    assert platform.rabbit_descriptors(limit - 1024).sockets * 0.8 < 3000


@pytest.mark.parametrize(
    ("advert", "priority", "version", "seconds"),
    [(1, 112, 2, 3.5625), (3, 99, 2, 9.61328125), (3, 99, 3, 10.83984375)],
)
def test_vrrp(advert: float, priority: int, version: int, seconds: float) -> None:
    assert platform.vrrp_takeover_s(advert, priority, version=version) == Fraction(seconds)


@pytest.mark.parametrize(
    ("inter", "rise", "fall", "down", "up"), [(1, 2, 3, 3, 2), (5, 2, 3, 15, 10), (2, 2, 5, 10, 4)]
)
def test_check_times(inter: float, rise: int, fall: int, down: int, up: int) -> None:
    assert platform.check_times(inter, fall=fall, rise=rise) == platform.Detection(
        Fraction(down), Fraction(up)
    )


def test_hit_ratio() -> None:
    assert round(float(platform.hit_ratio(165, 117)), 4) == 0.5851


def test_a_statistic_whose_sum_is_off_by_160() -> None:
    assert not platform.sum_agrees(24.0135914798, 200, 4962.71829597)
    assert platform.sum_agrees(24.0135914798, 200, 4802.71829596)


def test_balancer_member_detection() -> None:
    assert platform.member_inactive_s(5, 5, 5) == (25, 30)


def test_connection_budget() -> None:
    assert platform.connection_budget(1020, 151, 3).queued == 567
    assert platform.connection_budget(1020, 151, 1).queued == 869
    assert platform.pool_demand({"nova": 8, "keystone": 4}, 10) == 120


def test_address_rule_collides_with_the_fourth_compute() -> None:
    offsets = {"controller": 0, "compute": 3, "storage": 6, "network": 11, "chef": 13}
    today = {"controller": 3, "compute": 3, "storage": 5, "network": 2, "chef": 1}
    assert platform.rule_collisions(offsets, today) == {}
    grown = platform.rule_collisions(offsets, today | {"compute": 10})
    assert grown[7] == ("compute04", "storage01")
    assert grown[13] == ("compute10", "network02")


def test_pools_and_networks() -> None:
    assert platform.pool_size(IPv4Address("94.49.0.99"), IPv4Address("94.49.0.200")) == 102
    network = platform.network_of("192.168.47.227/28")
    assert (str(network), str(network.broadcast_address)) == ("192.168.47.224/28", "192.168.47.239")


def test_rally_arithmetic() -> None:
    run = platform.load_run(10, 2, 2, 209.852)
    assert (run.vms, round(float(run.seconds), 1)) == (20, 1049.3)
    assert platform.failures(560, 0.961) == 22


def test_kernel_limits() -> None:
    assert platform.file_max_for(1, 65535, spare=0) <= 100_000 < platform.file_max_for(2, 65535, spare=0)


def test_placement_groups() -> None:
    assert storage.placement_groups(3, 3) == 128


@pytest.mark.parametrize(("gbps", "hours"), [(1, 111.1), (10, 11.1), (40, 2.8)])
def test_rereplication(gbps: int, hours: float) -> None:
    assert round(float(storage.rereplication_hours(50, gbps)), 1) == hours


@pytest.mark.parametrize(
    ("availability", "year_s", "day_s"),
    [
        (0.9, 36.5 * 86400, 2.4 * 3600),
        (0.99, 3.65 * 86400, 14.4 * 60),
        (0.999, 8.76 * 3600, 86.4),
        (0.9999, 52.56 * 60, 8.64),
        (0.99999, 5.256 * 60, 0.864),
        (0.999999, 31.536, 0.0864),
    ],
)
def test_table_of_nines(availability: float, year_s: float, day_s: float) -> None:
    assert nines.downtime_s_per_year(availability) == pytest.approx(year_s)
    assert nines.downtime_s_per_day(availability) == pytest.approx(day_s)


def test_availability_theory() -> None:
    assert nines.from_repair(99, 1) == pytest.approx(0.99)
    assert nines.parallel([0.99, 0.99]) == pytest.approx(0.9999)
    assert nines.series([0.999] * 5) == pytest.approx(0.99501, abs=1e-6)
    assert nines.k_of_n(2, 3, 0.99) == pytest.approx(0.999702)
    assert nines.k_of_n(1, 2, 0.99) == pytest.approx(0.9999)
    assert nines.with_common_cause(1, 2, 0.99, 0.1) == pytest.approx(1 - 0.001 - 0.999 * 0.009**2)
    assert nines.nines(0.999) == pytest.approx(3)
