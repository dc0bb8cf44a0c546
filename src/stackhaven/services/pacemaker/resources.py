"""What the cluster runs, as its own XML: the VIP where a load balancer answers, and the means to fence each member.

The whole of it follows from the layout, so a node's drift from it can be seen and mended by comparing.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.fencing import BmcAccess, is_fenced
from stackhaven.services.common.ports import BALANCER_STATISTICS
from stackhaven.services.common.script import path_of
from stackhaven.services.common.vip import Place, interfaces, places

IPMITOOL = path_of("fence_ipmitool.sh")
PASSWORDS = "/etc/stackhaven/fencing"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """`resources` and `constraints` are XML of the cluster's schema, `properties` its options."""

    resources: str
    constraints: str
    properties: Mapping[str, str]

    def as_data(self) -> dict[str, object]:
        """For the helper on the node, JSON-safe."""
        return asdict(self)


def cluster_of(layout: Layout) -> Cluster:
    """The wanted state of a layout's cluster. Pure; holds no secret, only names of files that do."""
    fenced = tuple(n for n in layout.controllers if n.bmc is not None) if is_fenced(layout.cloud) else ()
    return Cluster(
        resources=_text(_resources(layout, fenced)),
        constraints=_text(_constraints(fenced)),
        properties=_properties(fenced=bool(fenced)),
    )


def password_file(node: LayoutNode) -> str:
    """Where every controller keeps the password of a node's BMC."""
    return f"{PASSWORDS}/{node.name}"


def fence_parameters(node: LayoutNode, bmc: BmcAccess) -> tuple[str, dict[str, str]]:
    """The fence agent for a BMC and its parameters, without the password itself."""
    common = {
        "ip": bmc.address,
        "username": bmc.user,
        "pcmk_host_list": node.name,
        "pcmk_host_check": "static-list",
        # The agent asks until the power is off; to wait blindly on top of that would lengthen every failover.
        "power_wait": "0",
    }
    if bmc.kind == "redfish":
        script = f"cat {password_file(node)}"
        insecure = {} if bmc.verify_tls else {"ssl_insecure": "1"}
        return "fence_redfish", {**common, "password_script": script, **insecure}
    return "fence_ipmilan", {
        **common,
        "lanplus": "1",
        "ipmitool_path": IPMITOOL,
        "password": password_file(node),
    }


def _resources(layout: Layout, fenced: tuple[LayoutNode, ...]) -> ET.Element:
    top = ET.Element("resources")
    balancer = _clone(top, "balancer")
    haproxy = ET.SubElement(balancer, "primitive", {"id": "haproxy", "class": "systemd", "type": "haproxy"})
    # systemd starts a crashed balancer again at once. What it cannot start is left alone for a minute.
    _meta(haproxy, {"migration-threshold": "5", "failure-timeout": "60s"})
    _operations(haproxy, monitor=("10s", "20s"), start=("0s", "30s"), stop=("0s", "60s"))
    answers = _clone(top, "answers")
    kind = {"id": "balancer-answers", "class": "ocf", "provider": "stackhaven", "type": "balancer-answers"}
    agent = ET.SubElement(answers, "primitive", kind)
    _parameters(agent, {"port": str(BALANCER_STATISTICS)})
    _meta(agent, {"migration-threshold": "1", "failure-timeout": "10s"})
    _operations(agent, monitor=("1s", "10s"), start=("0s", "20s"), stop=("0s", "20s"))
    vips = ET.SubElement(top, "group", {"id": "vip"})
    # It stays where it is when a better node returns: each move cuts sessions.
    _meta(vips, {"resource-stickiness": "100"})
    for place in places(layout, layout.controllers[0]):
        _address(vips, place, dict(interfaces(layout, place.address)))
    for node in fenced:
        assert node.bmc is not None
        _fence(top, node, node.bmc)
    return top


def _clone(parent: ET.Element, name: str) -> ET.Element:
    clone = ET.SubElement(parent, "clone", {"id": f"{name}-clone"})
    # What happens to the copy on one node is no concern of those on others.
    _meta(clone, {"interleave": "true"})
    return clone


def _address(parent: ET.Element, place: Place, interface_by_node: Mapping[str, str]) -> None:
    name = f"vip-{place.address.replace('.', '-')}"
    kind = {"id": name, "class": "ocf", "provider": "heartbeat", "type": "IPaddr2"}
    primitive = ET.SubElement(parent, "primitive", kind)
    parameters = {"ip": place.address, "cidr_netmask": str(place.prefix)}
    if len(set(interface_by_node.values())) == 1:
        _parameters(primitive, {**parameters, "nic": place.interface})
    else:
        _parameters(primitive, parameters)
        # In the external network a host has no address by which the agent could find the interface itself.
        for node, interface in interface_by_node.items():
            _parameters_on(primitive, node, {"nic": interface})
    _meta(primitive, {"failure-timeout": "60s"})
    _operations(primitive, monitor=("5s", "20s"), start=("0s", "20s"), stop=("0s", "20s"))


def _fence(parent: ET.Element, node: LayoutNode, bmc: BmcAccess) -> None:
    agent, parameters = fence_parameters(node, bmc)
    primitive = ET.SubElement(
        parent, "primitive", {"id": f"fence-{node.name}", "class": "stonith", "type": agent}
    )
    _parameters(primitive, parameters)
    # A BMC that does not answer is known within a minute, not on the day it is needed.
    _operations(primitive, monitor=("60s", "30s"), start=("0s", "30s"))
    _meta(primitive, {"failure-timeout": "60s", "resource-stickiness": "100"})


def _constraints(fenced: tuple[LayoutNode, ...]) -> ET.Element:
    top = ET.Element("constraints")
    ET.SubElement(
        top,
        "rsc_colocation",
        {"id": "vip-where-answers", "rsc": "vip", "with-rsc": "answers-clone", "score": "INFINITY"},
    )
    ET.SubElement(
        top,
        "rsc_colocation",
        {
            "id": "answers-where-balancer",
            "rsc": "answers-clone",
            "with-rsc": "balancer-clone",
            "score": "INFINITY",
        },
    )
    # Optional: a balancer that starts on one node must not restart what runs on another.
    for identity, first, then in (
        ("balancer-then-answers", "balancer-clone", "answers-clone"),
        ("answers-then-vip", "answers-clone", "vip"),
    ):
        ET.SubElement(top, "rsc_order", {"id": identity, "first": first, "then": then, "kind": "Optional"})
    for node in fenced:
        # A node cannot be trusted to take its own power.
        ET.SubElement(
            top,
            "rsc_location",
            {
                "id": f"fence-{node.name}-elsewhere",
                "rsc": f"fence-{node.name}",
                "node": node.name,
                "score": "-INFINITY",
            },
        )
    return top


def _properties(*, fenced: bool) -> dict[str, str]:
    return {
        "stonith-enabled": "true" if fenced else "false",
        # Off and on by a BMC took 2 to 4 s; longer than this it hangs, and is tried again.
        "stonith-timeout": "30s",
        # After a blackout all start together and wait this long for an elder: the default is 20 s of no VIP.
        "dc-deadtime": "5s",
        # A busy cluster would carry out one action after the other, and the VIP would wait for its turn.
        "load-threshold": "1000%",
        # Failures are forgotten on time, also when nothing else happens.
        "cluster-recheck-interval": "60s",
    }


def _parameters(primitive: ET.Element, values: Mapping[str, str]) -> None:
    _pairs(primitive, "instance_attributes", values)


def _parameters_on(primitive: ET.Element, node: str, values: Mapping[str, str]) -> None:
    """Parameters that hold on one node only."""
    identity = f"{primitive.get('id')}-on-{node}"
    pairs = ET.SubElement(primitive, "instance_attributes", {"id": identity})
    rule = ET.SubElement(pairs, "rule", {"id": f"{identity}-rule", "score": "1"})
    expression = {"id": f"{identity}-name", "attribute": "#uname", "operation": "eq", "value": node}
    ET.SubElement(rule, "expression", expression)
    for name, value in values.items():
        ET.SubElement(pairs, "nvpair", {"id": f"{identity}-{name}", "name": name, "value": value})


def _meta(element: ET.Element, values: Mapping[str, str]) -> None:
    _pairs(element, "meta_attributes", values)


def _pairs(element: ET.Element, kind: str, values: Mapping[str, str]) -> None:
    identity = f"{element.get('id')}-{kind}"
    pairs = ET.SubElement(element, kind, {"id": identity})
    for name, value in values.items():
        ET.SubElement(pairs, "nvpair", {"id": f"{identity}-{name}", "name": name, "value": value})


def _operations(primitive: ET.Element, **operations: tuple[str, str]) -> None:
    """Interval and timeout by operation."""
    top = ET.SubElement(primitive, "operations")
    for name, (interval, timeout) in operations.items():
        identity = f"{primitive.get('id')}-{name}-{interval}"
        ET.SubElement(top, "op", {"id": identity, "name": name, "interval": interval, "timeout": timeout})


def _text(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")
