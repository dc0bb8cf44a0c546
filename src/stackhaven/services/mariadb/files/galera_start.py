#!/usr/bin/python3
"""Decides, before mariadbd starts, whether this member joins a living cluster or bootstraps one.

The members decide by themselves, at every start, so that a full outage needs no operator. The rules, in order:

1. A peer is up in a primary component, or on its way there: join it.
2. A peer runs without a primary component: start; Galera forms the component again from the saved view.
3. Every peer answers and none runs. One member bootstraps: the one that left last in an orderly stop
   (safe_to_bootstrap), else the one with the highest recovered position, on a tie the first in the list of members.
   Different cluster UUIDs are refused: somebody has to choose.
4. A peer does not answer: wait. Bootstrapping without it could lose what only it has.

`decide` is pure and is tested without a database.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request

DATA = "/var/lib/mysql"
RUN = "/run/mysqld"
PHASE = f"{RUN}/haven-phase.json"
NEW_CLUSTER = f"{RUN}/wsrep-new-cluster"
START_POSITION = f"{RUN}/wsrep-start-position"
CONFIG = "/etc/stackhaven/galera.json"
NO_UUID = "00000000-0000-0000-0000-000000000000"
DEADLINE_S = 800
POLL_S = 0.5
ANSWER_S = 1.5


def decide(me, mine, members, peers):
    """What to do now.

    `me`: this member's name. `mine`: its position {uuid, seqno, safe}. `members`: all names, in order.
    `peers`: for each other name its /state answer, or None where it does not answer.
    Returns (verb, sentence); the verb is join, rejoin, bootstrap, wait or refuse.
    """
    for name, state in peers.items():
        if state and state.get("running") and state.get("primary"):
            return "join", f"{name} is in a primary component"
    for name, state in peers.items():
        if state and state.get("running"):
            return "rejoin", f"{name} runs without a primary component; the saved view decides"
    silent = [name for name, state in peers.items() if state is None]
    if silent:
        return "wait", f"no answer from {', '.join(silent)}"
    if mine["safe"] and mine["uuid"] != NO_UUID:
        return "bootstrap", "this member left last in an orderly stop"
    starting = [name for name, state in peers.items() if phase(state) == "starting"]
    if starting:
        return "wait", f"{', '.join(starting)} is starting"
    positions = {me: mine}
    for name, state in peers.items():
        if phase(state) != "deciding":
            return "wait", f"{name} is not starting; its position is not known"
        positions[name] = state["start"]["position"]
    return elect(me, members, positions)


def elect(me, members, positions):
    """Who bootstraps when the positions of all members are known and none runs."""
    uuids = {p["uuid"] for p in positions.values()} - {NO_UUID}
    if len(uuids) > 1:
        return (
            "refuse",
            f"members hold different clusters: {sorted(uuids)}; `haven recover` shows who has what",
        )
    safe = [name for name in members if positions[name]["safe"] and positions[name]["uuid"] != NO_UUID]
    if safe:
        winner = safe[0]
    else:
        best = max((p["uuid"] != NO_UUID, p["seqno"]) for p in positions.values())
        winner = next(n for n in members if (positions[n]["uuid"] != NO_UUID, positions[n]["seqno"]) == best)
    if winner == me:
        return "bootstrap", f"highest position ({positions[me]['uuid']}:{positions[me]['seqno']})"
    return "wait", f"{winner} bootstraps"


def phase(state):
    """What a peer that is down said when it last began to start, if that was in its present boot."""
    start = state.get("start")
    if not start or start.get("boot_id") != state.get("boot_id"):
        return "stopped"
    return start["phase"]


def read_position():
    """This member's position from grastate.dat, or recovered from InnoDB after a crash."""
    found = {"uuid": NO_UUID, "seqno": -1, "safe": False}
    try:
        with open(f"{DATA}/grastate.dat") as file:
            text = file.read()
    except FileNotFoundError:
        return found
    fields = dict(re.findall(r"^(\w+):\s*(\S+)\s*$", text, re.MULTILINE))
    found = {
        "uuid": fields.get("uuid", NO_UUID),
        "seqno": int(fields.get("seqno", -1)),
        "safe": fields.get("safe_to_bootstrap") == "1",
    }
    if found["seqno"] < 0 and found["uuid"] != NO_UUID:
        found.update(recover_position())
    return found


def recover_position():
    done = subprocess.run(
        ["/usr/bin/galera_recovery"], capture_output=True, text=True, timeout=300, check=True
    )
    match = re.search(r"--wsrep_start_position=([0-9a-f-]{36}):(-?\d+)", done.stdout)
    if not match:
        raise SystemExit(f"galera_recovery gave no position: {done.stdout!r} {done.stderr[-500:]!r}")
    write(START_POSITION, f"_WSREP_START_POSITION={match[0]}\n")
    return {"uuid": match[1], "seqno": int(match[2])}


def write(path, text):
    temporary = f"{path}.new"
    with open(temporary, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def note(name, position):
    boot_id = open("/proc/sys/kernel/random/boot_id").read().strip()
    write(PHASE, json.dumps({"phase": name, "position": position, "boot_id": boot_id, "at": time.time()}))
    os.chmod(PHASE, 0o644)


def ask(address):
    try:
        with urllib.request.urlopen(f"http://{address}:9200/state", timeout=ANSWER_S) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def forget_view():
    """The saved view would make Galera wait for members of a component that is decided otherwise now."""
    try:
        os.unlink(f"{DATA}/gvwstate.dat")
    except FileNotFoundError:
        pass


def main():
    with open(CONFIG) as file:
        config = json.load(file)
    if os.path.exists(NEW_CLUSTER):
        note("starting", None)
        print("told to bootstrap by the operator")
        return 0
    for stale in (START_POSITION,):
        if os.path.exists(stale):
            os.unlink(stale)
    me, members = config["node"], config["members"]
    mine = read_position()
    note("deciding", mine)
    said = ""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        peers = {name: ask(address) for name, address in members.items() if name != me}
        verb, sentence = decide(me, mine, list(members), peers)
        if sentence != said:
            print(f"{verb}: {sentence}", flush=True)
            said = sentence
        if verb == "refuse":
            return 1
        if verb != "wait":
            note("starting", mine)
            if verb != "rejoin":
                forget_view()
            if verb == "bootstrap":
                write(NEW_CLUSTER, "_WSREP_NEW_CLUSTER=--wsrep-new-cluster\n")
                mark_safe()
            return 0
        time.sleep(POLL_S)
    print(f"gave up after {DEADLINE_S} s: {said}", flush=True)
    return 1


def mark_safe():
    """Mariadbd refuses to bootstrap a member that is not marked; the decision above is what the mark stands for."""
    path = f"{DATA}/grastate.dat"
    try:
        with open(path) as file:
            text = file.read()
    except FileNotFoundError:
        return
    write(path, re.sub(r"safe_to_bootstrap:\s*0", "safe_to_bootstrap: 1", text))


if __name__ == "__main__":
    sys.exit(main())
