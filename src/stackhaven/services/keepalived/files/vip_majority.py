#!/usr/bin/python3
"""Tells keepalived whether this node reaches a majority of the controllers, itself included.

    vip-majority DIRECTORY ADDRESS PORT VIP,VIP PEER...

VRRP knows no majority: of two sides that do not hear each other, each has a holder. A node that reaches fewer than
half of the others lets go of the VIP here, 0.5 to 0.7 s after it was cut off: when the other side takes it.

Each peer is asked by opening a connection every `PROBE_S`. The peer's kernel answers that, so a busy peer is not taken
for a lost one, and "refused" is an answer like any other. A peer is lost when `FALL` connections, the first of them
`LOST_S` ago, have all had no answer: time in which this program itself did not run is never held against a peer.

DIRECTORY/cut-off is watched by keepalived: 1 means that the VIP must not be here. DIRECTORY/beat is the uptime at
which this program last looked; when it is old the check of keepalived fails, so that no stale word holds the VIP.

Before the VIP goes its connections are reset: without the address nobody could tell the clients any more, and those
that this side can still reach would wait for answers until their own deadline.
"""

import collections
import contextlib
import errno
import os
import selectors
import socket
import struct
import subprocess
import sys
import time

PROBE_S = 0.1
LOST_S = 0.5
FALL = 4
# A link that comes and goes must not move the VIP each time. Losing counts at once, regaining after this long.
RISE_S = 1.0
BEAT_S = 1.0
RESET_S = 0.5
ANSWERS = (0, errno.ECONNREFUSED)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Peer:
    """What is known of one peer: how many connections since its last answer, and when the first of them began."""

    def __init__(self, address):
        self.address = address
        self.unanswered = 0
        self.first_asked = 0.0
        self.answered = False

    def ask(self, now):
        if not self.unanswered:
            self.first_asked = now
        self.unanswered += 1

    def answer(self):
        self.unanswered = 0
        self.answered = True

    def state(self, now):
        """`reachable`, `lost`, or `unknown` for one that has not had the time to answer for the first time."""
        if self.unanswered >= FALL and now - self.first_asked >= LOST_S:
            return "lost"
        return "reachable" if self.answered else "unknown"


class Verdict:
    """Whether this node is cut off; None until enough is known. Losing the majority counts at once."""

    def __init__(self):
        self.cut_off = None
        self.regained_at = None

    def judge(self, states, now):
        """Take in the states of all peers; whether the verdict changed."""
        before = self.cut_off
        members = len(states) + 1
        reached = 1 + sum(state == "reachable" for state in states)
        possible = reached + sum(state == "unknown" for state in states)
        if 2 * possible <= members:
            self.cut_off, self.regained_at = True, None
        elif 2 * reached > members:
            self._regain(now)
        else:
            self.regained_at = None
        return self.cut_off is not before

    def _regain(self, now):
        if self.cut_off and self.regained_at is None:
            self.regained_at = now
        elif not self.cut_off or now - self.regained_at >= RISE_S:
            self.cut_off, self.regained_at = False, None


class Probes:
    """The connections that are being opened."""

    def __init__(self, own, port):
        self.own, self.port = own, port
        self.selector = selectors.DefaultSelector()
        self.open = collections.deque()

    def start(self, peer, now):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # Nothing of the connection stays behind, here or there.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        peer.ask(now)
        try:
            sock.bind((self.own, 0))
            result = sock.connect_ex((peer.address, self.port))
        except OSError as error:
            result = error.errno
        if result == errno.EINPROGRESS:
            self.selector.register(sock, selectors.EVENT_WRITE, peer)
            self.open.append((now, sock))
            return
        sock.close()
        if result in ANSWERS:
            peer.answer()

    def collect(self, wait_s):
        """Wait for answers, and take those that are there."""
        for key, _ in self.selector.select(wait_s):
            if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in ANSWERS:
                key.data.answer()
            self._close(key.fileobj)

    def drop_old(self, now):
        while self.open and (self.open[0][1].fileno() < 0 or now - self.open[0][0] > LOST_S + PROBE_S):
            self._close(self.open.popleft()[1])

    def _close(self, sock):
        if sock.fileno() >= 0:
            self.selector.unregister(sock)
            sock.close()


def write(path, text):
    """Whole or not at all: keepalived reads the file at any moment."""
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def uptime_s():
    with open("/proc/uptime") as file:
        return int(float(file.read().split()[0]))


def notify(text):
    """A word to systemd, where it listens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(text.encode(), "\0" + path[1:] if path.startswith("@") else path)


def sentence(peers, states, cut_off):
    lost = [peer.address for peer, state in zip(peers, states, strict=True) if state != "reachable"]
    reached = f"{1 + len(peers) - len(lost)} of {len(peers) + 1} controllers reached"
    missing = f", no answer from {', '.join(lost)}" if lost else ""
    return f"{reached}{missing}: " + ("NO majority, the VIP leaves this node" if cut_off else "a majority")


def reset_connections(vips):
    """Have the kernel end what clients have open to the VIPs here; at most `RESET_S`, the VIP goes in any case."""
    own = " or ".join(f"src {vip}" for vip in vips).split()
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["ss", "-K", "-H", "-n", "-t", "state", "connected", "exclude", "syn-sent", *own],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=RESET_S,
            check=False,
        )


def watch(directory, probes, peers, vips):
    verdict = Verdict()
    next_probe = next_beat = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= next_probe:
            for peer in peers:
                probes.start(peer, now)
            next_probe = now + PROBE_S
        probes.collect(max(0.0, next_probe - time.monotonic()))
        # Answers that came while this program did not run are in the kernel: they count before anything is judged.
        probes.collect(0)
        now = time.monotonic()
        probes.drop_old(now)
        states = [peer.state(now) for peer in peers]
        if verdict.judge(states, now):
            print(sentence(peers, states, verdict.cut_off), flush=True)
            if verdict.cut_off:
                reset_connections(vips)
            write(f"{directory}/cut-off", "1\n" if verdict.cut_off else "0\n")
            notify("READY=1")
        if verdict.cut_off is not None and now >= next_beat:
            write(f"{directory}/beat", f"{uptime_s()}\n")
            notify("WATCHDOG=1")
            next_beat = now + BEAT_S


def main():
    directory, own, port, vips = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split(",")
    watch(directory, Probes(own, port), [Peer(address) for address in sys.argv[5:]], vips)


if __name__ == "__main__":
    main()
