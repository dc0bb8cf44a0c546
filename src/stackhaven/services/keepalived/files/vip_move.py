#!/usr/bin/python3
"""Hands the virtual addresses to another controller without losing a call.

    vip-move release CONFIG    on the holder: let go of them
    vip-move receive CONFIG    on the others, before: let nobody in until old connections have been ended
    vip-move undo CONFIG       takes back whatever one of these has left behind

A connection that is asked for while the door is shut is not refused: its client asks again after a second, and then
after two more, and meets the new holder. The door is shut in two stages. First for clients outside, while calls in
progress go on: they make calls of their own, from the cloud's nodes to its virtual addresses. Then, when no call is in
progress, for everybody. Connections to the database are ended by the move; nothing is using them in that moment, and
their owners connect again.

The files `released` (1: keepalived must not hold the addresses here) and the packet filter's table of this program are
all that it makes. Both go when it ends, however it ends.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

TABLE = "haven_vip_move"
SOCKET = "/run/haproxy/admin.sock"
POLL_S = 0.05

DRAIN_S = 6.0
"""The longest that calls in progress are waited for."""
QUIET_S = 0.3
"""How long what remains may take with the door shut for everybody; then the nodes are let in again."""
GONE_S = 5.0
ANSWERS_S = 6.0
# Longer than several adverts: who takes over has been heard when this node may hold the addresses again.
HEARD_S = 1.5

ARRIVES_S = 25.0
# From the address' arrival until every node has noticed it and ended its connections to the old holder.
ENDED_S = 0.5


class RefusedError(Exception):
    """The move was not made, and why."""


def rules(vips, spared):
    """The text for the packet filter that shuts the door, but not to `spared` nodes; replaces what is there."""
    others = f'iifname != "lo" ip saddr != {{ {", ".join(spared)} }} ' if spared else ""
    return f"""{removal()}table inet {TABLE} {{
  chain input {{
    type filter hook input priority -300; policy accept;
    ip daddr {{ {", ".join(vips)} }} {others}tcp flags & (fin | syn | rst | ack) == syn drop
  }}
}}
"""


def removal():
    """The text that opens the door; it may be open already."""
    return f"add table inet {TABLE}\ndelete table inet {TABLE}\n"


def calls_in(statistics, apis):
    """How many connections of clients the balancer has, from its own CSV, for these of its frontends."""
    lines = statistics.lstrip("# ").splitlines()
    columns = lines[0].split(",") if lines else []
    rows = (dict(zip(columns, line.split(","), strict=False)) for line in lines[1:])
    return sum(int(row["scur"]) for row in rows if row.get("svname") == "FRONTEND" and row["pxname"] in apis)


def drain(shut, calls, now=time.monotonic, sleep=time.sleep):
    """Shut the door when no call is in progress; gives how many still were when time was over.

    A call may begin between the last look and the shut door. It may need another one of its own to end: if it does not
    end soon, the nodes are let in again.
    """
    deadline = now() + DRAIN_S
    while True:
        shut(spare_nodes=True)
        while calls() and now() < deadline:
            sleep(POLL_S)
        shut(spare_nodes=False)
        # What the kernel had accepted already is counted by then.
        sleep(POLL_S)
        quiet_by = now() + QUIET_S
        while (left := calls()) and now() < quiet_by:
            sleep(POLL_S)
        if not left or now() >= deadline:
            return left


class Node:
    """What is asked of this machine, and done to it."""

    def __init__(self, config):
        self.config = config
        self.word = f"{config['run']}/released"

    def shut(self, *, spare_nodes):
        self.filter(rules(self.config["vips"], self.config["nodes"] if spare_nodes else []))

    def open(self):
        self.filter(removal())

    def filter(self, text):
        try:
            subprocess.run(
                ["nft", "-f", "-"], input=text, capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", "") or "").strip() or error
            raise RefusedError(f"the packet filter does not work here: {said}") from None

    def calls(self):
        """A balancer that does not tell has no calls to wait for."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(2)
                sock.connect(SOCKET)
                sock.sendall(b"show stat -1 1 -1\n")
                text = b"".join(iter(lambda: sock.recv(65536), b""))
        except OSError:
            return 0
        return calls_in(text.decode(), self.config["apis"])

    def held(self):
        """The virtual addresses that are here."""
        shown = subprocess.run(
            ["ip", "-4", "-o", "address"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
        here = {word.partition("/")[0] for line in shown.splitlines() for word in line.split()[3:4]}
        return [vip for vip in self.config["vips"] if vip in here]

    def let_go(self, yes):
        """Whole or not at all: keepalived reads the file at any moment."""
        if os.path.isdir(self.config["run"]):
            with open(f"{self.word}.new", "w") as file:
                file.write("1\n" if yes else "0\n")
            os.replace(f"{self.word}.new", self.word)

    def successors(self):
        """The other controllers whose balancer answers."""
        return [name for name, address in self.config["peers"].items() if alive(address, self.config["port"])]

    def undo(self):
        self.let_go(False)
        self.open()


def alive(address, port):
    """Whether a balancer's page of life says that it lives."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=2) as sock:
        sock.sendall(b"GET /alive HTTP/1.0\r\n\r\n")
        return sock.recv(64).split()[1:2] == [b"200"]
    return False


def connects(address, port, timeout_s):
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=timeout_s):
        return True
    return False


def within(seconds, is_so):
    """Whether something becomes so in that time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def release(node):
    """Give the addresses away; gives the sentence that says how it went."""
    vips = node.held()
    if not vips:
        raise RefusedError("this node does not hold the VIP")
    if not node.successors():
        raise RefusedError("no other controller could take the VIP: no load balancer of theirs answers")
    began = time.monotonic()
    left = drain(node.shut, node.calls)
    shut_at = time.monotonic()
    node.let_go(True)
    if not within(GONE_S, lambda: not node.held()):
        raise RefusedError(f"keepalived has not let go of {', '.join(vips)} in {GONE_S:g} s")
    gone_at = time.monotonic()
    node.open()
    if not within(ANSWERS_S, lambda: connects(vips[0], node.config["answers"], ANSWERS_S)):
        raise RefusedError(f"nobody has taken {vips[0]} in {ANSWERS_S:g} s; this node may hold it again")
    if node.held():
        raise RefusedError(f"{vips[0]} came back to this node")
    time.sleep(max(0.0, gone_at + HEARD_S - time.monotonic()))
    cut = f"; {left} calls that had not ended by then were cut" if left else ""
    return f"moved: {shut_at - began:.1f} s until no call was in progress, gone {gone_at - shut_at:.1f} s later{cut}"


def receive(node):
    """Let nobody in until old connections to the addresses have been ended everywhere, should they come here."""
    if node.held():
        return "this node holds the VIP already"
    node.shut(spare_nodes=False)
    if not within(ARRIVES_S, node.held):
        return "the VIP did not come here"
    time.sleep(ENDED_S)
    return "the VIP has come"


def stop(*_):
    raise SystemExit(1)


def main():
    with open(sys.argv[2]) as file:
        node = Node(json.load(file))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        try:
            if sys.argv[1] != "undo":
                print({"release": release, "receive": receive}[sys.argv[1]](node), flush=True)
        finally:
            node.undo()
    except RefusedError as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
