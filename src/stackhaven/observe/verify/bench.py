"""What all checks of one run share: the cloud, the ways in, and what has been made so far."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session as KeystoneSession
from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as IdentityProxy

from stackhaven.observe.verify.guest import user_data
from stackhaven.plan.mask import Masker
from stackhaven.services.base import Site
from stackhaven.services.common.ports import KEYSTONE

PREFIX = "haven-verify-"
CALL_S = 60.0
"""Longest silence of one API call; a loaded single-machine lab needs it."""


class GuestFiles(Protocol):
    """The files of an image that boots in seconds, see `haven image build-guest`."""

    @property
    def kernel(self) -> Path:
        """Linux."""

    @property
    def initrd(self) -> Path:
        """Its first file system, with everything that the guest does."""

    @property
    def disk(self) -> Path:
        """A raw disk, empty."""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A server of this run. `node`: where it was placed."""

    id: str
    name: str
    node: str
    address: str
    port: str


@dataclass
class Made:
    """What checks leave for those that need them; ids as Nova, Neutron and Glance gave them."""

    project: str = ""
    image: str = ""
    flavor: str = ""
    network: str = ""
    external: str = ""
    external_is_ours: bool = False
    router: str = ""
    rules: str = ""
    key: str = ""
    guests: list[Guest] = field(default_factory=list)
    floating: dict[str, str] = field(default_factory=dict)


class Bench:
    """One run. Everything that it makes in the cloud has a name that begins with `name`.

    `told`: from the other guest's address to the user data of a guest (see `guest.user_data`).
    """

    def __init__(
        self,
        site: Site,
        guest_files: Callable[[], GuestFiles],
        masker: Masker | None = None,
        told: Callable[[str], str] = user_data,
    ) -> None:
        self.site = site
        self.run = secrets.token_hex(3)
        self.name = PREFIX + self.run
        self.stop = threading.Event()
        self.made = Made()
        self.password = secrets.token_urlsafe(16)
        self.masker = masker or Masker(site.secrets.values())
        self.guest_files = guest_files
        self.told = told
        self._connections: dict[tuple[str, str], Connection] = {}
        self._lock = threading.Lock()

    @property
    def vips(self) -> tuple[str, ...]:
        """The cloud's virtual addresses, each once."""
        return tuple(dict.fromkeys((self.site.layout.vip_internal, self.site.layout.vip_public)))

    @property
    def admin(self) -> Connection:
        """The administrator, in the admin project."""
        return self._connection("admin", self.site.secrets["keystone.admin"], "admin")

    @property
    def identity(self) -> IdentityProxy:
        """Identity as the administrator."""
        proxy = self.admin.identity
        assert isinstance(proxy, IdentityProxy), "every cloud of ours speaks version 3"
        return proxy

    @property
    def operator(self) -> Connection:
        """The administrator, in this run's project."""
        return self._connection("admin", self.site.secrets["keystone.admin"], self.name)

    @property
    def tenant(self) -> Connection:
        """An ordinary member of this run's project."""
        return self._connection(self.name, self.password, self.name)

    def has(self, service_type: str) -> bool:
        """Whether this cloud has a service of that type in its catalogue."""
        return any(e.type == service_type for d in self.site.declared for e in d.endpoints)

    def _connection(self, user: str, password: str, project: str) -> Connection:
        with self._lock:
            key = (user, project)
            if key not in self._connections:
                self._connections[key] = connect(
                    self.site.layout.vip_public,
                    user=user,
                    password=password,
                    project=project,
                    region=self.site.cloud.region,
                )
            return self._connections[key]


def connect(vip: str, *, user: str, password: str, project: str, region: str) -> Connection:
    """A client on the public endpoints. Proxies and settings of the environment are not used: the VIP is direct."""
    wire = requests.Session()
    wire.trust_env = False
    auth = v3.Password(
        auth_url=f"http://{vip}:{KEYSTONE}/v3",
        username=user,
        password=password,
        project_name=project,
        user_domain_name="Default",
        project_domain_name="Default",
    )
    session = KeystoneSession(auth=auth, session=wire, timeout=CALL_S)
    # As clients do: when the VIP moves, connections to it are reset, and the next one succeeds.
    return Connection(session=session, region_name=region, interface="public", connect_retries=1)
