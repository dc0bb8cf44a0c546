#!/usr/bin/python3
"""Open vSwitch of a chassis as the JSON on standard input says: external ids, bridges, ports, the local manager.

    chassis check|apply

Input: {external_ids: {}, bridges: [{name, datapath_type, ports: []}], manager, up: []}.
"""

import json
import subprocess
import sys


def vsctl(*arguments):
    done = subprocess.run(
        ["ovs-vsctl", "--timeout=15", *arguments], capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode:
        raise SystemExit(f"ovs-vsctl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def current():
    """The switch as two queries tell it: what the root row says, and which ports are on which bridge."""
    row = json.loads(vsctl("--format=json", "--columns=external_ids", "list", "Open_vSwitch"))["data"][0]
    external = dict(row[0][1])
    bridges = {}
    for name, kind in table("Bridge", "name,datapath_type"):
        bridges[name] = {"datapath_type": kind, "ports": set(vsctl("list-ports", name).split())}
    return external, bridges, {target for (target,) in table("Manager", "target")}


def table(name, columns):
    return json.loads(vsctl("--format=json", f"--columns={columns}", "list", name))["data"]


def differences(wanted):
    external, bridges, managers = current()
    for key, value in wanted["external_ids"].items():
        if external.get(key) != value:
            yield f"{key} is {external.get(key)!r}", ("set", "open", ".", f'external-ids:{key}="{value}"')
    for bridge in wanted["bridges"]:
        name, kind = bridge["name"], bridge["datapath_type"]
        there = bridges.get(name)
        if there is None:
            yield (
                f"no bridge {name}",
                ("--may-exist", "add-br", name, "--", "set", "bridge", name, f"datapath_type={kind}"),
            )
            there = {"datapath_type": kind, "ports": set()}
        if there["datapath_type"] != kind:
            yield f"datapath of {name}", ("set", "bridge", name, f"datapath_type={kind}")
        for port in bridge["ports"]:
            if port not in there["ports"]:
                yield f"no port {port} on {name}", ("--may-exist", "add-port", name, port)
    if wanted["manager"] not in managers:
        yield "no local manager", ("set-manager", wanted["manager"])


def main():
    wanted = json.load(sys.stdin)
    found = list(differences(wanted))
    if sys.argv[1] == "apply":
        for _, arguments in found:
            vsctl(*arguments)
        for device in wanted["up"]:
            done = subprocess.run(
                ["ip", "link", "set", device, "up"], capture_output=True, text=True, timeout=10
            )
            if done.returncode:
                print(f"{device}: {done.stderr.strip()}; ovs-vsctl show and /var/log/openvswitch say more")
                return 1
        return 0
    print("; ".join(sentence for sentence, _ in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
