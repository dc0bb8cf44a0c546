"""What users build inside the cloud, as far as a design states it: networks, balancers, VPNs, scaling groups."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from pydantic import Field

from stackhaven.model.cloud import Name, Part


class TenantNetwork(Part):
    """A tenant's network with its one subnet."""

    cidr: IPv4Network = Field(description="Address range.")
    gateway: IPv4Address | None = Field(None, description="Router, inside the range.")
    vlan: int | None = Field(None, ge=1, le=4094, description="VLAN id, where a provider VLAN carries it.")


class Guest(Part):
    """A guest and its port."""

    network: Name = Field(description="Network of its port.")
    address: IPv4Address | None = Field(None, description="Fixed address.")
    floating: IPv4Address | None = Field(None, description="Floating IP on that port.")


class Balancer(Part):
    """A tenant's load balancer (Octavia)."""

    address: IPv4Address = Field(description="Virtual address.")
    network: Name = Field(description="Network of the virtual address.")
    port: int = Field(ge=1, le=65535, description="Port.")
    protocol: Literal["HTTP", "HTTPS", "TCP"] = Field("HTTP", description="Protocol.")
    algorithm: Literal["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"] = Field(
        "ROUND_ROBIN", description="How requests are spread."
    )
    members: tuple[Name, ...] = Field(min_length=1, description="Guests behind it.")
    delay_s: int = Field(5, ge=1, description="Between two health checks.")
    max_retries: int = Field(3, ge=1, le=10, description="Failed checks until a member is taken out.")


class Opening(Part):
    """One rule of a security group."""

    port: int = Field(ge=1, le=65535, description="TCP port.")
    source: IPv4Network = Field(description="Who may reach it.")


class Vpn(Part):
    """One end of a site-to-site tunnel; both ends of a pair must agree."""

    peer: Name = Field(description="The tenant at the other end.")
    local: Name = Field(description="Network on this end.")
    address: IPv4Address = Field(description="This router's outside address.")
    peer_address: IPv4Address = Field(description="The other router's outside address.")
    ike: str = Field("aes-256-sha256-group14", description="Phase one proposal.")
    esp: str = Field("aes-256-sha256-group14", description="Phase two proposal.")
    lifetime_s: int = Field(3600, ge=60, description="Key lifetime.")


class ScalingGroup(Part):
    """A group that alarms grow and shrink."""

    least: int = Field(ge=0, description="Smallest size.")
    most: int = Field(ge=1, description="Largest size.")
    cooldown_s: int = Field(60, ge=0, description="Pause after a change.")
    high_percent: float = Field(75, gt=0, le=100, description="CPU above which it grows.")
    high_period_s: int = Field(30, ge=1, description="For how long.")
    low_percent: float = Field(5, ge=0, lt=100, description="CPU below which it shrinks.")
    low_period_s: int = Field(300, ge=1, description="For how long.")


class Tenant(Part):
    """A project."""

    networks: dict[Name, TenantNetwork] = Field(default_factory=dict, description="Networks.")
    routers: dict[Name, tuple[Name, ...]] = Field(default_factory=dict, description="Networks each joins.")
    guests: dict[Name, Guest] = Field(default_factory=dict, description="Guests.")
    balancers: dict[Name, Balancer] = Field(default_factory=dict, description="Load balancers.")
    openings: tuple[Opening, ...] = Field((), description="Security group rules inward.")
    vpns: dict[Name, Vpn] = Field(default_factory=dict, description="Tunnels.")
    groups: dict[Name, ScalingGroup] = Field(default_factory=dict, description="Scaling groups.")
