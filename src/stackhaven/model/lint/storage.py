"""Rings, Ceph, images and backups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stackhaven.model.lint.parsers import as_interface, commands, options
from stackhaven.model.lint.rule import WARNING, Hit, between_files, in_file
from stackhaven.model.lint.sources import Source

PARTITIONS_PER_DEVICE = 100
_RING = re.compile(r"(\d{1,12}) partitions, (\d{1,3}(?:\.\d{1,9})?) replicas")
_DEVICE = re.compile(
    r"^\s*\d+\s+\d+\s+(\d+)\s+(\d+\.\d+\.\d+\.\d+)(?::(\d+)|\s+(\d+))\s+.*?\b([a-z]{2,5}[a-z0-9]*)\s+[\d.]+\s+\d+"
)


def _devices(source: Source) -> list[tuple[str, str, str]]:
    """Zone, address and device of each line of a ring's listing."""
    found = (_DEVICE.match(line) for line in source.lines)
    return [(m[1], m[2], m[5]) for m in found if m]


@in_file(
    "swift-replicas-nodes",
    kinds=("ring",),
    catches=("E-25",),
    title="More copies than storage nodes",
    why="Two copies on one node are lost together; the third copy was paid for nothing.",
)
def _replicas(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        found = _RING.search(line)
        nodes = {address for _, address, _ in _devices(source)}
        if found and nodes and float(found[2]) > len(nodes):
            what = f"{float(found[2]):g} copies on {len(nodes)} nodes: two copies share a node"
            yield Hit(source, number, what, f"add nodes up to {float(found[2]):g}, or lower the replicas")


@in_file(
    "swift-part-power",
    kinds=("ring",),
    catches=("E-22",),
    title="A partition power that does not fit the devices",
    why="The power follows from the largest number of devices there will ever be and cannot be changed later: too low "
    "and devices fill unevenly, too high and replication walks for ever.",
    severity=WARNING,
)
def _part_power(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        found = _RING.search(line)
        devices = len(_devices(source))
        if not found or not devices:
            continue
        partitions = int(found[1])
        if partitions & (partitions - 1):
            yield Hit(
                source, number, f"{partitions} partitions is no power of two", "build the ring with a power"
            )
        elif partitions < PARTITIONS_PER_DEVICE * devices:
            power = (PARTITIONS_PER_DEVICE * devices - 1).bit_length()
            what = f"{partitions} partitions for {devices} devices is under {PARTITIONS_PER_DEVICE} each"
            yield Hit(source, number, what, f"a new ring needs power {power} or more")


@in_file(
    "swift-one-zone",
    kinds=("ring",),
    catches=("E-25",),
    title="All devices in one zone",
    why="Copies are kept apart by zone first; in a single zone one rack or feed takes all copies of some objects.",
    severity=WARNING,
)
def _zones(source: Source) -> Iterator[Hit]:
    devices = _devices(source)
    if len(devices) > 2 and len({zone for zone, _, _ in devices}) == 1:
        yield Hit(
            source, 0, f"{len(devices)} devices are all in zone {devices[0][0]}", "one zone per rack or feed"
        )


@between_files(
    "swift-ring-differs",
    kinds=("ring",),
    catches=("E-02",),
    title="Nodes hold different rings",
    why="A node with another ring looks for objects where they are not.",
)
def _rings(sources: Sequence[Source]) -> Iterator[Hit]:
    first: dict[str, Source] = {}
    for source in sources:
        known = first.setdefault(source.base, source)
        if known is not source and set(_devices(known)) != set(_devices(source)):
            yield Hit(source, 0, f"the ring differs from {known.file}", "copy one ring to every node")


_CEPH_UNKNOWN = {
    "storage_network": "cluster network",
    "private_network": "cluster network",
    "osd_journal": "nothing (BlueStore has no journal)",
}


@in_file(
    "ceph-option-unknown",
    kinds=("ceph",),
    catches=("E-26",),
    title="An option Ceph does not have",
    why="It is silently without effect: replication then shares the clients' network.",
)
def _ceph_option(source: Source) -> Iterator[Hit]:
    for option in options(source):
        name = option.name.replace(" ", "_")
        if name in _CEPH_UNKNOWN:
            yield Hit(
                source, option.line, f"Ceph has no option {option.name}", f"write {_CEPH_UNKNOWN[name]}"
            )


@in_file(
    "ceph-network-mask",
    kinds=("ceph",),
    catches=("E-26",),
    title="A network with bits behind its mask",
    why="172.16.24.0/8 is all of 172.0.0.0/8: daemons bind to whatever address of that they find first.",
)
def _ceph_mask(source: Source) -> Iterator[Hit]:
    for option in options(source):
        interface = as_interface(option.value) if "/" in option.value else None
        if "network" in option.name and interface and interface.ip != interface.network.network_address:
            what = f"{option.name} {option.value} is all of {interface.network}"
            yield Hit(source, option.line, what, f"write {interface.ip}/24 or {interface.network}")


@in_file(
    "ceph-journal-shared",
    kinds=("ceph",),
    catches=("E-26",),
    title="A journal on the data disk",
    why="Each write goes to the same disk twice; half its speed is gone. BlueStore has no such journal.",
    severity=WARNING,
)
def _journal(source: Source) -> Iterator[Hit]:
    for option in options(source):
        if option.name.replace(" ", "_") == "osd_journal_size":
            yield Hit(source, option.line, "the journal has a size and no device of its own", "use BlueStore")


_PACKED_BY_NATURE = ("aki", "ari", "iso")
"""Kernels and initial RAM disks are compressed as they are."""


@in_file(
    "image-format",
    kinds=("shell",),
    catches=("E-27",),
    title="An image that is not what it is said to be",
    why="Glance keeps bytes and believes the label: a compressed file called qcow2 boots nowhere.",
)
def _image(source: Source) -> Iterator[Hit]:
    for command in commands(source):
        if "image" not in command.text or "create" not in command.text:
            continue
        file, told = command.option("--file"), command.option("--disk-format")
        packed = re.search(r"\.(xz|gz|bz2|zip)$", file)
        if packed and told not in _PACKED_BY_NATURE:
            yield Hit(
                source,
                command.line,
                f"{file} is compressed and uploaded as {told or 'it is'}",
                "unpack it first",
            )
        ending = re.search(r"\.(qcow2|raw|vmdk|iso)$", file)
        if ending and told and ending[1] != told:
            what = f"{file} is uploaded as {told}"
            yield Hit(source, command.line, what, f"write --disk-format {ending[1]}, or convert it", WARNING)


@between_files(
    "image-not-raw",
    kinds=("oslo", "shell"),
    catches=("E-27",),
    title="qcow2 images in a store that wants raw",
    why="RBD clones raw images in an instant; every other format is copied and converted at each boot.",
    severity=WARNING,
)
def _raw(sources: Sequence[Source]) -> Iterator[Hit]:
    uses_rbd = any(
        re.match(r"^(default_store|stores|enabled_backends)$", o.name) and "rbd" in o.value
        for s in sources
        for o in options(s)
    )
    for source in sources if uses_rbd else ():
        for command in commands(source):
            if "image" in command.text and command.option("--disk-format") == "qcow2":
                yield Hit(
                    source, command.line, "a qcow2 image goes into an RBD store", "convert it to raw first"
                )


_MUST = ("/etc/nova", "/etc/neutron", "/etc/rabbitmq", "/etc/keystone", "/etc/glance", "/etc/cinder")


@in_file(
    "backup-incomplete",
    kinds=("shell",),
    catches=("E-20",),
    title="A backup that leaves services out",
    why="What is missing is found on the day of the restore.",
)
def _backup(source: Source) -> Iterator[Hit]:
    named: dict[str, int] = {}
    for number, line in enumerate(source.lines, 1):
        if re.search(r"\b(tar|rsync|rsnapshot|backup|cp)\b", line) or line.lstrip().startswith("/etc/"):
            for directory in _MUST:
                if re.search(rf"{directory}\b", line):
                    named.setdefault(directory, number)
    missing = [d for d in _MUST if d not in named]
    if len(named) >= 2 and missing and any("backup" in line.lower() for line in source.lines):
        what = f"the backup leaves out {', '.join(missing)}"
        yield Hit(source, min(named.values()), what, "add them, the certificates and a dump of the database")
