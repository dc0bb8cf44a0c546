"""Removing what verification made: of this run, of earlier ones that were cut off, found by name."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection
from openstack.exceptions import NotFoundException, SDKException

from stackhaven.observe.verify.bench import PREFIX, Bench

SERVERS_GONE_S = 120.0
POLL_S = 1.5


class Sweeper:
    """Deletes, and remembers what it did and what it could not do."""

    def __init__(self, client: Connection) -> None:
        self.client = client
        self.removed: list[str] = []
        self.stuck: list[str] = []

    def delete(self, what: str, thing: Any, call: Callable[..., object]) -> None:
        """One thing, by the client's function for its kind; that it is gone already is fine."""
        name = f"{what} {getattr(thing, 'floating_ip_address', None) or thing.name}"
        try:
            call(thing, ignore_missing=False)
        except NotFoundException:
            return
        except (SDKException, ClientException) as error:
            self.stuck.append(f"{name}: {' '.join(str(error).split())[:160]}")
        else:
            self.removed.append(name)

    def listed(self, what: str, found: Callable[[], Iterable[Any]]) -> list[Any]:
        """What there is; that it cannot be listed is noted."""
        try:
            return list(found())
        except (SDKException, ClientException) as error:
            self.stuck.append(f"cannot list {what}: {' '.join(str(error).split())[:160]}")
            return []

    def named(self, name: str, what: str, found: Callable[[], Iterable[Any]]) -> list[Any]:
        """What there is whose name begins so."""
        return [thing for thing in self.listed(what, found) if (thing.name or "").startswith(name)]


def sweep(bench: Bench, *, name: str = PREFIX) -> tuple[list[str], list[str]]:
    """Remove everything whose name begins with `name`, and all that is in projects of such a name.

    Gives what was removed and what could not be. A service that fails does not keep the next ones from being tidied.
    """
    identity = bench.identity
    sweeper = Sweeper(bench.admin)
    projects = sweeper.named(name, "projects", lambda: identity.projects(domain_id="default"))
    for project in projects:
        if bench.has("network"):
            _floating_addresses(sweeper, project.id)
        if bench.has("compute"):
            _servers(sweeper, project.id)
        if bench.has("network"):
            _network(sweeper, project.id)
    if bench.has("compute"):
        _compute(sweeper, name)
    if bench.has("image"):
        images = sweeper.client.image
        for image in sweeper.named(name, "images", lambda: images.images(visibility="all")):
            sweeper.delete("image", image, images.delete_image)
    for user in sweeper.named(name, "users", lambda: identity.users(domain_id="default")):
        sweeper.delete("user", user, identity.delete_user)
    for project in projects:
        sweeper.delete("project", project, identity.delete_project)
    return sweeper.removed, sweeper.stuck


def _floating_addresses(sweeper: Sweeper, project: str) -> None:
    neutron = sweeper.client.network
    for ip in sweeper.listed("floating IPs", lambda: neutron.ips(project_id=project)):
        sweeper.delete("floating IP", ip, neutron.delete_ip)


def _servers(sweeper: Sweeper, project: str) -> None:
    nova = sweeper.client.compute

    def there() -> Iterable[Any]:
        return nova.servers(all_projects=True, project_id=project, details=False)

    for server in sweeper.listed("servers", there):
        sweeper.delete("server", server, nova.delete_server)
    deadline = time.monotonic() + SERVERS_GONE_S
    while left := sweeper.listed("servers", there):
        if time.monotonic() > deadline:
            waited = f"still there after {SERVERS_GONE_S:.0f} s"
            sweeper.stuck += [f"server {server.name}: {waited}" for server in left]
            return
        time.sleep(POLL_S)


def _network(sweeper: Sweeper, project: str) -> None:
    neutron = sweeper.client.network
    for router in sweeper.listed("routers", lambda: neutron.routers(project_id=project)):
        _unplug(sweeper, router)
        sweeper.delete("router", router, neutron.delete_router)
    for port in sweeper.listed("ports", lambda: neutron.ports(project_id=project)):
        if not port.device_owner.startswith("network:"):
            sweeper.delete("port", port, neutron.delete_port)
    for network in sweeper.listed("networks", lambda: neutron.networks(project_id=project)):
        sweeper.delete("network", network, neutron.delete_network)
    for group in sweeper.listed("security groups", lambda: neutron.security_groups(project_id=project)):
        sweeper.delete("security group", group, neutron.delete_security_group)


def _unplug(sweeper: Sweeper, router: Any) -> None:
    """A router with interfaces cannot be deleted, and its deletion will say so where this fails."""
    neutron = sweeper.client.network
    for port in sweeper.listed("ports", lambda: neutron.ports(device_id=router.id)):
        if port.device_owner == "network:router_interface":
            with contextlib.suppress(SDKException, ClientException):
                neutron.remove_interface_from_router(router, port=port.id)


def _compute(sweeper: Sweeper, name: str) -> None:
    nova = sweeper.client.compute
    for flavor in sweeper.named(name, "flavors", lambda: nova.flavors(is_public=None)):
        sweeper.delete("flavor", flavor, nova.delete_flavor)
    for pair in sweeper.named(name, "key pairs", nova.keypairs):
        sweeper.delete("key pair", pair, nova.delete_keypair)
