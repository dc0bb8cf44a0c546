"""What a deployed system tells of itself: one small typed interface, read by plan, observe, drills and operate alike.

A service is a module-level object in its own folder. It says what it needs by capability and never imports another
service. Adding a system to the cloud is adding a folder and one line in `contents`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.model.cloud import Cloud
from stackhaven.plan import Step


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A port that clients reach through the VIP.

    From it follow the load balancer's stanza, the port checks, `haven verify` and `haven status`.
    `check`: "METHOD PATH" of an L7 health check, or empty for TCP. `single_writer`: only one backend is used at a
    time, the others are standby. `backend_port`: the members' own port, if it is not the VIP's. `check_port`: where
    the check goes, if not to the members' port. `unit`: the systemd unit behind it, if that one drains before it stops
    and tells that it does not stand still (`common/uwsgi.py`).
    `check_timeout_ms`: how long a check that is connected waits for its answer.
    `calls`: what a member answers at once; more wait in the balancer, where no health check waits behind
    them. 0: any number.
    """

    name: str
    port: int
    service: str
    mode: Literal["http", "tcp"] = "http"
    check: str = "GET /healthcheck"
    expect: str = "status 200-399"
    check_port: int | None = None
    backend_port: int | None = None
    unit: str = ""
    single_writer: bool = False
    sticky: bool = False
    internal_only: bool = False
    client_timeout_s: int = 90
    server_timeout_s: int = 90
    inter_ms: int = 2000
    fall: int = 3
    check_timeout_ms: int = 1500
    calls: int = 0

    @property
    def last_resort(self) -> bool:
        """For APIs: when all checks fail at once, it is rather the checks that are wrong, as under overload."""
        return self.mode == "http" and not self.single_writer and not self.sticky


@dataclass(frozen=True, kw_only=True)
class Account:
    """A database, with its owner. `password` names a secret."""

    database: str
    user: str
    password: str


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One service in the catalogue; the same path on both VIPs."""

    type: str
    name: str
    port: int
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class IdentityUser:
    """A user of the service project. `password` names a secret."""

    name: str
    password: str
    roles: tuple[str, ...] = ("admin", "service")


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A systemd unit that this service runs, for status, drills, drain and stop order.

    A cloud is stopped in ascending `stop_order`: what clients outside call (10-20), hypervisors (30), the rest of
    OpenStack (40-50), the network (60-71), what all of them call through or on (80-96), time (99). `one_by_one`:
    members leave one after another, so that the last one out knows that it was.
    """

    unit: str
    nodes: tuple[str, ...]
    stop_order: int = 50
    stop_timeout_s: float = 90.0
    one_by_one: bool = False


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All that one service says of itself for one layout."""

    name: str
    title: str
    ha_mode: Literal["clone", "failover", "native"]
    ha_reason: str
    listeners: tuple[Listener, ...] = ()
    accounts: tuple[Account, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    users: tuple[IdentityUser, ...] = ()
    daemons: tuple[Daemon, ...] = ()
    secrets: tuple[str, ...] = ()
    config_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything steps are computed from: the layout, the secrets by name, and what all services declare.

    `kernel_datapath`: chassis have the openvswitch module; only a lab on a host without it has not.
    """

    layout: Layout
    secrets: Mapping[str, str]
    declared: tuple[Declaration, ...] = ()
    kernel_datapath: bool = True

    @property
    def cloud(self) -> Cloud:
        """The operator's description."""
        return self.layout.cloud

    def node(self, name: str) -> LayoutNode:
        """The machine of this name."""
        return self.layout.node(name)


class Service(Protocol):
    """One deployed system."""

    name: str

    def wanted(self, layout: Layout) -> bool:
        """Whether this layout runs it."""

    def declare(self, layout: Layout) -> Declaration:
        """What it says of itself. Pure; secrets by name only."""

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Its part of the plan. Pure."""
