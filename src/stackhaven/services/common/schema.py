"""Schema steps of OpenStack databases: done when the database is at the revision the installed code wants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from stackhaven.design.layout import LayoutNode
from stackhaven.plan import Command, Directory, File, Resource
from stackhaven.services.base import Site
from stackhaven.services.common.ini import render_ini
from stackhaven.services.common.oslo import schema_url

PYTHON = "/usr/lib/python3/dist-packages"
FOLDER = "/etc/stackhaven/schema"
CURRENT = "/usr/local/lib/stackhaven/schema-current"


def schema_command(
    what: str,
    *,
    database: str,
    versions: str,
    apply: tuple[str, ...],
    user: str,
    unit: str,
    table: str = "alembic_version",
) -> Command:
    """The action that brings a schema up to date.

    `versions`: folder of the migrations below the Python path. It runs as a unit of its own, so that a lost link
    does not cut a migration in two.
    """
    return Command(
        what=what,
        check=(CURRENT, database, f"{PYTHON}/{versions}", table),
        apply=("/usr/sbin/runuser", "-u", user, "--", *apply),
        unit=unit,
        timeout_s=900,
    )


def schema_conf(
    site: Site,
    node: LayoutNode,
    service: str,
    sections: Mapping[str, str] = MappingProxyType({"database": ""}),
) -> tuple[Resource, ...]:
    """The file that a schema program reads after the service's own: `sections` names database by section."""
    content = render_ini(
        {
            section: {"connection": schema_url(site, node, service=service, database=database)}
            for section, database in sections.items()
        }
    )
    return (
        Directory(path=FOLDER),
        File(path=conf_path(service), content=content, mode=0o640, group=service),
    )


def conf_path(service: str) -> str:
    """Where `schema_conf` puts the file."""
    return f"{FOLDER}/{service}-schema.conf"


def conf_options(service: str, *own: str) -> tuple[str, ...]:
    """The options by which a program reads the service's own files, then ours."""
    return tuple(f"--config-file={path}" for path in (*own, conf_path(service)))
