#!/usr/bin/python3
"""The cluster's resources, constraints and properties as wanted: `check` exits 0 when they are, `apply` makes them so.

Reads JSON on standard input: {"resources": XML, "constraints": XML, "properties": {name: value}}. `seed` writes the
whole as the first content of a cluster information base that has never been; then nothing else is asked.
"""

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

CIB = "/var/lib/pacemaker/cib/cib.xml"
READY_S = 60
COMMAND_S = 25


def run(argv, stdin=""):
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=COMMAND_S)


def section(name):
    """The section as the cluster has it; None when nothing answers."""
    answer = run(["cibadmin", "--query", "--scope", name])
    return ET.fromstring(answer.stdout) if answer.returncode == 0 else None


def shape(element):
    """What two elements must have in common to be the same: order and attributes, not white space."""
    return element.tag, sorted(element.attrib.items()), [shape(child) for child in element]


def properties(configuration):
    """What the cluster's own property set holds."""
    return {
        pair.get("name"): pair.get("value")
        for found in configuration.iter("cluster_property_set")
        for pair in found
    }


def differences(want):
    found = []
    for name in ("resources", "constraints"):
        has = section(name)
        if has is None:
            return ["the cluster does not answer"]
        if shape(has) != shape(ET.fromstring(want[name])):
            found.append(f"{name} differ")
    has = properties(section("crm_config"))
    for name, value in want["properties"].items():
        if has.get(name) != value:
            found.append(f"{name} is {has.get(name)}, not {value}")
    return found


def property_set(values):
    top = ET.Element("crm_config")
    pairs = ET.SubElement(top, "cluster_property_set", id="cib-bootstrap-options")
    for name, value in values.items():
        ET.SubElement(pairs, "nvpair", id=f"cib-bootstrap-options-{name}", name=name, value=value)
    return ET.tostring(top, encoding="unicode")


def await_leader():
    """Changes go through the elected controller of the cluster; before there is one they are refused."""
    deadline = time.monotonic() + READY_S
    while run(["crmadmin", "--dc_lookup", "--timeout=2s"]).returncode != 0:
        if time.monotonic() > deadline:
            sys.exit(f"the cluster has no elected controller after {READY_S} s: see crm_mon -1")
        time.sleep(0.5)


def apply(want):
    await_leader()
    steps = [["--modify", "--allow-create", "--scope", "crm_config", property_set(want["properties"])]]
    # Constraints name resources: they go before those that leave, and come after those that are new.
    steps += [["--replace", "--scope", "constraints", "<constraints/>"]] if loses_resources(want) else []
    steps += [["--replace", "--scope", name, want[name]] for name in ("resources", "constraints")]
    for *options, xml in steps:
        answer = run(["cibadmin", *options, "--xml-pipe"], stdin=xml)
        if answer.returncode != 0:
            sys.exit(f"cibadmin {' '.join(options)}: {answer.stderr or answer.stdout}")


def loses_resources(want):
    has = section("resources")
    if has is None:
        sys.exit("the cluster does not answer")
    kept = {element.get("id") for element in ET.fromstring(want["resources"]).iter()}
    return any(element.get("id") not in kept for element in has)


def seed(want):
    if os.path.exists(CIB):
        return
    top = ET.Element(
        "cib", {"admin_epoch": "0", "epoch": "1", "num_updates": "0", "validate-with": "pacemaker-4.0"}
    )
    configuration = ET.SubElement(top, "configuration")
    configuration.append(ET.fromstring(property_set(want["properties"])))
    ET.SubElement(configuration, "nodes")
    configuration.append(ET.fromstring(want["resources"]))
    configuration.append(ET.fromstring(want["constraints"]))
    ET.SubElement(top, "status")
    temporary = f"{CIB}.new"
    with open(temporary, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write(ET.tostring(top, encoding="unicode"))
    import pwd

    user = pwd.getpwnam("hacluster")
    os.chown(temporary, user.pw_uid, user.pw_gid)
    os.rename(temporary, CIB)


def main():
    want = json.load(sys.stdin)
    if sys.argv[1] == "seed":
        seed(want)
    elif sys.argv[1] == "apply":
        apply(want)
    else:
        found = differences(want)
        print("\n".join(found))
        sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
