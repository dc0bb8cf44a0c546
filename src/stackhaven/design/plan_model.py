"""The design document: wishes, hardware, sites, nodes, services and networks of a cloud, as one frozen value.

It holds what a ``cloud.yaml`` has no need of: racks, power, switches, parts that run beside the cloud. From it
`to_cloud` writes the ``cloud.yaml`` of the parts that can be built.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import Field

from stackhaven.design.hardware import Hardware
from stackhaven.design.tenants import Tenant
from stackhaven.design.workload import Workload
from stackhaven.model.cloud import CloudName, Name, Part

Place = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$")]
SERVICE_CLASSES = ("identity", "compute", "network", "image", "block", "object", "dashboard")
ServiceClass = Literal[
    "identity",
    "compute",
    "network",
    "image",
    "block",
    "object",
    "dashboard",
    "orchestration",
    "telemetry",
]


class Mode(StrEnum):
    """How a service stays up: alike copies, a moving single copy, or its own clustering."""

    CLONE = "clone"
    FAILOVER = "failover"
    NATIVE = "native"


class Needs(Part):
    """Phase one: what is asked for. Everything else can follow from it."""

    classes: tuple[ServiceClass, ...] = Field(
        ("identity", "compute", "network", "image", "dashboard"), description="Kinds of service wanted."
    )
    business: Literal["broker", "provider", "self-service"] = Field(
        "self-service", description="Whom the cloud is for."
    )
    availability: float = Field(99.9, gt=0, lt=100, description="Percent of the year the API answers.")
    controllers: int = Field(3, ge=1, le=9, description="Machines of the control plane.")
    racks: int | None = Field(
        None, ge=1, le=500, description="Racks per site. Default: as many as servers need."
    )
    production: bool = Field(True, description="False: a test bed, single copies are accepted knowingly.")


class Rack(Part):
    """A rack, with the names of its switches and power feeds. Names are the site's own."""

    switches: tuple[Name, ...] = Field(("sw1", "sw2"), description="Switches in the rack.")
    feeds: tuple[Name, ...] = Field(("feed-a", "feed-b"), description="Power feeds that reach the rack.")


class Site(Part):
    """A building."""

    racks: dict[Name, Rack] = Field(min_length=1, description="Racks by name.")
    core: tuple[Name, ...] = Field((), description="Core switches between racks; none needed for one rack.")
    uplinks: int = Field(2, ge=1, le=16, description="Independent lines to the outside and to other sites.")


class PlanNetwork(Part):
    """A network of the hosts."""

    cidr: IPv4Network = Field(description="Address range.")
    purpose: Literal["management", "tunnel", "external", "storage", "admin", "tenant", "oob"] = Field(
        description="What runs on it."
    )
    gateway: IPv4Address | None = Field(None, description="Router, inside the range.")
    vlan: int | None = Field(None, ge=1, le=4094, description="VLAN id.")
    tagged: bool = Field(False, description="Whether frames reach the hosts with the VLAN's tag.")
    dhcp: tuple[IPv4Address, IPv4Address] | None = Field(None, description="First and last dynamic address.")
    nic: str = Field("", description="Interface on the hosts.")


class NodePlan(Part):
    """One machine, or `count` alike machines."""

    kind: Literal[
        "controller", "compute", "network", "storage", "balancer", "database", "deployer", "monitor", "other"
    ] = Field(description="What the machine is for.")
    services: tuple[Name, ...] = Field(min_length=1, description="Services that run on it.")
    count: int | None = Field(None, ge=1, le=5000, description="That many, named NAME1, NAME2 and so on.")
    racks: tuple[Place, ...] = Field(
        (), description="site/rack of each machine in turn. Default: spread over all racks."
    )
    feeds: int = Field(2, ge=1, le=4, description="Power supplies, each on another feed of the rack.")
    links: int = Field(2, ge=1, le=4, description="Network ports, each on another switch of the rack.")
    addresses: dict[Name, tuple[IPv4Address, ...]] = Field(
        default_factory=dict, description="Addresses of the machines in turn, per network."
    )
    networks: tuple[Name, ...] = Field((), description="Networks attached. Default: by kind.")
    server: Name | None = Field(None, description="Model of the hardware catalogue.")
    hypervisor: Literal["kvm", "qemu", "vmware"] | None = Field(None, description="Of computes.")


class ServicePlan(Part):
    """What is said of a service beyond what is known of it."""

    mode: Mode | None = Field(None, description="clone, failover or native. Default: as the service is made.")
    reason: str = Field("", description="Why, if not the usual reason.")
    needs: tuple[Name, ...] | None = Field(None, description="Services it cannot work without.")
    minimum: int | None = Field(None, ge=1, description="Members needed to serve. Default: by kind.")


class VipPlan(Part):
    """A virtual address."""

    address: IPv4Address = Field(description="The address.")
    network: Name = Field(description="The network it is in.")
    services: tuple[Name, ...] = Field(min_length=1, description="Services reached through it.")
    holders: tuple[Name, ...] = Field(min_length=1, description="Node entries that may hold it.")
    provider: Literal["keepalived", "pacemaker"] = Field("keepalived", description="What moves it.")
    fencing: bool = Field(True, description="Whether the loser is fenced (Pacemaker).")


class AddressRule(Part):
    """F-28: last octet = offset of the class + number of the machine, alike in every network."""

    offsets: dict[Name, int] = Field(min_length=1, description="Offset per node entry.")
    networks: tuple[Name, ...] = Field(min_length=1, description="Networks numbered by the rule.")
    base: int = Field(0, ge=0, description="Added to the network's first address, such as 12800 for .50.0.")
    grow_to: dict[Name, int] = Field(
        default_factory=dict, description="Largest count per entry ever planned."
    )


class Design(Part):
    """One design document."""

    kind: Literal["design"] = Field("design", description="Always `design`.")
    name: CloudName = Field(description="Name of the cloud.")
    title: str = Field("", description="One line for people.")
    source: str = Field("", pattern=r"^(A-\d\d)?$", description="Layout of the requirements it restates.")
    notes: tuple[str, ...] = Field((), description="What differs from the source, and why.")
    target: Literal["hosts", "lab", "paper"] = Field(
        "hosts", description="What a cloud.yaml would be for; paper: nothing to build."
    )
    needs: Needs = Field(default_factory=Needs, description="Phase one: requirements.")
    workload: Workload | None = Field(None, description="Demand to size for.")
    hardware: Hardware | None = Field(None, description="Catalogue, if not in a file of its own.")
    sites: dict[Name, Site] = Field(default_factory=dict, description="Buildings. Default: one rack.")
    networks: dict[Name, PlanNetwork] = Field(default_factory=dict, description="Networks of the hosts.")
    nodes: dict[Name, NodePlan] = Field(default_factory=dict, description="Phase three: machines.")
    services: dict[Name, ServicePlan] = Field(default_factory=dict, description="Departures per service.")
    vips: dict[Name, VipPlan] = Field(default_factory=dict, description="Virtual addresses.")
    address_rule: AddressRule | None = Field(None, description="Addresses by rule.")
    tenants: dict[Name, Tenant] = Field(default_factory=dict, description="What users build inside.")
    hops: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict, description="Ways of a packet, for people."
    )
