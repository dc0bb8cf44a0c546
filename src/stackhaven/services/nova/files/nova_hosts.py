#!/usr/bin/python3
"""Whether the named hypervisors are registered and mapped to a cell; maps those that are not.

nova-hosts check|apply HOST...
"""

import subprocess
import sys
import time

import pymysql

DEADLINE_S = 180


def query(database, statement):
    connection = pymysql.connect(
        unix_socket="/run/mysqld/mysqld.sock",
        user="root",
        database=database,
        connect_timeout=5,
        read_timeout=20,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return {row[0] for row in cursor.fetchall()}


def unmapped(wanted):
    return wanted - query("nova_api", "SELECT host FROM host_mappings")


def unregistered(wanted):
    return wanted - query("nova", "SELECT host FROM compute_nodes WHERE deleted = 0")


def main():
    verb, wanted = sys.argv[1], set(sys.argv[2:])
    if verb == "check":
        missing = unmapped(wanted)
        if missing:
            print("not mapped to a cell: " + ", ".join(sorted(missing)))
        return 1 if missing else 0
    deadline = time.monotonic() + DEADLINE_S
    while unregistered(wanted) and time.monotonic() < deadline:
        time.sleep(1)
    late = unregistered(wanted)
    subprocess.run(
        ["runuser", "-u", "nova", "--", "nova-manage", "cell_v2", "discover_hosts", "--by-service"],
        check=True,
        timeout=240,
    )
    if late:
        print(f"never registered in {DEADLINE_S} s: " + ", ".join(sorted(late)))
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
