#!/usr/bin/python3
"""Before a broker starts: one without data never founds a cluster of its own beside one that is there.

    rabbit-start CONFIG        CONFIG is the JSON {node, members: {name: address}, guard_port, metrics_port}

A broker that has lost its data and starts as it is asks its peers, is refused because they still count it as a
member, and then founds a cluster of its own under the same name, which answers clients. The rules for a blank one:

1. A peer runs and does not count this broker as a member: have queues forget replicas that it had, then start; peer
   discovery joins it. A broker that was reset is no member any more and still is one of its queues: without its
   log it would vote in their elections, and queues have answered with messages of an hour before.
2. A peer runs in a majority and counts this broker as a member: have that forgotten first, then start and join.
   What this broker held is gone with its data, so nothing is lost by that; queues get their replicas back within a
   minute, streams by `haven recover`.
3. Peers that run see no majority: wait. They pause, and could not forget anybody.
4. Nobody runs, and all members say that they are blank, too: start; this is how a cluster is founded.
5. As 4, but a minority does not answer for `ABSENT_S`: start. What that minority holds is no majority of any queue.
6. Otherwise wait: a member that does not answer may have the data.

A broker with data starts at once. `decide` is pure and is tested without a broker.
"""

import concurrent.futures
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request

MNESIA = "/var/lib/rabbitmq/mnesia"
WORD = b"blank\n"
DEADLINE_S = 240
ABSENT_S = 60
POLL_S = 0.5
# Whoever knows all members tells them for as long as they may need to hear it.
LINGER_S = 3
ANSWER_S = 1.5
ASK_S = 60
CHANGE_S = 120


def decide(me, peers, waited_s):
    """What a blank broker does now.

    `me`: this member's name. `peers`: for each other member "silent", "blank", or, where it runs, its cluster as
    {members: [], running: []} or None when it could not tell. `waited_s`: for how long this has been asked.
    Returns (verb, sentence, peer); the verb is start, forget or wait.
    """
    running = {name: state for name, state in peers.items() if state not in ("silent", "blank")}
    if running:
        return beside(me, running)
    silent = [name for name, state in peers.items() if state == "silent"]
    if not silent:
        return "start", "no member has data: a cluster is founded", ""
    blank = 1 + len(peers) - len(silent)
    if 2 * blank > 1 + len(peers) and waited_s >= ABSENT_S:
        return "start", f"a majority has no data and {', '.join(silent)} is away: a cluster is founded", ""
    return "wait", f"this broker has no data, and {', '.join(silent)}, which may have it, does not run", ""


def beside(me, running):
    """What a blank broker does beside others that run."""
    unsure = ""
    for name, cluster in running.items():
        if cluster is None:
            unsure = f"{name} runs, but does not tell its cluster"
            continue
        if me not in cluster["members"]:
            return "start", f"joins the cluster of {name}", name
        if 2 * len(cluster["running"]) > len(cluster["members"]) and me not in cluster["running"]:
            return "forget", f"{name} still counts this broker, which has no data, as a member", name
        unsure = (
            f"{name} counts this broker as a member, and no majority without it runs that could forget it"
        )
    return "wait", unsure, ""


def is_blank(directory):
    """Whether a data directory holds no cluster: neither Mnesia's files nor Khepri's."""
    if any(os.path.exists(f"{directory}/{name}") for name in ("schema.DAT", "cluster_nodes.config")):
        return False
    return not any(files for _, _, files in os.walk(f"{directory}/coordination"))


def runs(address, port):
    try:
        with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=ANSWER_S) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        return False


def says_blank(address, port):
    try:
        with socket.create_connection((address, port), timeout=ANSWER_S) as sock:
            return sock.recv(len(WORD)) == WORD
    except OSError:
        return False


def cluster_of(name):
    """Members and running members as that broker knows them, by their hosts' names; None when it does not tell."""
    try:
        said = ctl(name, "cluster_status", "--formatter", "json", timeout_s=ASK_S)
        status = json.loads(said)
        return {
            "members": [host(n) for n in status["disk_nodes"]],
            "running": [host(n) for n in status["running_nodes"]],
        }
    except (subprocess.SubprocessError, OSError, ValueError, KeyError):
        return None


def host(node):
    return node.partition("@")[2]


def ctl(name, *arguments, timeout_s, program="rabbitmqctl"):
    done = subprocess.run(
        [program, "-q", "-n", f"rabbit@{name}", *arguments],
        capture_output=True, text=True, timeout=timeout_s, check=True,
    )  # fmt: skip
    return done.stdout


def look(name, address, config):
    if says_blank(address, config["guard_port"]):
        return "blank"
    return cluster_of(name) if runs(address, config["metrics_port"]) else "silent"


def look_at_all(others, config):
    """All asked at once: a dead peer costs its deadline only once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(others) or 1) as pool:
        found = pool.map(lambda item: look(*item, config), others.items())
        return dict(zip(others, found, strict=True))


def done_by(peer, *arguments, program="rabbitmqctl"):
    """Have a peer change its cluster; whether it did. Why it did not is said."""
    try:
        ctl(peer, *arguments, timeout_s=CHANGE_S, program=program)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout or "no reason given").strip()[-300:]
    except (subprocess.SubprocessError, OSError) as error:
        reason = error
    else:
        return True
    say(f"{peer} did not {' '.join(arguments)}: {reason}")
    return False


def leave_queues(me, peer):
    """Have no queue count this broker among its replicas; whether it was done."""
    return done_by(peer, "shrink", f"rabbit@{me}", program="rabbitmq-queues")


def forget(me, peer):
    """Have the cluster of that peer forget this broker, its replicas first; whether it did."""
    if not (leave_queues(me, peer) and done_by(peer, "forget_cluster_node", f"rabbit@{me}")):
        return False
    say(
        f"{peer} forgot {me}; queues get their replicas on {me} back within a minute, streams by `haven recover`"
    )
    return True


def say(sentence):
    print(sentence, flush=True)


class Answer(socketserver.BaseRequestHandler):
    """Tells whoever connects that this broker is blank and has not started."""

    def handle(self):
        try:
            self.request.sendall(WORD)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def settle(me, others, config):
    """Ask and decide until there is something to do; the exit code."""
    said, left = "", False
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE_S:
        verb, sentence, peer = decide(me, look_at_all(others, config), time.monotonic() - began)
        if sentence != said:
            say(f"{verb}: {sentence}")
            said = sentence
        if verb == "start" and (left or not peer or leave_queues(me, peer)):
            time.sleep(0 if peer or not others else LINGER_S)
            return 0
        # What came of it is seen by asking again.
        left = verb == "forget" and forget(me, peer)
        time.sleep(POLL_S)
    say(f"not started after {DEADLINE_S} s: {said}; `haven recover` shows what is where and what can be done")
    return 1


def main():
    with open(sys.argv[1]) as file:
        config = json.load(file)
    me, members = config["node"], config["members"]
    others = {name: address for name, address in members.items() if name != me}
    if not others or not is_blank(f"{MNESIA}/rabbit@{me}"):
        return 0
    with Server((members[me], config["guard_port"]), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return settle(me, others, config)
        finally:
            server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
