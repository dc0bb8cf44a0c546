#!/usr/bin/python3
"""Tells load balancers whether a program of this node wants new work, and ends connections to one that stands still.

    agent-check ADDRESS PORT UNIT:PORT...

The balancer sends the unit's name and a line end: the "agent check" of HAProxy. While there is a file
/run/stackhaven-api/UNIT/drain, from before the program stops until its application is loaded again, the answer is
`drain`: sessions that are there go on, new ones go elsewhere. While the program stands still it is `down`. Otherwise it
is `ready up`. Whether the program works is asked by the balancer's health check, not here.

A program that is stopped, or hangs, keeps its connections: the kernel acknowledges what clients send, and they wait for
as long as they like. A health check that waits its turn behind calls tells that late. uWSGI's master process takes no
calls, so it tells at once what the workers do, however busy they are, through /run/stackhaven-api/UNIT/stats. When it
has not for SILENT_S, the kernel is told to abort all connections to the program's port: the balancer repeats reads
elsewhere, and whoever wrote gets an error instead of nothing.
"""

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from functools import partial

RUN = "/run/stackhaven-api"
ASK_S = 0.5
SILENT_S = 1.25
SWEEP_S = 0.25
OWN_DELAY_S = 0.5
ANSWER_S = 2
END_S = 5


class Program:
    """An API of this node. `line` is the connection on which it has been asked, since `asked_at`."""

    def __init__(self, unit, port):
        self.unit = unit
        self.port = port
        self.line = None
        self.asked_at = None
        self.swept = False

    def drains(self):
        return os.path.exists(f"{RUN}/{self.unit}/drain")

    def stands_still(self, now):
        """Whether it has been asked and has not answered. One that stops or starts has other things to do."""
        return self.asked_at is not None and now - self.asked_at >= SILENT_S and not self.drains()

    def ask(self, now):
        """Have a connection on which it will say what its workers do; none if it is not there.

        One connection waits for as long as it takes, so that who goes on has one question to answer.
        """
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(f"{RUN}/{self.unit}/stats")
        except OSError:
            sock.close()
        else:
            self.line, self.asked_at = sock, now

    def hear(self):
        """It answered, or it ended; neither stands still."""
        with contextlib.suppress(OSError):
            self.line.recv(65536)
        self.line.close()
        self.line = self.asked_at = None


class Agent:
    """The loop around them and the balancers."""

    def __init__(self, address, port, programs):
        self.address = address
        self.programs = {program.unit: program for program in programs}
        self.listening = socket.create_server((address, port), backlog=64)
        self.listening.setblocking(False)
        self.balancers = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listening, selectors.EVENT_READ, self.accept)

    def serve(self):
        ask_at = 0
        while True:
            due = time.monotonic() + SWEEP_S
            self.wait(due)
            now = time.monotonic()
            if now - due > OWN_DELAY_S:
                self.excuse(now)  # The machine itself stood still, or is too busy to tell.
            if now >= ask_at:
                ask_at = now + ASK_S
                self.ask(now)
            self.sweep(now)

    def wait(self, due):
        while (left := due - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                key.data()

    def accept(self):
        try:
            balancer, _ = self.listening.accept()
        except OSError:
            return
        balancer.setblocking(False)
        self.balancers[balancer] = time.monotonic()
        self.selector.register(balancer, selectors.EVENT_READ, partial(self.answer, balancer))

    def answer(self, balancer):
        with contextlib.suppress(OSError):
            unit = balancer.recv(256).decode(errors="replace").strip()
            balancer.send(self.word(unit, time.monotonic()))
        self.hang_up(balancer)

    def hang_up(self, balancer):
        self.selector.unregister(balancer)
        balancer.close()
        del self.balancers[balancer]

    def word(self, unit, now):
        program = self.programs.get(unit)
        if program is None:
            return b"ready up\n"
        if program.drains():
            return b"drain\n"
        return b"down #stands still\n" if program.stands_still(now) else b"ready up\n"

    def ask(self, now):
        for program in self.programs.values():
            if program.line is None:
                program.ask(now)
                if program.line is not None:
                    self.selector.register(program.line, selectors.EVENT_READ, partial(self.hear, program))

    def hear(self, program):
        self.selector.unregister(program.line)
        program.hear()

    def excuse(self, now):
        for program in self.programs.values():
            if program.asked_at is not None:
                program.asked_at = now

    def sweep(self, now):
        for balancer, since in list(self.balancers.items()):
            if now - since > ANSWER_S:
                self.hang_up(balancer)
        for program in self.programs.values():
            still = program.stands_still(now)
            if still != program.swept:
                tell(
                    f"{program.unit} " + ("stands still: connections to it are ended" if still else "goes on")
                )
            program.swept = still
            if still:
                self.end(program)

    def end(self, program):
        command = ["ss", "-K", "-H", "-n", "-t", "state", "established"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [*command, "src", self.address, "sport", "=", f":{program.port}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=END_S,
                check=False,
            )


def tell(sentence):
    print(sentence, file=sys.stderr, flush=True)


def main(address, port, *named):
    pairs = (one.rsplit(":", 1) for one in named)
    Agent(address, int(port), [Program(unit, int(its_port)) for unit, its_port in pairs]).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
