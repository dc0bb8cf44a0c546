#!/usr/bin/python3
"""Ends connections that lead nowhere: to a machine that has fallen silent, and to a virtual address that has moved.

    liveness CONFIG

A peer that loses its power or freezes says nothing, so whoever waits for its answer waits for a deadline: 5, 15, 60
seconds, each program its own. This program asks every controller several times a second over UDP whether it still
runs. When one has not answered for `silence_s`, the kernel is told to abort this machine's connections to it; the
programs that wait get an error at once, and connect elsewhere. Connections that carry the clusters' own protocols,
which have their own notion of who is alive, are spared until `all_s`.

The same is done for connections to a virtual address when it moves, since its new holder knows nothing of them.

Questions are answered by this program and not by the kernel: a frozen machine's kernel may still answer pings. A
machine that was itself asleep blames nobody. A controller that has never been heard is not called silent.
"""

import contextlib
import json
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

QUESTION, ANSWER, FAREWELL = b"haven?", b"haven!", b"haven."
ASKER_FORGOTTEN_S = 30.0
AGAIN_S = 1.0
OWN_DELAY_S = 0.5
LOGIN = 22
DISCARD = 9

RTMGRP_NEIGH, RTMGRP_IPV4_IFADDR = 0x4, 0x10
RTM_NEWADDR, RTM_DELADDR, RTM_NEWNEIGH = 20, 21, 28
NDA_DST, NDA_LLADDR, IFA_LOCAL = 1, 2, 2


class Peer:
    """One controller as this machine hears it."""

    def __init__(self, name, address):
        self.name = name
        self.address = address
        self.heard_at = None
        self.silent_since = None
        self.swept_at = 0.0


class Peers:
    """Who is silent. Without input or output: it is told what was heard and gives what is to be done."""

    def __init__(self, controllers, silence_s, all_s):
        self.peers = {address: Peer(name, address) for name, address in controllers.items()}
        self.silence_s = silence_s
        self.all_s = all_s
        self.looked_at = None

    def heard(self, address, now):
        """An answer; gives a sentence when the peer had been called silent."""
        peer = self.peers.get(address)
        if peer is None:
            return None
        was, peer.heard_at, peer.silent_since = peer.silent_since, now, None
        return None if was is None else f"{peer.name} answers again after {now - was:.1f} s"

    def left(self, address):
        """A peer that stops in order is not silent."""
        peer = self.peers.get(address)
        if peer is not None:
            peer.heard_at = peer.silent_since = None

    def look(self, now):
        """The peers whose connections are to be ended now, each with whether all of them."""
        if self.looked_at is not None and now - self.looked_at > OWN_DELAY_S:
            self._excuse(now - self.looked_at)
        self.looked_at = now
        due = []
        for peer in self.peers.values():
            if peer.heard_at is None or now - peer.heard_at < self.silence_s:
                continue
            if peer.silent_since is None:
                peer.silent_since, peer.swept_at = peer.heard_at, 0.0
            if now - peer.swept_at >= AGAIN_S:
                peer.swept_at = now
                due.append((peer, now - peer.silent_since >= self.all_s))
        return due

    def _excuse(self, own_delay):
        """This machine was asleep for so long: nobody else is to blame for it."""
        for peer in self.peers.values():
            if peer.heard_at is not None and peer.silent_since is None:
                peer.heard_at += own_delay


class Addresses:
    """Where the virtual addresses are: in which neighbour, or here. Fed with netlink messages."""

    def __init__(self, addresses):
        self.at = dict.fromkeys(addresses)

    def find(self):
        """See which are here now; the kernel tells of changes only."""
        for address in self.at:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
                sock.connect((address, DISCARD))
                if sock.getsockname()[0] == address:
                    self.at[address] = "here"

    def moved(self, data):
        """The addresses that have moved, as the messages in `data` tell, each with where to.

        While one is here, the kernel still remembers the neighbour that had it before, and tells of that entry when
        it grows old.
        """
        found = []
        for address, place in parse(data):
            if address not in self.at or self.at[address] == place:
                continue
            if self.at[address] == "here" and place != "not here":
                continue
            known, self.at[address] = self.at[address], place
            if known is not None or place in ("here", "not here"):
                found.append((address, place))
        return found


def parse(data):
    """(address, link address | "here" | "not here") of each route message that tells where an address is."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16 or length > len(data):
            return
        body, data = data[16:length], data[(length + 3) & ~3 :]
        if kind == RTM_NEWNEIGH and len(body) >= 12 and body[0] == socket.AF_INET:
            fields = attributes(body[12:])
            if NDA_DST in fields and NDA_LLADDR in fields:
                yield socket.inet_ntoa(fields[NDA_DST]), fields[NDA_LLADDR].hex(":")
        elif kind in (RTM_NEWADDR, RTM_DELADDR) and len(body) >= 8 and body[0] == socket.AF_INET:
            fields = attributes(body[8:])
            if IFA_LOCAL in fields:
                yield socket.inet_ntoa(fields[IFA_LOCAL]), "here" if kind == RTM_NEWADDR else "not here"


def attributes(data):
    """Netlink attributes by their type."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4 or length > len(data):
            break
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


class Sweeper:
    """Has the kernel abort connections, one command at a time for each reason."""

    def __init__(self, spared_ports, hasty_ports):
        self.spared = [LOGIN, *spared_ports]
        self.hasty = hasty_ports
        self.running = {}

    def end(self, address, *, everything, ours=False):
        """Abort TCP connections to `address`, or with `ours` also those that others made to it here."""
        sides = ["(", "dst", address, *(["or", "src", address] if ours else []), ")"]
        ports = [LOGIN] if everything else self.spared
        for port in ports:
            sides += ["and", "not", "sport", "=", f":{port}", "and", "not", "dport", "=", f":{port}"]
        # Not those that are being made: HAProxy 3.0 forgets a call whose connection is aborted before it was there.
        self._abort(address, "connected", ["exclude", "syn-sent", *sides])

    def hurry(self, address):
        """Abort attempts to connect to `address` by clients that try the same place again when one takes too long.

        Clients of the queue did so for a minute; told at once that it failed they take the next broker.
        """
        sides = ["dst", address, "and", "("]
        for number, port in enumerate(self.hasty):
            sides += [*(["or"] if number else []), "dport", "=", f":{port}"]
        self._abort(address, "syn-sent", [*sides, ")"])

    def _abort(self, address, state, rest):
        if (address, state) in self.running:
            return
        self.running[address, state] = subprocess.Popen(
            ["ss", "-K", "-H", "-n", "-t", "state", state, *rest],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def reap(self):
        """Forget the commands that have ended."""
        self.running = {reason: one for reason, one in self.running.items() if one.poll() is None}


class Program:
    """The loop around them."""

    def __init__(self, config):
        self.config = config
        self.peers = Peers(config["controllers"], config["silence_s"], config["all_s"])
        self.addresses = Addresses(config["vips"])
        self.sweeper = Sweeper(config["cluster_ports"], config["hasty_ports"])
        self.askers = {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((config["address"], config["port"]))
        self.udp.setblocking(False)
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.netlink.bind((0, RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR))
        self.netlink.setblocking(False)
        self.addresses.find()

    def serve(self):
        selector = selectors.DefaultSelector()
        selector.register(self.udp, selectors.EVENT_READ, self.on_datagram)
        selector.register(self.netlink, selectors.EVENT_READ, self.on_route)
        due = time.monotonic()
        while True:
            for key, _ in selector.select(max(0.0, due - time.monotonic())):
                key.data()
            now = time.monotonic()
            if now >= due:
                self.tick(now)
                due = now + self.config["interval_s"]

    def tick(self, now):
        self.sweeper.reap()
        self.askers = {origin: at for origin, at in self.askers.items() if now - at < ASKER_FORGOTTEN_S}
        for peer, everything in self.peers.look(now):
            if now - peer.silent_since < self.config["silence_s"] + AGAIN_S:
                tell(
                    f"{peer.name} has been silent for {now - peer.silent_since:.1f} s: connections to it are ended"
                )
            self.sweeper.end(peer.address, everything=everything)
            self.sweeper.hurry(peer.address)
        for peer in self.peers.peers.values():
            self.send(QUESTION, (peer.address, self.config["port"]))

    def on_datagram(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data, origin = self.udp.recvfrom(64)
                now = time.monotonic()
                if data == QUESTION:
                    self.askers[origin] = now
                    self.send(ANSWER, origin)
                elif data == ANSWER:
                    sentence = self.peers.heard(origin[0], now)
                    if sentence:
                        tell(sentence)
                elif data == FAREWELL:
                    self.peers.left(origin[0])

    def on_route(self):
        data = b""
        try:
            while True:
                data += self.netlink.recv(65536)
        except BlockingIOError:
            pass
        except OSError:
            return  # messages were lost; the next change is seen again
        for address, place in self.addresses.moved(data):
            tell(
                f"{address} is {place if 'here' in place else 'now at ' + place}: connections to it are ended"
            )
            self.sweeper.end(address, everything=True, ours=place == "not here")

    def farewell(self):
        """Tell those who ask that the silence to come is meant."""
        for origin in self.askers:
            self.send(FAREWELL, origin)

    def send(self, data, to):
        with contextlib.suppress(OSError):
            self.udp.sendto(data, to)


def tell(sentence):
    print(sentence, file=sys.stderr, flush=True)


def stop(*_):
    raise SystemExit(0)


def main():
    with open(sys.argv[1]) as file:
        program = Program(json.load(file))
    signal.signal(signal.SIGTERM, stop)
    try:
        program.serve()
    finally:
        program.farewell()


if __name__ == "__main__":
    main()
