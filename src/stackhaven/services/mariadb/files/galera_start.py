#!/usr/bin/python3
"""Decides, before mariadbd starts, whether this member joins a living cluster or bootstraps one.

    galera-start            before mariadbd starts
    galera-start run        becomes mariadbd, with the arguments that follow from the decision
    galera-start stopped    after it has ended, however it ended

The members decide by themselves, at every start, so that a full outage needs no operator. The rules, in order:

1. A peer is up in a primary component: join it, unless that is another cluster than the one whose data is here.
2. A peer runs without a primary component: start; Galera forms the component again from the saved view.
3. A peer does not answer, or is on its way up: wait. Bootstrapping without it could lose what only it has.
4. The positions of all are known: the highest bootstraps; on a tie the one that left last in an orderly stop, then
   the first in the list of members. Different cluster UUIDs are refused: somebody has to choose.

Whoever means to bootstrap says so first and then asks the others once more, so that two never do at the same time.
An operator's order (`haven recover`) replaces rules 3 and 4 and nothing else.

`decide` and `objection` are pure and are tested without a database.
"""

import concurrent.futures
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
ORDER = f"{RUN}/haven-order.json"
ARGUMENTS = f"{RUN}/haven-arguments"
NEW_CLUSTER = ("/run/mariadb-wsrep-new-cluster", f"{RUN}/wsrep-new-cluster")
"""Where `galera_new_cluster` leaves an operator's order: since MariaDB 11.8.9, and before."""
SERVER = "/usr/sbin/mariadbd"
CONFIG = "/etc/stackhaven/galera.json"
NO_UUID = "00000000-0000-0000-0000-000000000000"
NOTHING = {"uuid": NO_UUID, "seqno": -1, "safe": False}
DEADLINE_S = 240
POLL_S = 0.5
ANSWER_S = 1.5
PAUSE_S = 5


def decide(me, mine, members, peers, order=None):
    """What to do now.

    `me`: this member's name. `mine`: its position {uuid, seqno, safe}. `members`: all names, in order.
    `peers`: for each other name its /state answer, or None where it does not answer. `order`: the operator's, or None.
    Returns (verb, sentence); the verb is join, rejoin, bootstrap, wait or refuse.
    """
    running = {name: state for name, state in peers.items() if state and state.get("running")}
    primary = [name for name, state in running.items() if state.get("primary")]
    foreign = [name for name in primary or running if is_foreign(mine["uuid"], running[name])]
    if foreign:
        return "refuse", (
            f"{foreign[0]} runs cluster {cluster_of(running[foreign[0]])}, the data here is of {mine['uuid']}, "
            "which joining would replace; `haven recover` shows who has what"
        )
    if primary:
        return "join", f"{primary[0]} is in a primary component"
    if order is not None:
        return obey(mine, peers, order)
    if running:
        return "rejoin", f"{next(iter(running))} runs without a primary component; the saved view decides"
    return decide_alone(me, mine, members, peers)


def decide_alone(me, mine, members, peers):
    """What to do when no peer that answers runs."""
    silent = [name for name, state in peers.items() if state is None]
    if silent:
        return "wait", f"no answer from {', '.join(silent)}"
    starting = [name for name, state in peers.items() if phase(state) == "starting"]
    if starting:
        return "wait", f"{', '.join(starting)} is starting"
    positions = {me: mine} | {name: position(state) for name, state in peers.items()}
    unknown = [name for name in members if positions[name] is None]
    if unknown:
        return "wait", f"the position of {', '.join(unknown)} is not known; is mariadb started there?"
    return elect(me, members, positions)


def donor(peers):
    """The synced peer with the fewest sessions, where there is a choice, else None.

    The one with most of them is where clients write. Who gives a joining member what it lacks is out of service
    meanwhile, and its clients lose their sessions.
    """
    sessions = {
        name: int(state.get("status", {}).get("threads_connected", 0))
        for name, state in peers.items()
        if state and state.get("synced")
    }
    return min(sessions, key=lambda name: sessions[name]) if len(sessions) > 1 else None


def is_foreign(uuid, state):
    """Whether a running peer belongs to another cluster than the data of this UUID."""
    theirs = cluster_of(state)
    return NO_UUID not in (uuid, theirs) and uuid != theirs


def cluster_of(state):
    """The UUID of the cluster that a running peer is in."""
    return state.get("status", {}).get("wsrep_cluster_state_uuid") or NO_UUID


def elect(me, members, positions):
    """Who bootstraps when the positions of all members are known and none runs."""
    uuids = {p["uuid"] for p in positions.values()} - {NO_UUID}
    if len(uuids) > 1:
        return (
            "refuse",
            f"members hold different clusters: {sorted(uuids)}; `haven recover` shows who has what",
        )
    winner = max(members, key=lambda n: (rank(positions[n]), -members.index(n)))
    if winner == me:
        return "bootstrap", f"highest position ({text_of(positions[me])})"
    return "wait", f"{winner} bootstraps: it has the highest position ({text_of(positions[winner])})"


def rank(p):
    """What is compared. Having left last only breaks a tie: the mark outlives a recovery without this member."""
    has_data = p["uuid"] != NO_UUID
    return has_data, p["seqno"], has_data and p["safe"]


def text_of(p):
    return f"{p['uuid']}:{p['seqno']}"


def obey(mine, peers, order):
    """Bootstrap as told, but never from other data than was seen when it was told, nor beside a running member."""
    if text_of(mine) != order["position"]:
        return (
            "refuse",
            f"told to bootstrap from {order['position']}, but the data here is at {text_of(mine)}",
        )
    against = objection(peers)
    if against:
        return "wait", f"told to bootstrap, but {against}"
    return "bootstrap", f"told by the operator, from {order['position']}"


def objection(peers):
    """Why bootstrapping now would not be safe, as far as those that answer can tell; empty if it is."""
    for name, state in peers.items():
        if state and state.get("running"):
            return f"{name} runs"
        if state and phase(state) == "starting":
            return f"{name} is starting"
    return ""


def phase(state):
    """What a peer that is down said of its start, if that was in its present boot."""
    start = state.get("start")
    if not start or start.get("boot_id") != state.get("boot_id"):
        return "stopped"
    return start["phase"]


def position(state):
    """The position of a peer that is down: as it says while deciding, or as an orderly stop left it; None: unknown."""
    now = phase(state)
    if now == "deciding":
        return state["start"]["position"]
    stored = state.get("stored")
    if now == "stopped" and stored and stored["uuid"] != NO_UUID and stored["seqno"] >= 0:
        return stored
    return None


def read_position():
    """This member's position from grastate.dat, or recovered from InnoDB after a crash or where that file is lost."""
    found = saved_position(DATA)
    if found is None:
        return recover_position() if os.path.exists(f"{DATA}/ibdata1") else dict(NOTHING)
    if found["seqno"] < 0 and found["uuid"] != NO_UUID:
        found.update(recover_position())
    return found


def saved_position(data):
    """What grastate.dat says; None where there is no such file."""
    try:
        with open(f"{data}/grastate.dat") as file:
            fields = dict(re.findall(r"^(\w+):\s*(\S+)\s*$", file.read(), re.MULTILINE))
    except FileNotFoundError:
        return None
    return {
        "uuid": fields.get("uuid", NO_UUID),
        "seqno": int(fields.get("seqno", -1)),
        "safe": fields.get("safe_to_bootstrap") == "1",
    }


def recover_position():
    done = subprocess.run(["/usr/bin/galera_recovery"], capture_output=True, text=True, timeout=300)
    match = re.search(r"--wsrep_start_position=([0-9a-f-]{36}):(-?\d+)", done.stdout)
    if done.returncode or not match:
        raise BrokenDataError(f"no position can be read from the data: {first_error(done.stderr)}")
    write(ARGUMENTS, f"{match[0]}\n")
    return {"uuid": match[1], "seqno": int(match[2]), "safe": False}


class BrokenDataError(Exception):
    """The data directory does not tell where it stands."""


def first_error(text):
    errors = [line for line in text.splitlines() if "ERROR" in line and "Aborting" not in line]
    return (errors or text.strip().splitlines() or ["no reason given"])[0][-300:]


def write(path, text):
    temporary = f"{path}.new"
    with open(temporary, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def note(name, where, sentence=""):
    """Tell the peers, through the member check, how far this start is."""
    state = {"phase": name, "position": where, "sentence": sentence, "boot_id": boot_id(), "at": time.time()}
    write(PHASE, json.dumps(state))
    os.chmod(PHASE, 0o644)


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def ask(address):
    try:
        with urllib.request.urlopen(f"http://{address}:9200/state", timeout=ANSWER_S) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def ask_all(addresses):
    """The answers by name, all asked at once: a dead peer costs its deadline only once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(addresses) or 1) as pool:
        return dict(zip(addresses, pool.map(ask, addresses.values()), strict=True))


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def run():
    """Become the server. The packaged unit does this in ways that change with its updates."""
    with open(ARGUMENTS) as file:
        decided = file.read().split()
    os.execv(SERVER, [SERVER, *os.environ.get("MYSQLD_OPTS", "").split(), *decided])


def main():
    if sys.argv[1:] == ["stopped"]:
        return note_stop()
    if sys.argv[1:] == ["run"]:
        return run()
    with open(CONFIG) as file:
        config = json.load(file)
    me, members = config["node"], config["members"]
    others = {name: address for name, address in members.items() if name != me}
    write(ARGUMENTS, "")
    try:
        mine = read_position()
    except (BrokenDataError, subprocess.SubprocessError) as error:
        note("broken", None, str(error))
        print(f"broken: {error}", flush=True)
        time.sleep(PAUSE_S)
        return 1
    return settle(me, mine, list(members), others)


def settle(me, mine, members, others):
    """Ask and decide until there is something to do; the exit code."""
    said = ""
    note("deciding", mine)
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        told = any(map(os.path.exists, NEW_CLUSTER))
        order = {"position": text_of(mine)} if told else read_json(ORDER)
        peers = ask_all(others)
        verb, sentence = decide(me, mine, members, peers, order)
        if sentence != said:
            print(f"{verb}: {sentence}", flush=True)
            note("deciding", mine, sentence)
            said = sentence
        if verb in ("join", "rejoin"):
            note("starting", mine, sentence)
            if verb == "join":
                forget_view()
                prefer(donor(peers))
            return 0
        if verb == "bootstrap" and claimed(mine, sentence, others):
            return 0
        if verb == "refuse":
            time.sleep(PAUSE_S)
            return 1
        time.sleep(POLL_S)
    print(f"gave up after {DEADLINE_S} s: {said}", flush=True)
    return 1


def prefer(name):
    """Have the server ask this peer for what it lacks, or another one if this one cannot give it."""
    if name is not None:
        print(f"donor: {name}, if it can", flush=True)
        with open(ARGUMENTS, "a") as file:
            file.write(f"--wsrep-sst-donor={name},\n")


def claimed(mine, sentence, others):
    """Say that this member bootstraps, then look whether another one said the same; then go ahead."""
    note("starting", mine, sentence)
    against = objection(ask_all(others))
    if against:
        print(f"wait: {against}", flush=True)
        note("deciding", mine, against)
        return False
    forget_view()
    remove(ORDER)
    with open(ARGUMENTS, "a") as file:
        file.write("--wsrep-new-cluster\n")
    mark_safe()
    return True


def note_stop():
    """Peers must not wait for a start that has ended; why it could not begin stays."""
    if (read_json(PHASE) or {}).get("phase") != "broken":
        note("stopped", None)
    return 0


def forget_view():
    """The saved view would make Galera wait for members of a component that is decided otherwise now."""
    remove(f"{DATA}/gvwstate.dat")


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
