#!/usr/bin/python3
"""Whether this node's server of an OVN database is a member of a cluster of SIZE with a leader.

ovn-member SCHEMA SIZE
"""

import re
import subprocess
import sys

NAMES = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}


def main():
    kind, size = sys.argv[1], int(sys.argv[2])
    control = f"/run/ovn/ovn{kind}_db.ctl"
    done = subprocess.run(
        ["ovn-appctl", "-t", control, "cluster/status", NAMES[kind]],
        capture_output=True,
        text=True,
        timeout=10,
    )
    if done.returncode:
        print(done.stderr.strip())
        return 1
    status = dict(re.findall(r"^(\w[\w ]*): (.+)$", done.stdout, re.MULTILINE))
    servers = re.findall(r"^ +\w+ \(\w+ at ", done.stdout, re.MULTILINE)
    if (
        status.get("Status") == "cluster member"
        and status.get("Leader") not in (None, "unknown")
        and len(servers) == size
    ):
        return 0
    print(f"{status.get('Status')}, leader {status.get('Leader')}, {len(servers)} of {size} servers")
    return 1


if __name__ == "__main__":
    sys.exit(main())
