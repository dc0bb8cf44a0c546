"""What users build inside: networks, openings, tunnels, groups, balancers."""

from __future__ import annotations

from collections.abc import Iterator

from stackhaven.design.checks.fault import Fault, first_host, warn
from stackhaven.design.tenants import Tenant, Vpn
from stackhaven.design.topology import Topology

_DATABASES = {3306: "MySQL", 5432: "PostgreSQL", 27017: "MongoDB", 6379: "Redis", 11211: "memcached"}


def networks(topology: Topology) -> Iterator[Fault]:
    """Gateways and guests outside, and overlaps with the hosts."""
    for name, tenant in topology.design.tenants.items():
        for key, network in tenant.networks.items():
            path = ("tenants", name, "networks", key)
            if network.gateway and network.gateway not in network.cidr:
                what = f"gateway {network.gateway} is not in {key} ({network.cidr})"
                yield Fault(what, f"write {first_host(network.cidr)}", path)
            for host_name, host in topology.design.networks.items():
                if host.cidr.overlaps(network.cidr):
                    what = f"{name}'s {key} {network.cidr} overlaps {host_name} {host.cidr} of the hosts"
                    yield Fault(what, "take another range for the tenant", path)
        yield from _guests(name, tenant)


def _guests(name: str, tenant: Tenant) -> Iterator[Fault]:
    for key, guest in tenant.guests.items():
        path = ("tenants", name, "guests", key)
        network = tenant.networks.get(guest.network)
        if network is None:
            yield Fault(
                f"guest {key} is in network {guest.network}, which {name} does not have", "add it", path
            )
        elif guest.address and guest.address not in network.cidr:
            what = f"guest {key} has {guest.address}, which is not in {guest.network} ({network.cidr})"
            yield Fault(what, f"write an address of {network.cidr}", path)
    for key, joined in tenant.routers.items():
        for network_name in joined:
            if network_name not in tenant.networks:
                what = f"router {key} joins {network_name}, which {name} does not have"
                yield Fault(what, "add the network", ("tenants", name, "routers", key))


def open_database(topology: Topology) -> Iterator[Fault]:
    """Databases open to every address."""
    for name, tenant in topology.design.tenants.items():
        for index, opening in enumerate(tenant.openings):
            if opening.port in _DATABASES and opening.source.prefixlen == 0:
                what = f"{name} opens {_DATABASES[opening.port]} ({opening.port}) to every address"
                yield Fault(what, "write the range of its callers", ("tenants", name, "openings", index))


def vpn(topology: Topology) -> Iterator[Fault]:
    """Ends that do not agree."""
    tenants = topology.design.tenants
    for name, tenant in tenants.items():
        for key, end in tenant.vpns.items():
            path = ("tenants", name, "vpns", key)
            other = tenants[end.peer].vpns if end.peer in tenants else {}
            back = next((v for v in other.values() if v.peer == name), None)
            if back is None:
                yield Fault(
                    f"{name}'s tunnel {key} has no other end at {end.peer}", "describe both ends", path
                )
                continue
            differ = _differences(end, back)
            if differ:
                what = f"the ends of {key} differ in {', '.join(differ)}"
                yield Fault(what, f"write the same at {name} and {end.peer}", path)


def _differences(end: Vpn, back: Vpn) -> list[str]:
    differ = [f for f in ("ike", "esp", "lifetime_s") if getattr(end, f) != getattr(back, f)]
    if end.peer_address != back.address:
        differ.append("peer_address")
    return differ


def groups(topology: Topology) -> Iterator[Fault]:
    """Groups that cannot scale, and alarms that chase each other."""
    for name, tenant in topology.design.tenants.items():
        for key, group in tenant.groups.items():
            path = ("tenants", name, "groups", key)
            if group.least >= group.most:
                what = (
                    f"group {key} has size {group.least} at least and {group.most} at most: it never scales"
                )
                yield Fault(what, f"write most: {group.least + 1} or more", path)
            if group.low_percent >= group.high_percent:
                what = f"group {key} shrinks below {group.low_percent:g} % and grows above {group.high_percent:g} %"
                yield Fault(what, "let low be well under high", path)
            elif group.cooldown_s < group.high_period_s:
                what = (
                    f"group {key} cools down {group.cooldown_s} s and is judged over {group.high_period_s} s"
                )
                yield warn(what, "cool down at least one period", path)


def balancers(topology: Topology) -> Iterator[Fault]:
    """Balancers outside their network, and members nobody made."""
    for name, tenant in topology.design.tenants.items():
        for key, balancer in tenant.balancers.items():
            path = ("tenants", name, "balancers", key)
            network = tenant.networks.get(balancer.network)
            if network is None or balancer.address not in network.cidr:
                where = network.cidr if network else "a network that is not described"
                what = f"balancer {key} {balancer.address} is not in {balancer.network} ({where})"
                yield Fault(what, "write an address of its network", path)
            missing = [m for m in balancer.members if m not in tenant.guests and m not in tenant.groups]
            if missing:
                yield Fault(
                    f"balancer {key} has member {missing[0]}, which {name} does not have", "add it", path
                )
