#!/usr/bin/python3
"""The two cells: cell0 for servers that were never placed, cell1 for all others.

    nova-cells check|apply CELL0_DATABASE CELL1_DATABASE CELL1_TRANSPORT

The URLs are templates ({username}, {hostname} ...) that each program fills from its own configuration: no password
stands in an argument or in the database, and each node keeps its own source address.
"""

import subprocess
import sys

import pymysql

CELL0 = "00000000-0000-0000-0000-000000000000"


def cells():
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


def manage(*arguments):
    subprocess.run(
        ["runuser", "-u", "nova", "--", "nova-manage", "cell_v2", *arguments], check=True, timeout=240
    )


def main():
    verb, database0, database1, transport = sys.argv[1:]
    there = cells()
    first = [uuid for uuid, (name, *_) in there.items() if name == "cell1"]
    if verb == "check":
        right = (
            there.get(CELL0, ("", ""))[1] == database0
            and len(first) == 1
            and there[first[0]][1:] == (database1, transport)
        )
        if not right:
            print(f"cells there: {sorted(name or 'cell0' for name, *_ in there.values()) or 'none'}")
        return 0 if right else 1
    if CELL0 not in there:
        manage("map_cell0", "--database_connection", database0)
    elif there[CELL0][1] != database0:
        manage(
            "update_cell",
            "--cell_uuid",
            CELL0,
            "--database_connection",
            database0,
            "--transport-url",
            "none:///",
        )
    urls = ("--database_connection", database1, "--transport-url", transport)
    if first:
        manage("update_cell", "--cell_uuid", first[0], *urls)
    else:
        manage("create_cell", "--name", "cell1", *urls)
    return 0


if __name__ == "__main__":
    sys.exit(main())
