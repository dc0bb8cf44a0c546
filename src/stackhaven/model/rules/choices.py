"""Rules on choices that are allowed and regretted, or that void what the rest of the file promises."""

from __future__ import annotations

from collections.abc import Iterator

from stackhaven.model.cloud import Role
from stackhaven.model.defaults import machines_of
from stackhaven.model.finding import Severity
from stackhaven.model.rules.base import Hit, Subject, rule

SAFE_CPU_RATIO = 8.0
SAFE_RAM_RATIO = 1.0
SAFE_DISK_RATIO = 1.0


@rule("overcommit-high", "overcommit", severity=Severity.WARNING)
def overcommit_high(subject: Subject) -> Iterator[Hit]:
    """More is promised to guests than the hosts can give when all ask at once (F-12, F-13, E-55).

    Overcommitted processor time makes guests slow. Overcommitted memory makes the kernel kill one of them, or swap
    until the host drops out. Today's defaults are 4 virtual per physical core and no overcommit of memory or disk.
    """
    overcommit = subject.cloud.overcommit
    for key, value, safe, default, effect in (
        ("cpu", overcommit.cpu, SAFE_CPU_RATIO, 4.0, "guests wait for each other"),
        ("ram", overcommit.ram, SAFE_RAM_RATIO, 1.0, "the kernel kills guests when memory runs out"),
        ("disk", overcommit.disk, SAFE_DISK_RATIO, 1.0, "guests' writes fail when the disk is full"),
    ):
        if value > safe:
            yield Hit(
                ("overcommit", key),
                f"overcommit.{key} {value:g} is above {safe:g}: {effect}",
                f"leave it out ({default:g}), or raise it by what usage statistics allow",
            )


@rule("images-local", "images", "nodes", "services", "lab")
def images_local(subject: Subject) -> Iterator[Hit]:
    """Images lie in a directory of one controller, and several controllers serve them.

    An image uploaded to one is not found on the others, so two requests of three fail. The directory
    ``/var/lib/glance/images`` must be the same storage on all.
    """
    controllers = sum(Role.CONTROLLER in m.node.roles for m in machines_of(subject.cloud.nodes))
    images = subject.cloud.images
    shared = subject.cloud.lab is not None if images.shared is None else images.shared
    if subject.wants("glance") and images.store == "file" and controllers > 1 and not shared:
        yield Hit(
            ("images", "shared"),
            f"images.store is file, on {controllers} controllers that do not share the directory",
            "mount the same storage on /var/lib/glance/images of every controller and write "
            "`images: {shared: true}`",
        )


@rule("database-volatile", "database", severity=Severity.WARNING)
def database_volatile(subject: Subject) -> Iterator[Hit]:
    """Commits are not flushed to disk: when power fails on all controllers, acknowledged writes are lost."""
    if not subject.cloud.database.durable:
        yield Hit(
            ("database", "durable"),
            "database.durable is false: a power failure loses acknowledged writes",
            "leave it out, unless the data may be lost",
        )
