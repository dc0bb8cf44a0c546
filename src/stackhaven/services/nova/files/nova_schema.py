#!/usr/bin/python3
"""Compute's schemas and its two cells: cell0 for servers that were never placed, cell1 for all others.

    nova-schema check|apply CELL0_DATABASE CELL1_DATABASE CELL1_TRANSPORT

`check` runs as root and asks the database; `apply` runs as nova and does in one process what would be five starts of
nova-manage, of several seconds each. The URLs are templates ({username}, {hostname} ...) that each program fills from
its own configuration: no password stands in an argument or in the database, and each node keeps its own source address.
"""

import subprocess
import sys

CELL0 = "00000000-0000-0000-0000-000000000000"
CURRENT = "/usr/local/lib/stackhaven/schema-current"
# The second one points at this node's own database member.
CONFIGURATION = ("/etc/nova/nova.conf", "/etc/stackhaven/schema/nova-schema.conf")
VERSIONS = "/usr/lib/python3/dist-packages/nova/db"
SCHEMAS = {"nova_api": f"{VERSIONS}/api/migrations/versions", "nova": f"{VERSIONS}/main/migrations/versions"}


def check(database0, database1, transport):
    for database, versions in (*SCHEMAS.items(), ("nova_cell0", SCHEMAS["nova"])):
        done = subprocess.run([CURRENT, database, versions], capture_output=True, text=True, timeout=30)
        if done.returncode:
            print(f"{database}: {done.stdout.strip() or done.stderr.strip()[-300:]}")
            return 1
    there = cells()
    first = [urls for uuid, (name, *urls) in there.items() if name == "cell1"]
    if there.get(CELL0, ("", ""))[1] == database0 and first == [[database1, transport]]:
        return 0
    print(f"cells there: {sorted(name or 'cell0' for name, *_ in there.values()) or 'none'}")
    return 1


def cells():
    """Cells as the database has them: uuid to (name, database URL, transport URL)."""
    import pymysql

    connection = pymysql.connect(
        unix_socket="/run/mysqld/mysqld.sock",
        user="root",
        database="nova_api",
        connect_timeout=5,
        read_timeout=20,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuid, name, database_connection, transport_url FROM cell_mappings")
        return {row[0]: row[1:] for row in cursor.fetchall()}


def apply(database0, database1, transport):
    from nova import config, context, objects
    from nova.cmd import manage

    manage.CONF.register_cli_opts([manage.category_opt, manage.post_mortem_opt])
    config.parse_args(["nova-manage", *(f"--config-file={path}" for path in CONFIGURATION), "version"])
    objects.register_all()
    done = manage.ApiDbCommands().sync() or 0
    done = done or map_cells(manage.CellV2Commands(), objects, context, database0, database1, transport)
    return done or manage.DbCommands().sync() or 0


def map_cells(commands, objects, context, database0, database1, transport):  # noqa: PLR0917 - nova is imported late
    there = {cell.uuid: cell.name for cell in objects.CellMappingList.get_all(context.get_admin_context())}
    if CELL0 in there:
        done = commands.update_cell(CELL0, transport_url="none:///", db_connection=database0)
    else:
        done = commands.map_cell0(database_connection=database0)
    first = [uuid for uuid, name in there.items() if name == "cell1"]
    if first:
        return done or commands.update_cell(first[0], transport_url=transport, db_connection=database1)
    return done or commands.create_cell(name="cell1", database_connection=database1, transport_url=transport)


def main():
    return {"check": check, "apply": apply}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
