"""Schema steps of OpenStack databases: done when the database is at the revision the installed code wants."""

from __future__ import annotations

from stackhaven.plan import Command

PYTHON = "/usr/lib/python3/dist-packages"
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
