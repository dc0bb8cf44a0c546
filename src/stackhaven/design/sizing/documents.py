"""The source documents' worked examples beside our results: where they differ, and why.

Each line is computed when asked for, never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stackhaven.design.formulas import compute, nines, platform, storage
from stackhaven.design.units import plain


@dataclass(frozen=True)
class Example:
    """One worked example: what the documents print, what is right, and the reason where the two differ."""

    formula: str
    question: str
    documents: str
    ours: str
    why: str = ""

    @property
    def differs(self) -> bool:
        """Whether the documents' own result is wrong."""
        return bool(self.why)


def examples() -> tuple[Example, ...]:
    """Every worked example, in the order of the formulas."""
    return (*_compute(), *_storage(), *_platform(), *_nines())


def _compute() -> tuple[Example, ...]:
    cores = compute.total_cores(200, 2, 2.6)
    sockets = compute.sockets(cores, 10)
    servers = compute.servers(sockets, 2)
    sticks = compute.ram_sticks(25, 8, 16)
    band = compute.bandwidth_per_vm(10_000, 25, 200)
    disk = compute.guest_disk(200, 100, 250, 8)
    read, write = compute.iops_per_vm(20_000, 8, 25)
    return (
        Example(
            "F-01",
            "cores for a peak of 16 GHz at 2.6 GHz, factor 2",
            "3",
            str(compute.cores_per_vm_peak(16, 2.6, 2)),
            "3 cores give 15.6 GHz; rounded down. The text also calls the factor 1.3, which makes "
            f"{compute.cores_per_vm_peak(16, 2.6, 1.3)}",
        ),
        Example(
            "F-02",
            "cores for 200 VMs of 2 GHz",
            "153",
            str(cores),
            "153.846 rounded down loses most of a core",
        ),
        Example(
            "F-03",
            "sockets of 10 cores",
            "15",
            str(sockets),
            "15 sockets give 390 GHz, 400 are needed; rounded down",
        ),
        Example("F-04", "servers of 2 sockets", "7 to 8", str(servers), "right by luck: 7.5 of a wrong 15"),
        Example("F-05", "VMs per server", "25", str(compute.vms_per_server(200, servers))),
        Example(
            "F-07",
            "memory for 25 VMs of 8 GB in sticks of 16 GB",
            "256 GB, 16 sticks",
            f"{plain(sticks.installed)} GB, {sticks.fitted} sticks ({sticks.minimum} would hold 200 GB)",
        ),
        Example("F-08", "Mb/s per VM on 10 Gb/s", "400", plain(band.per_vm_mbps)),
        Example(
            "F-09", "local and volume disk of 200 VMs", "20 and 50 TB", f"{plain(disk.local_tb)} and 50 TB"
        ),
        Example(
            "F-09",
            "local disk per server",
            "3.75 TB",
            f"{plain(disk.per_server_local_tb)} TB",
            "counts 150 GB a VM, which is none of the sizes given, and says 20 VMs where it uses 25",
        ),
        Example("F-11", "IOPS per VM, read and write", "6.4K, 3.2K", f"{plain(read)}, {plain(write)}"),
        Example(
            "F-12",
            "VMs by CPU at 16:1, and today's 4:1",
            "96",
            f"{compute.vms_by_ratio(24, 16, 4)}, {compute.vms_by_ratio(24, 4, 4)}",
            "16:1 was the default of 2015; it is 4:1 now",
        ),
        Example(
            "F-13",
            "VMs by RAM at 1.5:1, and today's 1:1",
            "36",
            f"{compute.vms_by_ratio(96, 1.5, 4)}, {compute.vms_by_ratio(96, 1, 4)}",
            "1.5:1 was the default of 2015; it is 1:1 now",
        ),
    )


def _storage() -> tuple[Example, ...]:
    swift = storage.swift_plan(usable_tb=50, replicas=5, fs_factor=1.0526, drive_tb=Fraction("2.5"), slots=30)
    hours = [plain(round(storage.rereplication_hours(50, g), 1)) for g in (1, 10, 40)]
    return (
        Example(
            "F-10",
            "raw for 25 TB: 3 copies; 5 zones",
            "75 TB; 125 TB",
            f"{plain(storage.object_raw(25, 3))} TB for both",
            "zones do not multiply capacity, only copies do (5 copies: 125 TB)",
        ),
        Example(
            "F-14",
            "raw for 50 TB, 5 copies",
            "263 TB at '0.5 %'",
            f"{plain(swift.raw_tb)} TB at 5 %",
            "the factor 1.0526 is 1/0.95; half a percent would be 251.25 TB and 101 drives",
        ),
        Example("F-15", "drives of 2.5 TB", "106", str(swift.drives)),
        Example(
            "F-16",
            "nodes of 30 slots",
            "4",
            str(swift.nodes),
            "4 nodes have the slots, but 5 copies on 4 nodes put two on one",
        ),
        Example("F-17", "proxies", "1", str(swift.proxies), "one proxy is a single point of failure"),
        Example(
            "F-18",
            "cores for 27 drives at 3:4 and 2 GHz",
            "10.125",
            str(-(-storage.swift_cores(27) // 1)),
            "cores come whole",
        ),
        Example(
            "F-19",
            "partition power for 106 drives",
            "a random integer",
            str(swift.part_power),
            "it follows from the largest number of drives there will ever be and cannot be changed later",
        ),
        Example("F-36", "placement groups of 3 OSDs, 3 copies", "128", str(storage.placement_groups(3, 3))),
        Example(
            "F-37",
            "refilling a node of 50 TB at 1, 10, 40 Gb/s",
            "a few hours",
            " h, ".join(hours) + " h",
            "a few hours only with 40 Gb/s",
        ),
    )


def _platform() -> tuple[Example, ...]:
    budget = platform.connection_budget(1020, 151, 3)
    limits = [platform.rabbit_descriptors(n) for n in (1024, 4096)]
    return (
        Example(
            "F-23",
            "majority of 3",
            "at least three",
            str(platform.quorum(3)),
            "three members; two must be up",
        ),
        Example(
            "F-29",
            "descriptors and sockets of 1024 and 4096",
            "924/829, 3996/3594",
            ", ".join(f"{d.total}/{d.sockets}" for d in limits),
        ),
        Example(
            "F-30",
            "1020 admitted, 3 servers of 151",
            "no sum given",
            f"{budget.backend} served, {budget.queued} wait and fail",
            "the balancer admits more than the database accepts",
        ),
        Example(
            "F-34",
            "failures of 560 at 96.1 %",
            "8",
            str(platform.failures(560, 0.961)),
            "the report's two tabs disagree",
        ),
    )


def _nines() -> tuple[Example, ...]:
    day = nines.downtime_s_per_day(0.999999)
    return (
        Example(
            "F-20", "99.999 % per year", "~5.25 min", f"{nines.downtime_s_per_year(0.99999) / 60:.3f} min"
        ),
        Example("F-20", "99.9999 % per day", "~0.0086 s", f"{day:.4f} s", "a zero too many"),
    )
