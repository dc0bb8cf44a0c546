"""The shape of ``cloud.yaml``: frozen, typed, every key described. Relations between keys are in `rules`.

Units stand in the names: `_mb` is MiB, `_gb` is GiB, `_s` is seconds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from stackhaven.model.defaults import lab_networks

Scalar = str | int | float | bool
SMALLEST_PREFIX = 28


def _roomy(network: ipaddress.IPv4Network) -> ipaddress.IPv4Network:
    if network.prefixlen > SMALLEST_PREFIX:
        raise PydanticCustomError(
            "net_small", "a network of {count} addresses", {"count": network.num_addresses}
        )
    return network


Cidr = Annotated[ipaddress.IPv4Network, AfterValidator(_roomy)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,62}$")]
CloudName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,14}$")]


class Part(BaseModel):
    """Base of every part: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """What a node is for. A node may have several."""

    CONTROLLER = "controller"
    COMPUTE = "compute"
    NETWORK = "network"


class Network(Part):
    """A network of the cloud's own hosts."""

    cidr: Cidr = Field(description="Address range, such as 172.30.1.0/24; /28 is the smallest.")
    gateway: ipaddress.IPv4Address | None = Field(
        None, description="Router of this network, inside the range."
    )
    mtu: int = Field(1500, ge=1280, le=9216, description="Largest packet in bytes.")


class ExternalNetwork(Network):
    """The network that floating IPs live in."""

    floating: tuple[ipaddress.IPv4Address, ipaddress.IPv4Address] | None = Field(
        None, description="First and last floating IP. Default: the upper half of the range."
    )
    name: str = Field("physnet1", description="Name of the physical network in Neutron.")


def _lab_may_omit(*keys: str) -> Callable[[dict[str, Any]], None]:
    """For the JSON Schema: these keys are required of existing hosts only, the lab derives them."""

    def relax(schema: dict[str, Any]) -> None:
        schema["required"] = [key for key in schema["required"] if key not in keys]

    return relax


class Networks(Part):
    """The networks of the hosts. In a lab each that is left out is derived from the cloud's name."""

    model_config = ConfigDict(json_schema_extra=_lab_may_omit("management", "tunnel", "external"))

    management: Network = Field(description="APIs, database, queue, cluster traffic, SSH.")
    tunnel: Network = Field(description="Guests' overlay traffic between chassis (Geneve).")
    external: ExternalNetwork = Field(description="Floating IPs and routers' outside.")


class Vip(Part):
    """The virtual addresses and who moves them."""

    provider: Literal["keepalived", "pacemaker"] = Field("keepalived", description="What moves the address.")
    internal: ipaddress.IPv4Address | None = Field(
        None, description="Address of the internal endpoints, in the management network. Default: its .5."
    )
    public: ipaddress.IPv4Address | None = Field(
        None, description="Address of the public endpoints. Default: the internal one."
    )
    advert_interval_s: float = Field(
        0.2, ge=0.05, le=10, description="VRRPv3 advertisement interval; takeover takes about 3.6 of them."
    )
    router_id: int | None = Field(
        None,
        ge=1,
        le=255,
        description="VRRP router id, unique in the network. Default: derived from the name.",
    )

    token_s: float = Field(
        1.0,
        ge=0.3,
        le=30,
        description="Pacemaker: a member silent for so long is lost; the others agree on it in 1.2 times that.",
    )
    test_without_fencing: bool = Field(
        False,
        description="Pacemaker without fencing, for tests only: a member that is cut off but alive is not stopped.",
    )


class Bmc(Part):
    """The management controller of a machine. What is left out is as in `fencing`."""

    address: str | None = Field(
        None,
        min_length=1,
        description="Host name or address. With `count`, {n} in it stands for the machine's number. "
        "Not in a lab, which makes its own.",
    )
    kind: Literal["ipmi", "redfish"] | None = Field(None, description="What it speaks.")
    user: str | None = Field(None, min_length=1, description="Account.")
    password_name: SecretName | None = Field(None, description="Name of the secret that is its password.")
    verify_tls: bool | None = Field(
        None, description="Redfish: insist on a certificate of a known authority."
    )


class Fencing(Part):
    """How the power of a lost machine is taken by the others, through its BMC."""

    kind: Literal["ipmi", "redfish"] = Field("ipmi", description="What the BMCs speak.")
    address: str | None = Field(
        None,
        min_length=1,
        description="Address by rule: {name} stands for the machine's name, {n} for its number within its entry.",
    )
    user: str = Field("haven", min_length=1, description="Account, with the right to switch power.")
    password_name: SecretName = Field(
        "fencing.bmc",
        description="Name of the secret that is the password: `haven secret set NAME`. A lab makes it.",
    )
    verify_tls: bool | None = Field(
        None,
        description="Redfish: insist on a certificate of a known authority. Default: true; lab false, "
        "whose BMCs sign their own.",
    )


class Ssh(Part):
    """How to reach an existing host."""

    address: str = Field(
        min_length=1,
        description="Host name or address. With `count`, {n} in it stands for the machine's number.",
    )
    user: str = Field("root", description="Account; other than root it needs sudo without a password.")
    port: int = Field(22, ge=1, le=65535, description="SSH port.")


class Node(Part):
    """One machine, or `count` machines of one kind."""

    roles: tuple[Role, ...] = Field(min_length=1, description="What the machine is for.")
    count: int | None = Field(
        None,
        ge=1,
        le=5000,
        description="That many machines, named NAME1, NAME2 and so on, alike but for addresses.",
    )
    ssh: Ssh | None = Field(None, description="How to reach it. Absent: a machine of the lab.")
    management: ipaddress.IPv4Address | None = Field(
        None, description="Address. Default: from .11 upward, in file order."
    )
    tunnel: ipaddress.IPv4Address | None = Field(
        None, description="Address. Default: from .11 upward, in file order."
    )
    interfaces: dict[Literal["management", "tunnel", "external"], str] = Field(
        default_factory=dict,
        description="Interface per network. Default: mgmt0, tun0, ext0 (the lab's names).",
    )
    bmc: Bmc | None = Field(None, description="Its management controller, where `fencing` does not say all.")
    memory_mb: int | None = Field(
        None,
        ge=512,
        description="Memory that sizes follow from. Default: lab 2560 (controller) or 1536, else 16384.",
    )
    cores: int | None = Field(
        None, ge=1, description="CPU cores that sizes follow from. Default: lab 2, else 8."
    )
    domain: str = Field(
        "", description="Failure domain (rack, power feed), for placement and the design desk."
    )


class Sizes(Part):
    """How big the services are. Absent values follow from a node's memory and cores."""

    workers: int | None = Field(None, ge=1, le=64, description="API worker processes per service and node.")
    db_buffer_pool_mb: int | None = Field(None, ge=64, description="InnoDB buffer pool.")
    db_max_connections: int | None = Field(None, ge=100, description="Connections a database member accepts.")
    memcached_mb: int | None = Field(None, ge=16, description="memcached memory per controller.")
    rabbitmq_memory_mb: int | None = Field(None, ge=128, description="RabbitMQ's memory watermark.")


class Overcommit(Part):
    """Virtual per physical; the defaults are today's (C02, F-12, F-13)."""

    cpu: float = Field(4.0, gt=0, le=64, description="vCPU per core.")
    ram: float = Field(1.0, gt=0, le=4, description="Guest memory per host memory.")
    disk: float = Field(1.0, gt=0, le=4, description="Guest disk per host disk.")


class Database(Part):
    """The database cluster."""

    durable: bool = Field(
        True, description="Flush every commit to disk; false loses acknowledged writes on power loss."
    )
    suspect_timeout_s: float = Field(1.0, ge=0.5, le=60, description="Galera evs.suspect_timeout.")


class Images(Part):
    """Where Glance keeps images."""

    store: Literal["file"] = Field("file", description="Backend.")
    shared: bool | None = Field(
        None,
        description="The directory /var/lib/glance/images is the same storage on every controller. "
        "Default: true in the lab, which shares it; else it must be said.",
    )


class Compute(Part):
    """The hypervisors."""

    virt_type: Literal["kvm", "qemu"] | None = Field(None, description="Default: qemu in the lab, else kvm.")
    reserved_memory_mb: int | None = Field(None, ge=0, description="Kept for the host. Default: 512; lab 0.")


class Lab(Part):
    """The machines are made on this host."""

    image: Literal["trixie"] = Field("trixie", description="Distribution of the nodes.")
    datapath: Literal["auto", "kernel", "userspace"] = Field(
        "auto", description="Open vSwitch datapath; auto takes the kernel's where it has the module."
    )


class Drills(Part):
    """Breaking the cloud on purpose."""

    allowed: bool = Field(
        False, description="Existing hosts may be disturbed by drills. The machines of a lab always may."
    )


class Cloud(Part):
    """One cloud, as the operator describes it."""

    model_config = ConfigDict(json_schema_extra=_lab_may_omit("networks"))

    name: CloudName = Field(description="Name of the cloud; everything of a lab is named after it.")
    release: Literal["2025.1"] = Field("2025.1", description="OpenStack release.")
    region: str = Field("RegionOne", pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", description="Name of the region.")
    networks: Networks = Field(
        description="The networks of the hosts. A lab may leave out all or some: they follow from its name."
    )
    vip: Vip = Field(default_factory=Vip, description="The virtual addresses and who moves them.")
    fencing: Fencing | None = Field(
        None,
        description="How the power of a lost machine is taken. A lab with Pacemaker needs no entry.",
    )
    nodes: dict[Name, Node] = Field(min_length=1, description="Machines by name.")
    services: tuple[str, ...] | None = Field(
        None, description="OpenStack services to run. Default: all of the core."
    )
    sizes: Sizes = Field(default_factory=Sizes, description="How big the services are.")
    overcommit: Overcommit = Field(default_factory=Overcommit, description="Virtual per physical.")
    database: Database = Field(default_factory=Database, description="The database cluster.")
    images: Images = Field(default_factory=Images, description="Where Glance keeps images.")
    compute: Compute = Field(default_factory=Compute, description="The hypervisors.")
    settings: dict[str, dict[str, dict[str, Scalar]]] = Field(
        default_factory=dict,
        description="Overrides per file, section and option, such as nova.conf: {DEFAULT: {debug: true}}; "
        "checked against the service's own option list.",
    )
    drills: Drills = Field(default_factory=Drills, description="Breaking the cloud on purpose.")
    lab: Lab | None = Field(None, description="Present: the nodes are machines of the lab on this host.")

    @model_validator(mode="before")
    @classmethod
    def _derive_lab_networks(cls, data: Any) -> Any:
        """Fill in the networks that a lab leaves out."""
        if not isinstance(data, Mapping) or data.get("lab") is None or not isinstance(data.get("name"), str):
            return data
        given = data.get("networks")
        if given is None:
            return {**data, "networks": lab_networks(data["name"])}
        if isinstance(given, Mapping):
            return {**data, "networks": {**lab_networks(data["name"]), **given}}
        return data

    @field_validator("release", mode="before")
    @classmethod
    def _release_may_be_unquoted(cls, value: Any) -> Any:
        """YAML reads an unquoted 2025.1 as a number."""
        return str(value) if isinstance(value, float) else value
