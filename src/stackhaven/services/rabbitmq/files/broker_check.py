#!/usr/bin/python3
"""Looks after the broker of this machine where nobody else does.

    broker-check CONFIG        CONFIG is the JSON {node, port, members: {name: address}}

* A broker that stands still keeps its connections, and its clients wait for heartbeats: half a minute and more. When it
  has not answered for `SILENT_S` the kernel is told to abort their connections, and they go to another broker.
* A broker that stood still for so long that the others gave it up, and then went on, is connected to them again but
  knows nothing of what they declared meanwhile, nor they of it: clients of the one wait for answers that went to the
  other. `pause_minority` heals a broker that saw itself cut off; this one saw nothing. RabbitMQ writes it down
  (`partitions` in `rabbitmqctl cluster_status`) and leaves it so. The one that is parted from most of the others is
  stopped and started inside its Erlang machine, which took 6 to 11 s, and learns from the rest what there is.

Asking costs 8 ms of processor time (`erl_call`), a hundredth of a rabbitmqctl.
"""

import json
import os
import re
import subprocess
import sys
import time

LOOK_S = 1.0
ANSWER_S = 1.5
SILENT_S = 3.0
PARTED_LOOKS = 5
# The others forget a parting when its other side has started anew, a few looks after it has.
ONE_SIDED_LOOKS = 60
COMMAND_S = 60
RESTART_S = 600
TRIES = 3
HOME = "/var/lib/rabbitmq"
# Of two callers from one machine by the same name, which is the program's default, one is refused.
OWN_NAME = "haven_check"
# The first is answered by the machine itself; the second by a process that is busy for seconds when a peer is lost.
ALIVE = "erlang node []"
PARTITIONS = "rabbit_node_monitor partitions []"


def parted_from(said):
    """The names in Erlang's list of nodes, which `erl_call` prints."""
    return frozenset(re.findall(r"rabbit@([\w.-]+)", said))


def confirmed(me, seen, members):
    """Whether one that this broker is parted from says the same of it, or it is parted from most.

    Not everybody notices a short standstill. The latter would be wrong only after most of the others had just started
    anew; parted ones do so one at a time.
    """
    return any(me in seen[other] for other in seen[me]) or 2 * len(seen[me]) > len(members) - 1


def to_restart(seen):
    """Which broker starts anew: the one that is parted from most; the last by name among equals; None: none is.

    `seen`: for each broker that answers, those it is parted from.
    """
    parted = {name: len(others) for name, others in seen.items() if others}
    return max(parted, key=lambda name: (parted[name], name), default=None)


class Silence:
    """For how long the broker has not answered. One that is not there at all is not silent: its clients know."""

    def __init__(self):
        self.since = None

    def look(self, answered, now):
        """Whether its clients' connections are to be ended; `answered` is None when it gave no answer in time."""
        if answered is not None:
            self.since = None
            return False
        if self.since is None:
            self.since = now - ANSWER_S
        return now - self.since >= SILENT_S


def ask(name, question):
    """What a broker answers; an empty text when it does not run, None when there is no answer in time."""
    try:
        done = subprocess.run(
            ["erl_call", "-h", OWN_NAME, "-sname", f"rabbit@{name}", "-a", question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            env={**os.environ, "HOME": HOME},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else ""


def end_clients(config):
    subprocess.run(
        ["ss", "-K", "-H", "-n", "-t", "state", "established",
         "src", config["members"][config["node"]], "sport", "=", f":{config['port']}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=10,
        check=False,
    )  # fmt: skip


def control(*arguments):
    try:
        return (
            subprocess.run(
                ["rabbitmqctl", "-q", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=COMMAND_S,
                check=False,
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def join_again():
    """Stop and start the broker's application; when that fails, all of it."""
    if control("stop_app"):
        for _ in range(TRIES):
            if control("start_app"):
                return True
            time.sleep(LOOK_S)
    tell("it does not start inside its machine: the whole broker is started anew")
    return (
        subprocess.run(
            ["systemctl", "restart", "rabbitmq-server.service"],
            stdin=subprocess.DEVNULL,
            timeout=RESTART_S,
            check=False,
        ).returncode
        == 0
    )


def parted(me, mine, members, looks):
    """Whether this broker is the one that is to start anew, as it and those it is parted from say now."""
    seen = {me: mine}
    for name in members:
        if name != me and (answer := ask(name, PARTITIONS)):
            seen[name] = parted_from(answer)
    if to_restart(seen) != me or not mine <= seen.keys():
        # One that does not answer is not connected, and may be the one that starts anew already.
        return False
    return confirmed(me, seen, members) or looks >= ONE_SIDED_LOOKS


def watch(config):
    me, silence, looks, told = config["node"], Silence(), 0, False
    while True:
        answer = ask(me, ALIVE)
        if silence.look(answer, time.monotonic()):
            if not told:
                tell("the broker stands still: its clients' connections are ended")
            told = True
            end_clients(config)
        if answer is None:
            continue
        if told:
            tell("the broker answers again")
            told = False
        mine = parted_from(ask(me, PARTITIONS) or "") if answer else frozenset()
        looks = looks + 1 if mine else 0
        if looks >= PARTED_LOOKS and parted(me, mine, config["members"], looks):
            tell(
                f"this broker is parted from {', '.join(sorted(mine))} although connected to them: it starts anew"
            )
            tell("it is with them again" if join_again() else "it did not start")
            looks = 0
        time.sleep(LOOK_S)


def tell(sentence):
    print(sentence, file=sys.stderr, flush=True)


def main():
    with open(sys.argv[1]) as file:
        watch(json.load(file))


if __name__ == "__main__":
    main()
