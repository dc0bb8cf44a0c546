"""The ``cloud.yaml`` of a design: the part that can be built. The rest stays in the design, and is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stackhaven.design.addresses import layout_of
from stackhaven.design.catalogue import COMPUTE, CONTROL
from stackhaven.design.plan_model import NodePlan, PlanNetwork
from stackhaven.design.topology import Machine, Topology
from stackhaven.errors import InputError
from stackhaven.model.cloud import Cloud

LAB_MACHINES_MOST = 8
"""More machines than this are not made on one host."""

_ROLES = {"controller": "controller", "compute": "compute", "network": "network"}
_BUILT = frozenset((*CONTROL, *COMPUTE, "ovn-gateway", "deployer"))


@dataclass(frozen=True)
class Written:
    """The cloud's data as it goes to the file, and what of the design is not in it."""

    data: dict[str, Any]
    left_out: tuple[str, ...]


def cloud_of(topology: Topology) -> Written | None:
    """The cloud of a design; None when it is on paper only or has no controller.

    Raises:
        InputError: rule ``plan-not-a-cloud`` when the result is not a valid cloud, with the model's own words.

    """
    design = topology.design
    if design.target == "paper" or not topology.of_kind("controller"):
        return None
    lab = design.target == "lab"
    nodes: dict[str, Any] = {}
    left_out: list[str] = []
    for group, plan in design.nodes.items():
        members = [m for m in topology.machines if m.group == group]
        role = _ROLES.get(plan.kind)
        if role is None:
            left_out.append(f"{group} ({plan.kind}): {', '.join(plan.services)}")
            continue
        nodes |= _entries(topology, plan, members, lab=lab)
        beyond = [s for s in plan.services if s not in _BUILT]
        if beyond:
            left_out.append(f"on {group}: {', '.join(beyond)}")
    data: dict[str, Any] = {"name": design.name}
    vip = next((v for v in topology.vips.values() if "keystone" in v.services), None)
    if vip and vip.provider == "pacemaker" and not lab:
        left_out.append("vip.provider: pacemaker (write it with `fencing`, which needs your BMC's address)")
    if lab:
        data["lab"] = {}
        data["vip"] = {"provider": vip.provider} if vip else {}
    else:
        data["networks"] = _networks(topology)
        data["images"] = {"shared": True}
        data["vip"] = {"internal": vip.address} if vip else {}
    data["nodes"] = nodes
    data = {key: value for key, value in data.items() if value or key == "lab"}
    _checked(data, lab=lab, machines=sum(n.get("count", 1) for n in nodes.values()))
    return Written(data=data, left_out=tuple(left_out))


def _entries(topology: Topology, plan: NodePlan, members: list[Machine], *, lab: bool) -> dict[str, Any]:
    """One entry for machines of one rack, else one each, so that names and failure domains stay those of the design."""
    roles = [_ROLES[plan.kind]]
    if "ovn-gateway" in plan.services and "network" not in roles:
        roles.append("network")
    common: dict[str, Any] = {"roles": roles}
    hardware = topology.design.hardware
    if plan.server and hardware and plan.server in hardware.servers and not lab:
        server = hardware.servers[plan.server]
        common |= {"memory_mb": int(server.ram / 2**20), "cores": server.cores}
    if len({m.place for m in members}) == 1:
        entry = common | {"domain": members[0].place}
        if plan.count is not None:
            entry["count"] = plan.count
        if not lab:
            entry["ssh"] = {"address": members[0].group + ("{n}" if plan.count is not None else "")}
        return {members[0].group: entry}
    return {
        m.name: common | {"domain": m.place} | ({} if lab else {"ssh": {"address": m.name}}) for m in members
    }


def _networks(topology: Topology) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for purpose in ("management", "tunnel", "external"):
        network = next((n for n in topology.design.networks.values() if n.purpose == purpose), None)
        if network:
            found[purpose] = _network(network)
    return found


def _network(network: PlanNetwork) -> dict[str, Any]:
    data: dict[str, Any] = {"cidr": str(network.cidr)}
    if network.gateway:
        data["gateway"] = str(network.gateway)
    return data


def _checked(data: dict[str, Any], *, lab: bool, machines: int) -> None:
    if lab and machines > LAB_MACHINES_MOST:
        raise InputError(
            f"the lab would need {machines} machines on one host",
            todo=f"plan {LAB_MACHINES_MOST} at most for `target: lab`, or write `target: hosts`",
            rule="plan-lab-too-large",
        )
    try:
        layout_of(Cloud.model_validate(data))
    except ValueError as error:
        first = str(error).strip().splitlines()
        raise InputError(
            f"the design does not make a valid cloud.yaml: {' '.join(first[1:3]) or first[0]}",
            todo="correct what it names in the design; `haven lint` on the written file says more",
            rule="plan-not-a-cloud",
        ) from None
