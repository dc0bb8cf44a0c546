#!/usr/bin/python3
"""Ends the connections to an OVN database of this machine that stands still.

    ovn-check CONFIG        CONFIG is the JSON {address, interval_s, databases: [{name, port, silence_s}]}

A database server that is stopped, or hangs, keeps its connections: the kernel goes on to acknowledge what clients send.
The other members elect a leader in its place within seconds, but Neutron switches the probes of its own connections
off and waits for a minute with every network that is asked for. This program asks each database several times a
second, over one lasting connection, for an echo. When one has not answered for its `silence_s`, the kernel is told to
abort all connections to its port; its clients get an error at once, and connect to another member.

A server that is not there at all refuses connections, and its clients know.
"""

import contextlib
import json
import selectors
import socket
import subprocess
import sys
import time

OWN_DELAY_S = 1.5
ECHO = json.dumps({"method": "echo", "params": [], "id": "haven"}).encode()


class Database:
    """One database as it was heard last."""

    def __init__(self, name, port, silence_s):
        self.name = name
        self.port = port
        self.silence_s = silence_s
        self.line = None
        self.heard_at = None
        self.swept = False

    def heard(self, now):
        """An answer; gives whether its connections had been ended."""
        was, self.swept, self.heard_at = self.swept, False, now
        return was

    def gone(self):
        """It refuses connections or ended this one; who is not there does not stand still."""
        self.heard_at = None

    def stands_still(self, now):
        return self.heard_at is not None and now - self.heard_at >= self.silence_s


class Program:
    """The loop around them."""

    def __init__(self, config):
        self.config = config
        self.databases = [Database(**one) for one in config["databases"]]
        self.selector = selectors.DefaultSelector()

    def serve(self):
        looked_at = time.monotonic()
        while True:
            due = looked_at + self.config["interval_s"]
            while (left := due - time.monotonic()) > 0:
                for key, _ in self.selector.select(left):
                    self.read(key.data)
            now = time.monotonic()
            if now - looked_at > OWN_DELAY_S:
                self.excuse(now)  # The machine itself stood still.
            looked_at = now
            for database in self.databases:
                self.look(database, now)

    def excuse(self, now):
        for database in self.databases:
            if database.heard_at is not None:
                database.heard_at = now

    def look(self, database, now):
        if database.stands_still(now):
            if not database.swept:
                tell(f"{database.name} stands still: connections to it are ended")
            database.swept = True
            self.hang_up(database)
            self.end(database)
        if database.line is None:
            self.call(database)
        if database.line is not None:
            try:
                database.line.send(ECHO)
            except BlockingIOError:
                pass
            except OSError:
                self.hang_up(database)

    def call(self, database):
        place = (self.config["address"], database.port)
        try:
            line = socket.create_connection(place, timeout=self.config["interval_s"])
        except ConnectionRefusedError:
            database.gone()
            return
        except OSError:
            return  # Its queue of connections is full: it stands still, or it is busy.
        line.setblocking(False)
        database.line = line
        self.selector.register(line, selectors.EVENT_READ, database)

    def read(self, database):
        try:
            data = database.line.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.hang_up(database)
        elif database.heard(time.monotonic()):
            tell(f"{database.name} answers again")

    def hang_up(self, database):
        if database.line is not None:
            self.selector.unregister(database.line)
            database.line.close()
            database.line = None

    def end(self, database):
        command = ["ss", "-K", "-H", "-n", "-t", "state", "established"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [*command, "src", self.config["address"], "sport", "=", f":{database.port}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=5,
                check=False,
            )


def tell(sentence):
    print(sentence, file=sys.stderr, flush=True)


def main():
    with open(sys.argv[1]) as file:
        Program(json.load(file)).serve()


if __name__ == "__main__":
    main()
