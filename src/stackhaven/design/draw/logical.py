"""The logical picture: packages of services, how many of each, how each stays up, and what it needs."""

from __future__ import annotations

from collections.abc import Collection

from stackhaven.design.draw.svg import FILL, MUTED, Picture, fitted, width_of, wrapped
from stackhaven.design.topology import Service, Topology

_W = 250.0
_ROW = 17.0
_LAYERS = (
    ("entry", ("haproxy", "keepalived", "pacemaker")),
    (
        "APIs and dashboard",
        (
            "horizon",
            "keystone",
            "glance",
            "placement",
            "nova-api",
            "nova-novncproxy",
            "nova-metadata",
            "neutron-server",
            "cinder-api",
            "heat-api",
            "swift-proxy",
            "octavia",
            "gnocchi",
            "aodh",
        ),
    ),
    (
        "workers",
        (
            "nova-conductor",
            "nova-scheduler",
            "cinder-scheduler",
            "cinder-volume",
            "heat-engine",
            "ovn-northd",
            "ceilometer",
        ),
    ),
    (
        "state",
        (
            "mariadb",
            "rabbitmq",
            "memcached",
            "ovn-db",
            "ceph-mon",
            "ceph-mgr",
            "image-store",
            "redis",
            "nfs",
            "etcd",
        ),
    ),
    (
        "data plane",
        (
            "nova-compute",
            "ovn-controller",
            "metadata-agent",
            "ovn-gateway",
            "ceph-osd",
            "swift-storage",
            "vcenter",
        ),
    ),
)
_FILL = ("balancer", "controller", "controller", "database", "compute")
_MODE = {"clone": "alike copies", "failover": "one active", "native": "own cluster"}


def logical(topology: Topology, marked: Collection[str]) -> Picture:
    """Layers from left to right; each service with members, mode and how many may be lost."""
    picture = Picture(f"{topology.design.name}: logical")
    picture.text(24, 34, f"{topology.design.title or topology.design.name}: services", size=16, bold=True)
    picture.box(24, 70, 110, 46, fill=FILL["user"])
    picture.text(79, 98, "users", bold=True, middle=True)
    placed = {name for _, names in _LAYERS for name in names}
    rest = tuple(name for name in topology.services if name not in placed)
    x = 24 + 110 + 50.0
    picture.line([(134, 93), (x, 93)], arrow=True)
    layers = [*zip(_LAYERS, _FILL, strict=True), (("beside the cloud", rest), "other")]
    shown = [(title, [n for n in names if n in topology.services], fill) for (title, names), fill in layers]
    shown = [layer for layer in shown if layer[1]]
    for index, (title, names, fill) in enumerate(shown):
        bottom = _layer(picture, topology, x, (title, names, fill), marked)
        if title == "entry":
            _vips(picture, topology, x, bottom + 14)
        if index < len(shown) - 1 and shown[index + 1][0] != "beside the cloud":
            picture.line([(x + _W, 93), (x + _W + 46, 93)], arrow=True)
        x += _W + 46
    note = (
        "Left to right: who asks whom. '2 of 3': two of three members must work, 'loses 1': one may be lost. "
        "Red: the loss of its only member stops it."
    )
    picture.text(24, picture.height + 30, note, size=11, colour=MUTED)
    return picture


def _layer(
    picture: Picture,
    topology: Topology,
    x: float,
    layer: tuple[str, list[str], str],
    marked: Collection[str],
) -> float:
    title, names, fill = layer
    height = 34 + len(names) * (_ROW * 2 + 6)
    picture.box(x, 60, _W, height, fill="#fbfcfd")
    picture.text(x + 10, 80, title, bold=True)
    y = 90.0
    for name in names:
        service = topology.services[name]
        bad = service.tolerates == 0 or name in marked
        picture.box(
            x + 8,
            y,
            _W - 16,
            _ROW * 2,
            fill=FILL["bad" if bad else fill],
            edge="#c0392b" if bad else "#8fa1b3",
        )
        count = f"{service.required} of {len(service.members)}"
        picture.text(x + 14, y + 14, fitted(name, 11, _W - 40 - width_of(count, 11)), size=11, bold=True)
        picture.text(x + _W - 14 - width_of(count, 11), y + 14, count, size=11)
        picture.text(x + 14, y + 28, fitted(_says(service), 9.5, _W - 34), size=9.5, colour=MUTED)
        y += _ROW * 2 + 6
    return 60 + height


def _says(service: Service) -> str:
    lost = "single" if service.tolerates == 0 else f"loses {service.tolerates}"
    return f"{service.mode} ({_MODE[service.mode]}), {lost}"


def _vips(picture: Picture, topology: Topology, x: float, y: float) -> None:
    for vip in topology.vips.values():
        rows = wrapped(list(vip.services), 10, _W - 16, 4)
        height = 40 + 13 * len(rows)
        picture.labelled(
            x,
            y,
            _W,
            height,
            head=f"VIP {vip.address}",
            rows=[f"{vip.name}, {vip.provider}", *rows],
            fill=FILL["vip"],
        )
        y += height + 10
