"""The first tenant's path, up to running guests (N26): each check makes one thing that later ones need."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import SDKException

from stackhaven.observe.verify.bench import Bench, Guest
from stackhaven.observe.verify.check import CheckFailedError, Deadline, NotApplicableError
from stackhaven.observe.verify.sweep import sweep

GUEST_MEMORY_MB = 96
GUEST_DISK_GB = 1
SUBNET = "10.254.77.0/24"
PLACED = "2.74"
"""First compute microversion in which an administrator names the host of a new server."""
IMAGE_PROPERTIES = {
    "os_command_line": "console=ttyS0 quiet",
    "hw_machine_type": "q35",
    "hw_rng_model": "virtio",
}
OPENED = (("icmp", None), ("tcp", 22), ("tcp", 80))


def leftovers(bench: Bench, _: Deadline) -> str:
    """What an earlier run could not remove, or was told to keep, is removed."""
    removed, stuck = sweep(bench)
    if stuck:
        raise CheckFailedError(
            "cannot remove: " + "; ".join(stuck), todo="look at them with the openstack client"
        )
    return f"removed {len(removed)}: {', '.join(removed)}" if removed else "none"


def project(bench: Bench, _: Deadline) -> str:
    """A project with an ordinary member; the administrator may place servers in it."""
    identity = bench.identity
    made = identity.create_project(name=bench.name, domain_id="default", description="haven verify")
    bench.made.project = made.id
    user = identity.create_user(
        name=bench.name, domain_id="default", password=bench.password, default_project_id=made.id
    )
    roles = {role.name: role for role in identity.roles()}
    admin = identity.find_user("admin", ignore_missing=False, domain_id="default")
    identity.assign_project_role_to_user(made, user, roles["member"])
    identity.assign_project_role_to_user(made, admin, roles["admin"])
    bench.tenant.authorize()
    return f"{bench.name} signs in as a member"


def image(bench: Bench, deadline: Deadline) -> str:
    """Kernel, first file system and disk are uploaded through one API and found through all of them."""
    files = bench.guest_files()
    glance = bench.tenant.image
    kernel = _upload(bench.tenant, f"{bench.name}-kernel", files.kernel.read_bytes(), "aki")
    initrd = _upload(bench.tenant, f"{bench.name}-initrd", files.initrd.read_bytes(), "ari")
    disk = _upload(
        bench.tenant,
        bench.name,
        files.disk.read_bytes(),
        "raw",
        kernel_id=kernel,
        ramdisk_id=initrd,
        **IMAGE_PROPERTIES,
    )
    bench.made.image = disk
    deadline.poll(
        "the image does not become active", lambda: glance.get_image(disk).status == "active" or None
    )
    size = sum(path.stat().st_size for path in (files.kernel, files.initrd, files.disk))
    return f"{size / 2**20:.1f} MiB uploaded and active"


def _upload(client: Connection, name: str, data: bytes, kind: str, **properties: str) -> str:
    """The image's id. A plain upload: the one-call helper would ask for checksums and tasks first."""
    container = "bare" if kind == "raw" else kind
    made = client.image.post(
        "/images", json={"name": name, "disk_format": kind, "container_format": container, **properties}
    )
    _accept(made)
    image_id = str(made.json()["id"])
    answer = client.image.put(
        f"/images/{image_id}/file", data=data, headers={"Content-Type": "application/octet-stream"}
    )
    _accept(answer)
    return image_id


def flavor(bench: Bench, _: Deadline) -> str:
    """A size that fits the guest."""
    made = bench.admin.compute.create_flavor(
        name=bench.name, ram=GUEST_MEMORY_MB, vcpus=1, disk=GUEST_DISK_GB, is_public=True
    )
    bench.made.flavor = made.id
    return f"1 VCPU, {GUEST_MEMORY_MB} MiB, {GUEST_DISK_GB} GiB"


def network(bench: Bench, _: Deadline) -> str:
    """A network of the tenant's own with a subnet."""
    neutron = bench.tenant.network
    made = neutron.create_network(name=bench.name)
    subnet = neutron.create_subnet(name=bench.name, network_id=made.id, ip_version=4, cidr=SUBNET)
    bench.made.network = made.id
    return f"{subnet.cidr}, MTU {made.mtu}"


def external(bench: Bench, _: Deadline) -> str:
    """The network of floating IPs: the operator's own where there is one, else one for this run."""
    layout = bench.site.layout
    described = layout.cloud.networks.external
    neutron = bench.operator.network
    for there in neutron.networks(is_router_external=True):
        if there.provider_physical_network == described.name:
            bench.made.external = there.id
            return f"the cloud's own: {there.name}"
    made = neutron.create_network(
        name=f"{bench.name}-external",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network=described.name,
    )
    bench.made.external, bench.made.external_is_ours = made.id, True
    gateway = described.gateway or (described.cidr[1] if layout.cloud.lab is not None else None)
    neutron.create_subnet(
        name=f"{bench.name}-external",
        network_id=made.id,
        ip_version=4,
        cidr=str(described.cidr),
        is_dhcp_enabled=False,
        gateway_ip=str(gateway) if gateway else None,
        allocation_pools=[{"start": layout.floating[0], "end": layout.floating[1]}],
    )
    return f"{described.cidr} on {described.name}, floating {layout.floating[0]} to {layout.floating[1]}"


def router(bench: Bench, deadline: Deadline) -> str:
    """A router from the tenant's network to the outside."""
    neutron = bench.tenant.network
    made = neutron.create_router(name=bench.name, external_gateway_info={"network_id": bench.made.external})
    bench.made.router = made.id
    subnet = next(iter(neutron.subnets(network_id=bench.made.network)))
    neutron.add_interface_to_router(made, subnet=subnet.id)
    outside = deadline.poll("the router gets no outside address", lambda: _outside_address(neutron, made.id))
    return f"outside address {outside}"


def _outside_address(neutron: Any, router_id: str) -> str | None:
    gateway = neutron.get_router(router_id).external_gateway_info or {}
    addresses = [entry["ip_address"] for entry in gateway.get("external_fixed_ips", ())]
    return addresses[0] if addresses else None


def rules(bench: Bench, _: Deadline) -> str:
    """A security group that lets in ping, SSH and HTTP, and nothing else."""
    neutron = bench.tenant.network
    made = neutron.create_security_group(name=bench.name, description="haven verify")
    for protocol, port in OPENED:
        neutron.create_security_group_rule(
            security_group_id=made.id,
            direction="ingress",
            ethertype="IPv4",
            protocol=protocol,
            port_range_min=port,
            port_range_max=port,
        )
    bench.made.rules = made.id
    return "in: " + ", ".join(f"{protocol} {port or ''}".strip() for protocol, port in OPENED)


def key(bench: Bench, _: Deadline) -> str:
    """A key pair."""
    made = bench.operator.compute.create_keypair(name=bench.name, type="ssh", public_key=_throwaway_key())
    bench.made.key = made.name
    return str(made.fingerprint)


def _throwaway_key() -> str:
    """A public key whose private half nobody has: the guest lets nobody in."""
    import base64
    import secrets
    import struct

    def field(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    blob = field(b"ssh-ed25519") + field(secrets.token_bytes(32))
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} haven-verify"


def servers(bench: Bench, deadline: Deadline) -> str:
    """Two servers, each placed on a computer of its own, become ACTIVE."""
    nodes = _places(bench)
    ports = [_port(bench, number) for number in (1, 2)]
    for number, node in enumerate(nodes):
        mine, other = ports[number], ports[1 - number]
        name = f"{bench.name}-{number + 1}"
        body = {
            "server": {
                "name": name,
                "imageRef": bench.made.image,
                "flavorRef": bench.made.flavor,
                "key_name": bench.made.key,
                "networks": [{"port": mine[0]}],
                "host": node,
                "user_data": bench.told(other[1]),
            }
        }
        answer = bench.operator.compute.post("/servers", json=body, microversion=PLACED)
        _accept(answer)
        bench.made.guests.append(
            Guest(id=answer.json()["server"]["id"], name=name, node=node, address=mine[1], port=mine[0])
        )
    places = [_wait_active(bench, guest, deadline) for guest in bench.made.guests]
    same = " (this cloud has one compute)" if len(set(places)) == 1 else ""
    return f"ACTIVE on {' and '.join(places)}{same}"


def _places(bench: Bench) -> tuple[str, str]:
    """Two computes that are up; one twice where there is no other."""
    services = bench.admin.compute.services(binary="nova-compute")
    up = sorted(s.host for s in services if s.state == "up" and s.status == "enabled")
    if not up and bench.site.layout.computes:
        raise CheckFailedError("none of the computes is up and enabled", todo="haven status")
    if not up:
        raise NotApplicableError("this cloud has no computes")
    return (up[0], up[1]) if len(up) > 1 else (up[0], up[0])


def _port(bench: Bench, number: int) -> tuple[str, str]:
    """(id, address): made before the servers, so that each can be told the other's address."""
    made = bench.tenant.network.create_port(
        name=f"{bench.name}-{number}",
        network_id=bench.made.network,
        security_groups=[bench.made.rules],
    )
    return made.id, str(IPv4Address(made.fixed_ips[0]["ip_address"]))


def _wait_active(bench: Bench, guest: Guest, deadline: Deadline) -> str:
    """Where it runs."""
    seen = ""

    def ask() -> str | None:
        nonlocal seen
        server = bench.operator.compute.get_server(guest.id)
        seen = f"{server.status} ({server.task_state})" if server.task_state else str(server.status)
        if server.status == "ERROR":
            fault = (server.fault or {}).get("message", "no reason given")
            raise CheckFailedError(
                f"{guest.name} on {guest.node}: {fault}",
                todo=f"look at /var/log/nova/nova-compute.log on {guest.node}",
            )
        return str(server.compute_host or guest.node) if server.status == "ACTIVE" else None

    place = deadline.poll(lambda: f"{guest.name} is {seen}, not ACTIVE", ask)
    if place != guest.node:
        raise CheckFailedError(f"{guest.name} was placed on {place}, not on {guest.node}")
    return place


def _accept(answer: Any) -> None:
    if answer.status_code >= 300:
        raise SDKException(f"{answer.url} answers {answer.status_code}: {answer.text[:300]}")
