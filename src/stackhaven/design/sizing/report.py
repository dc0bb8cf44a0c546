"""Everything `haven size` says, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from stackhaven.design.hardware import Hardware
from stackhaven.design.plan_model import Design
from stackhaven.design.sizing.compute import ComputePlan, plan_compute, plans
from stackhaven.design.sizing.control import ControlPlan, FabricPlan, plan_control, plan_fabric
from stackhaven.design.sizing.hosts import PACKING
from stackhaven.design.sizing.stores import BlockPlan, ObjectPlan, plan_blocks, plan_objects
from stackhaven.design.units import show
from stackhaven.design.workload import Workload
from stackhaven.errors import InputError

GUIDANCE = {"memory": 128 * 10**9, "cores": 16, "local disk": 300 * 10**9}
"""Published minimum of a compute node; guidance, not law."""


@dataclass(frozen=True)
class Variation:
    """One assumption changed, and the hypervisors that result."""

    change: str
    hosts: int
    difference: int
    binding: str


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """A sized cloud. `choices` compares every model of server that can do it, the chosen one first."""

    guests: int
    growth: float
    compute: ComputePlan
    choices: tuple[ComputePlan, ...]
    control: ControlPlan
    fabric: FabricPlan | None
    objects: ObjectPlan | None
    blocks: BlockPlan | None
    sensitivity: tuple[Variation, ...]
    warnings: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        data = asdict(self)
        data["compute"]["hosts"] = self.compute.hosts
        for row, plan in zip(data["choices"], self.choices, strict=True):
            row["hosts"] = plan.hosts
        if self.objects:
            data["objects"]["swift"]["raw_tb"] = float(self.objects.swift.raw_tb)
            data["objects"]["swift"]["partitions"] = self.objects.swift.partitions
        return data


def size(design: Design) -> Sizing:
    """Machines, drives, ports and limits for a design's workload on its hardware.

    Raises:
        InputError: rules ``size-...`` for a demand that no machine of the catalogue can meet, with the nearest
            that can; ``quorum-even`` for an even control plane.

    """
    workload, hardware = _required(design)
    choices = plans(hardware, workload)
    best = choices[0]
    server = hardware.servers[best.server]
    objects, blocks = plan_objects(hardware, workload), plan_blocks(hardware, workload)
    control = plan_control(design.needs.controllers, best.hosts, server.cores)
    machines = control.controllers + best.hosts + (blocks.nodes if blocks else 0)
    if objects:
        machines += objects.swift.nodes + objects.swift.proxies
    return Sizing(
        guests=best.guests,
        growth=float(workload.growth),
        compute=best,
        choices=choices,
        control=control,
        fabric=plan_fabric(machines, hardware, server.links),
        objects=objects,
        blocks=blocks,
        sensitivity=_sensitivity(best, hardware, workload),
        warnings=_warnings(best, hardware, workload, objects),
    )


def _required(design: Design) -> tuple[Workload, Hardware]:
    if design.workload is None:
        raise InputError(
            "the design has no `workload`: nothing to size for",
            todo="add `workload: {flavors: ...}`, or let `haven design --new NAME` ask for it",
            rule="size-no-workload",
        )
    if design.hardware is None:
        raise InputError(
            "the design has no `hardware`: nothing to size with",
            todo="add --hardware FILE, for example examples/hardware.yaml",
            rule="size-no-hardware",
        )
    return design.workload, design.hardware


def _sensitivity(best: ComputePlan, hardware: Hardware, workload: Workload) -> tuple[Variation, ...]:
    ratios = workload.ratios
    changes: list[tuple[str, Mapping[str, Any]]] = [
        (f"CPU ratio {value:g} instead of {ratios.cpu:g}", {"ratios": {"cpu": value}})
        for value in (16.0, 4.0, 2.0, 1.0)
        if value != ratios.cpu
    ]
    changes += [
        (f"RAM ratio {value:g} instead of {ratios.ram:g}", {"ratios": {"ram": value}})
        for value in (1.5, 1.0)
        if value != ratios.ram
    ]
    changes += [
        ("one host more may fail", {"spare_hosts": workload.spare_hosts + 1}),
        ("one year of growth more", {"years": workload.years + 1}),
        ("twice the guests", {"double": True}),
    ]
    found = []
    for text, change in changes:
        varied = _varied(workload, change)
        try:
            plan = plan_compute(best.server, hardware.servers[best.server], hardware, varied)
        except InputError:
            found.append(Variation(f"{text}: the largest flavor then fits no host", 0, -best.hosts, ""))
            continue
        found.append(Variation(text, plan.hosts, plan.hosts - best.hosts, plan.binding))
    return tuple(found)


def _varied(workload: Workload, change: Mapping[str, Any]) -> Workload:
    if "double" in change:
        flavors = {
            k: f.model_copy(update={"count": min(2 * f.count, 1_000_000)})
            for k, f in workload.flavors.items()
        }
        return workload.model_copy(update={"flavors": flavors})
    if "ratios" in change:
        return workload.model_copy(update={"ratios": workload.ratios.model_copy(update=change["ratios"])})
    return workload.model_copy(update=dict(change))


def _warnings(
    best: ComputePlan, hardware: Hardware, workload: Workload, objects: ObjectPlan | None
) -> tuple[str, ...]:
    found = []
    server = hardware.servers[best.server]
    has = {
        "memory": server.ram,
        "cores": Fraction(server.cores),
        "local disk": hardware.local_disk(server),
    }
    for what, least in GUIDANCE.items():
        if has[what] < least:
            amount = str(least) if what == "cores" else show(least, "GB")
            found.append(
                f"{best.server} is below the published minimum of {amount} of {what}: a guide, not a law"
            )
    if workload.spare_hosts == 0:
        found.append("no spare hypervisor: the loss of one leaves guests without a place")
    if best.binding == PACKING:
        found.append("whole guests leave gaps on every host: other flavor sizes would need fewer hosts")
    if server.links == 1:
        found.append(
            f"{best.server} has one network port: its cable and its switch are single points of failure"
        )
    for what in ("cpu", "ram", "disk"):
        ratio = getattr(workload.ratios, what)
        if ratio > {"cpu": 16, "ram": 1.5, "disk": 1}[what]:
            found.append(f"{what} ratio {ratio:g} is above what any release ever had as default")
    if objects and objects.swift.nodes > objects.swift.nodes_by_slots:
        found.append(
            f"{objects.swift.nodes_by_slots} object nodes would have slots enough, {objects.replicas} copies need "
            f"{objects.swift.nodes}: no two copies on one node"
        )
    return tuple(found)
