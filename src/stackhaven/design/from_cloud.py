"""A ``cloud.yaml`` seen as a design: what its roles run, in the failure domains it names."""

from __future__ import annotations

import re

from stackhaven.design.catalogue import COMPUTE, CONTROL, known
from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.design.plan_model import Design, NodePlan, PlanNetwork, Rack, Site, VipPlan
from stackhaven.model.cloud import Role

_GATEWAY = ("ovn-controller", "ovn-gateway")


def design_of(layout: Layout) -> Design:
    """The design a cloud amounts to.

    A failure domain ``site/rack`` or ``rack`` becomes that rack, none becomes ``main/r1``; racks are taken to have
    two switches and two feeds, which a cloud.yaml does not say; the storage of shared images is left out.
    """
    cloud = layout.cloud
    sites: dict[str, dict[str, Rack]] = {}
    nodes: dict[str, NodePlan] = {}
    gateways = layout.with_role(Role.NETWORK) or layout.computes
    for node in layout.nodes:
        site, rack = _place(node.domain)
        sites.setdefault(site, {}).setdefault(rack, Rack())
        nodes[node.name] = _plan(node, f"{site}/{rack}", gateway=node in gateways)
    holders = tuple(n.name for n in layout.controllers)
    services = tuple(s for s in CONTROL if s == "mariadb" or known(s).via_vip)
    networks = {
        name: PlanNetwork.model_validate({"cidr": network.cidr, "purpose": name, "gateway": network.gateway})
        for name, network in (
            ("management", cloud.networks.management),
            ("tunnel", cloud.networks.tunnel),
            ("external", cloud.networks.external),
        )
    }
    vip = VipPlan.model_validate(
        {"address": layout.vip_internal, "network": "management", "services": services, "holders": holders}
    )
    nodes["deployer"] = NodePlan(kind="deployer", services=("deployer",))
    return Design(
        name=cloud.name,
        target="hosts" if cloud.lab is None else "lab",
        sites={
            name: Site(racks=racks, core=("core1", "core2") if len(racks) > 1 else ())
            for name, racks in sites.items()
        },
        networks=networks,
        nodes=nodes,
        vips={"api": vip} if holders else {},
    )


def _plan(node: LayoutNode, place: str, *, gateway: bool) -> NodePlan:
    services: list[str] = []
    if node.has(Role.CONTROLLER):
        services += [s for s in CONTROL if s != "image-store"]
    if node.has(Role.COMPUTE):
        services += COMPUTE
    if gateway:
        services += _GATEWAY
    kind = next(r for r in (Role.CONTROLLER, Role.COMPUTE, Role.NETWORK) if node.has(r))
    return NodePlan.model_validate(
        {
            "kind": str(kind),
            "services": tuple(dict.fromkeys(services)),
            "racks": (place,),
            "addresses": {"management": (node.management,), "tunnel": (node.tunnel,)},
        }
    )


def _place(domain: str) -> tuple[str, str]:
    words = [_word(part) for part in domain.split("/") if _word(part)]
    if not words:
        return "main", "r1"
    return (words[0], "-".join(words[1:])) if len(words) > 1 else ("main", words[0])


def _word(text: str) -> str:
    word = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:30]
    return word if word[:1].isalpha() or not word else f"r{word}"[:31]
