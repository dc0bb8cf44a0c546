"""What is known of each service: how it stays up and why, what it cannot work without, how many must be there."""

from __future__ import annotations

from dataclasses import dataclass

from stackhaven.design.plan_model import Mode, ServiceClass

CLONE, FAILOVER, NATIVE = Mode.CLONE, Mode.FAILOVER, Mode.NATIVE


@dataclass(frozen=True, kw_only=True)
class Known:
    """A service.

    `majority`: its members decide by vote. `edge`: its absence does not stop the cloud's own API. `copies`: it keeps
    copies of data on its members, never two in one rack while there are racks enough.
    """

    mode: Mode
    reason: str
    needs: tuple[str, ...] = ()
    via_vip: bool = False
    majority: bool = False
    stores: bool = False
    copies: bool = False
    edge: bool = False
    belongs: ServiceClass | None = None
    retired: str = ""


_STATELESS = "keeps nothing between two requests: any copy can answer"
_VOTES = "its members agree by majority and replicate on their own"
_API = ("mariadb", "memcached")
_RPC = (*_API, "rabbitmq")


def _api(*needs: str, belongs: ServiceClass | None = None, retired: str = "") -> Known:
    return Known(mode=CLONE, reason=_STATELESS, needs=needs, via_vip=True, belongs=belongs, retired=retired)


KNOWN: dict[str, Known] = {
    "haproxy": Known(mode=CLONE, reason="each copy has the same configuration; the VIP chooses one"),
    "keepalived": Known(mode=NATIVE, reason="VRRP elects the holder of the address"),
    "pacemaker": Known(mode=NATIVE, reason="Corosync's membership decides who runs what", majority=True),
    "mariadb": Known(mode=NATIVE, reason=_VOTES, majority=True, stores=True, via_vip=True),
    "rabbitmq": Known(mode=NATIVE, reason=_VOTES, majority=True, stores=True),
    "memcached": Known(mode=CLONE, reason="a cache: its loss costs time, not data", edge=True),
    "etcd": Known(mode=NATIVE, reason=_VOTES, majority=True, stores=True),
    "keystone": _api(*_API, belongs="identity"),
    "glance": _api("keystone", "mariadb", "image-store", belongs="image"),
    "image-store": Known(
        mode=NATIVE, reason="shared by every Glance, or no image can be served", stores=True
    ),
    "placement": _api("keystone", "mariadb", belongs="compute"),
    "nova-api": _api("keystone", "placement", *_RPC, belongs="compute"),
    "nova-conductor": Known(
        mode=CLONE, reason="takes work from a queue: any copy can", needs=("mariadb", "rabbitmq")
    ),
    "nova-scheduler": Known(
        mode=CLONE,
        reason="takes work from a queue: any copy can",
        needs=("placement", "mariadb", "rabbitmq"),
    ),
    "nova-novncproxy": _api("mariadb", belongs="compute"),
    "nova-metadata": _api("mariadb", "rabbitmq", belongs="compute"),
    "nova-compute": Known(
        mode=NATIVE,
        reason="bound to its host; guests move or are evacuated",
        needs=("rabbitmq", "nova-conductor"),
        belongs="compute",
    ),
    "neutron-server": _api("keystone", "ovn-db", *_RPC, belongs="network"),
    "ovn-db": Known(mode=NATIVE, reason=_VOTES, majority=True, stores=True),
    "ovn-northd": Known(
        mode=FAILOVER, reason="one is active by a lock in the database, the others wait", needs=("ovn-db",)
    ),
    "ovn-controller": Known(
        mode=NATIVE, reason="bound to its host; flows stay when it is gone", needs=("ovn-db",)
    ),
    "ovn-gateway": Known(
        mode=FAILOVER,
        reason="each router has a priority list of chassis; BFD moves it",
        needs=("ovn-controller",),
        belongs="network",
    ),
    "metadata-agent": Known(
        mode=NATIVE, reason="one on every hypervisor", needs=("nova-metadata",), edge=True
    ),
    "horizon": _api("keystone", "memcached", belongs="dashboard"),
    "cinder-api": _api("keystone", *_RPC, belongs="block"),
    "cinder-scheduler": Known(
        mode=CLONE, reason="takes work from a queue: any copy can", needs=("mariadb", "rabbitmq")
    ),
    "cinder-volume": Known(
        mode=CLONE,
        reason="active/active with `cluster=` over a shared backend",
        needs=("mariadb", "rabbitmq", "ceph-osd"),
        belongs="block",
    ),
    "ceph-mon": Known(mode=NATIVE, reason=_VOTES, majority=True, stores=True),
    "ceph-mgr": Known(mode=FAILOVER, reason="one is active, Ceph's monitors choose it", needs=("ceph-mon",)),
    "ceph-osd": Known(
        mode=NATIVE,
        reason="CRUSH keeps copies on other hosts",
        needs=("ceph-mon",),
        stores=True,
        copies=True,
        belongs="block",
    ),
    "swift-proxy": _api("keystone", "swift-storage", belongs="object"),
    "swift-storage": Known(
        mode=NATIVE, reason="the ring keeps copies in other zones", stores=True, copies=True, belongs="object"
    ),
    "heat-api": _api("keystone", *_RPC, belongs="orchestration"),
    "heat-engine": Known(
        mode=CLONE, reason="takes work from a queue: any copy can", needs=("mariadb", "rabbitmq")
    ),
    "octavia": _api("keystone", *_RPC),
    "aodh": _api("keystone", "gnocchi", *_RPC, belongs="telemetry"),
    "gnocchi": _api("keystone", "mariadb", belongs="telemetry"),
    "ceilometer": Known(
        mode=CLONE, reason="pollers share the work by a group", needs=("rabbitmq", "gnocchi"), edge=True
    ),
    "redis": Known(mode=FAILOVER, reason="a sentinel promotes a replica", stores=True, edge=True),
    "nfs": Known(mode=FAILOVER, reason="one mounts the disk, the other waits, fenced", stores=True),
    "opensearch": Known(mode=NATIVE, reason=_VOTES, stores=True, edge=True),
    "log-pipeline": Known(
        mode=CLONE, reason="shippers keep lines until one answers", needs=("opensearch",), edge=True
    ),
    "monitoring": Known(mode=FAILOVER, reason="two that watch the same, one alarms", stores=True, edge=True),
    "deployer": Known(
        mode=FAILOVER, reason="the cloud runs without it; rebuilt from code", stores=True, edge=True
    ),
    "provisioner": Known(mode=FAILOVER, reason="no new machine without it, no other harm", edge=True),
    "dns": Known(mode=CLONE, reason="every answer is the same", edge=True),
    "rally": Known(mode=NATIVE, reason="a measuring instrument", edge=True),
    "git": Known(mode=FAILOVER, reason="every clone is a copy", stores=True, edge=True),
    "ci-runner": Known(mode=CLONE, reason="jobs go to any runner", needs=("git",), edge=True),
    "vcenter": Known(mode=FAILOVER, reason="VMware's own restart", stores=True),
}

EVERYWHERE = ("haproxy", "keepalived", "mariadb", "rabbitmq", "memcached")
CONTROL = (
    *EVERYWHERE,
    "keystone",
    "glance",
    "image-store",
    "placement",
    "nova-api",
    "nova-conductor",
    "nova-scheduler",
    "nova-novncproxy",
    "nova-metadata",
    "neutron-server",
    "ovn-db",
    "ovn-northd",
)
"""What a controller of the core runs."""

COMPUTE = ("nova-compute", "ovn-controller", "metadata-agent")
BY_CLASS: dict[str, tuple[str, ...]] = {
    "dashboard": ("horizon",),
    "block": ("cinder-api", "cinder-scheduler", "cinder-volume"),
    "object": (),
    "orchestration": ("heat-api", "heat-engine"),
    "telemetry": ("gnocchi", "aodh", "ceilometer"),
}
"""What a class adds to a controller."""


def known(service: str) -> Known:
    """What is known of a service; one nobody knows is a clone that needs nothing."""
    return KNOWN.get(
        service, Known(mode=CLONE, reason="not in the catalogue: taken for stateless", edge=True)
    )
