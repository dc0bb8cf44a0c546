#!/usr/bin/python3
"""Whether this broker is in one cluster with all the named peers, all of them running now.

    rabbit-joined ADDRESS CLUSTER_NAME PEER...

Reads the broker's own metrics, which cost a hundredth of a rabbitmqctl call.
"""

import re
import sys
import urllib.request

UP = 3


def main():
    address, cluster, peers = sys.argv[1], sys.argv[2], set(sys.argv[3:])
    try:
        with urllib.request.urlopen(f"http://{address}:15692/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
    except OSError as error:
        print(f"no metrics from {address}: {error}")
        return 1
    name = re.search(r'rabbitmq_identity_info\{[^}]*rabbitmq_cluster="([^"]*)"', metrics)
    if not name or name[1] != cluster:
        print(f"in cluster {name[1] if name else 'unknown'!r}, wanted {cluster!r}")
        return 1
    states = re.findall(r'^erlang_vm_dist_node_state\{peer="([^"]+)"\} (\d+)', metrics, re.MULTILINE)
    up = {peer for peer, state in states if int(state) == UP}
    if peers - up:
        print("not connected to " + ", ".join(sorted(peers - up)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
