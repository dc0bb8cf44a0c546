#!/usr/bin/python3
"""Makes this node's copy of an OVN database, joining the living members or, where there is none, founding the cluster.

    ovn-database check SCHEMA
    ovn-database make SCHEMA LOCAL found|join PEER...

SCHEMA is nb or sb, LOCAL and PEER are addresses. Whether to join is decided by who answers now, never by the order of
an inventory: a first node that comes back with an empty disk must not found a second cluster.
"""

import os
import socket
import subprocess
import sys
import time

PORTS = {"nb": 6643, "sb": 6644}
NAMES = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}
FILES = {"nb": "/var/lib/ovn/ovnnb_db.db", "sb": "/var/lib/ovn/ovnsb_db.db"}
SCHEMAS = {"nb": "/usr/share/ovn/ovn-nb.ovsschema", "sb": "/usr/share/ovn/ovn-sb.ovsschema"}
DEADLINE_S = 120


def answers(address, port):
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def living(kind, peers, wait):
    """The peers whose raft port answers; with `wait`, polled until there is one."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = [peer for peer in peers if answers(peer, PORTS[kind])]
        if found or not wait or time.monotonic() > deadline:
            return found
        time.sleep(0.3)


def make(kind, local, role, peers):
    address = f"tcp:{local}:{PORTS[kind]}"
    there = living(kind, peers, wait=role == "join")
    temporary = f"{FILES[kind]}.new"
    if os.path.exists(temporary):
        os.unlink(temporary)
    os.makedirs("/var/lib/ovn", exist_ok=True)
    if there:
        remotes = [f"tcp:{peer}:{PORTS[kind]}" for peer in there]
        subprocess.run(
            ["ovsdb-tool", "join-cluster", temporary, NAMES[kind], address, *remotes], check=True, timeout=30
        )
        print(f"joins {', '.join(there)}")
    elif role == "found":
        subprocess.run(
            ["ovsdb-tool", "create-cluster", temporary, SCHEMAS[kind], address], check=True, timeout=30
        )
        print("founds the cluster")
    else:
        print(f"no member of {NAMES[kind]} answers at {', '.join(peers)}")
        return 1
    os.rename(temporary, FILES[kind])
    return 0


def main():
    verb, kind = sys.argv[1:3]
    if verb == "check":
        return 0 if os.path.exists(FILES[kind]) else 1
    return make(kind, sys.argv[3], sys.argv[4], sys.argv[5:])


if __name__ == "__main__":
    sys.exit(main())
