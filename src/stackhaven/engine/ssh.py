"""How a node is reached: the argument list that gives clean standard streams to a Python on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stackhaven.engine.bundle import PYTHON, remote_command

CONNECT_S = 10
ALIVE_INTERVAL_S = 5
ALIVE_COUNT = 3


class Target(Protocol):
    """A node that a link can be opened to."""

    @property
    def name(self) -> str:
        """The node's name in the plan."""

    def argv(self) -> list[str]:
        """Starts the agent, with its requests on standard input and its answers on standard output."""


@dataclass(frozen=True, kw_only=True)
class LocalTarget:
    """An agent on this machine, or behind a prefix such as ``podman exec -i NAME``."""

    name: str
    prefix: tuple[str, ...] = ()
    python: str = PYTHON

    def argv(self) -> list[str]:
        """The prefix, then the agent's start."""
        return [*self.prefix, *remote_command(self.python)]


@dataclass(frozen=True, kw_only=True)
class SshTarget:
    """A node reached by the OpenSSH client.

    `known_hosts` belongs to the cloud and holds the pinned key of every node; nothing is accepted silently.
    `key`: the private key of the cloud, the only one then used; without it the operator's own agent and
    configuration serve.
    `prefix` puts the client somewhere else, such as into a network namespace. `nearby`: the node is on this very
    machine, where nobody can record the traffic to break it later; a quicker key exchange then saves 60 ms of CPU
    per link.
    """

    name: str
    address: str
    user: str = "root"
    port: int = 22
    known_hosts: Path
    key: Path | None = None
    prefix: tuple[str, ...] = ()
    nearby: bool = False

    def argv(self) -> list[str]:
        """The client's argument list; through `sudo -n` when the account is not root."""
        start = remote_command()
        if self.user != "root":
            start = ["sudo", "-n", *start]
        return [*self.client(), "--", self.address, shlex.join(start)]

    def client(self) -> list[str]:
        """The client with all its options, without the address."""
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={_quoted(self.known_hosts)}",
            "GlobalKnownHostsFile=/dev/null",
            "UpdateHostKeys=no",
            f"ConnectTimeout={CONNECT_S}",
            f"ServerAliveInterval={ALIVE_INTERVAL_S}",
            f"ServerAliveCountMax={ALIVE_COUNT}",
            "ControlMaster=no",
            "ControlPath=none",
            "ForwardAgent=no",
            "ForwardX11=no",
            "ClearAllForwardings=yes",
            "PermitLocalCommand=no",
            "GSSAPIAuthentication=no",
            "PreferredAuthentications=publickey",
            "LogLevel=ERROR",
        ]
        if self.nearby:
            options.append("KexAlgorithms=^curve25519-sha256")
        if self.key is not None:
            options += ["IdentitiesOnly=yes", "IdentityAgent=none"]
        argv = [*self.prefix, "ssh", "-T", "-a", "-x"]
        if self.key is not None:
            argv += ["-F", "none", "-i", os.fspath(self.key)]
        for option in options:
            argv += ["-o", option]
        return [*argv, "-p", str(self.port), "-l", self.user]


def _quoted(path: Path) -> str:
    return f'"{path}"'


def reason_of(stderr: str, code: int | None) -> tuple[str, str]:
    """What the client's complaint means: (what, what to do)."""
    text = stderr.strip()
    for mark, what, todo in _COMPLAINTS:
        if mark in text:
            return what, todo
    last = text.splitlines()[-1] if text else f"the client ended with code {code} and said nothing"
    return f"the agent did not start: {last}", "try the same by hand: ssh to the node and run python3"


_COMPLAINTS = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "wrong host key: it is not the one pinned for this node",
     "if the machine was really reinstalled, remove its line from the cloud's known_hosts and enrol it again"),
    ("Host key verification failed", "its host key is not known to this cloud",
     "enrol the node, so that its key is pinned"),
    ("Permission denied", "authentication refused: the node does not accept our key for this account",
     "add the cloud's public key to the account's authorized_keys"),
    ("a password is required", "no sudo without a password",
     "allow it for the account: echo 'USER ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/stackhaven"),
    ("is not in the sudoers file", "the account may not use sudo",
     "allow it for the account: echo 'USER ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/stackhaven"),
    ("sudo: command not found", "there is no sudo on it", "install sudo, or use root as the account"),
    ("python3: command not found", "there is no python3 on it", "install python3 there"),
    ("python3: not found", "there is no python3 on it", "install python3 there"),
    ("Could not resolve hostname", "its name does not resolve", "write an address that this machine can resolve"),
    ("Connection refused", "unreachable: connection refused", "is sshd running there, on this port?"),
    ("No route to host", "unreachable: no route to it", "is it powered on, and is the address right?"),
    ("Network is unreachable", "unreachable: no route to its network", "check this machine's routes"),
    ("Connection timed out", "unreachable: no answer", "is it powered on, and is the address right?"),
    ("Operation timed out", "unreachable: no answer", "is it powered on, and is the address right?"),
    ("timed out during banner exchange", "unreachable: it accepts but does not speak SSH",
     "is the machine overloaded, or the port another service's?"),
    ("Connection reset by", "unreachable: connection reset", "look at the log of its sshd"),
    ("Connection closed by", "unreachable: connection closed", "look at the log of its sshd"),
)  # fmt: skip


def kill(process: asyncio.subprocess.Process) -> None:
    """Kill a client that leads a session of its own, with all that it started.

    The method of the process would look whether it has ended, and thereby reap it behind asyncio's back: asyncio then
    warns of an unknown child and makes up an exit code.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
