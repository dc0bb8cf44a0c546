"""Every command with the module it lives in. Read by `main`, which imports a module only when its command is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Entry:
    """One command: its name, ``module:attribute``, and the line that ``haven --help`` shows."""

    name: str
    target: str
    help: str

    @property
    def module(self) -> str:
        """The module to import."""
        return "stackhaven.cli." + self.target.split(":")[0]

    @property
    def attribute(self) -> str:
        """The click command in it."""
        return self.target.split(":")[1]


SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Design: think before anything is touched",
        (
            Entry("check", "check:check", "Say everything that is wrong with a cloud.yaml, all at once."),
            Entry("lint", "desk:lint", "Judge a cloud by the rules of good design, and explain them."),
            Entry("design", "desk:design", "Show which service runs where, with which address, and why."),
            Entry("size", "desk:size", "Compute how many machines a number of guests needs."),
            Entry("spof", "desk:spof", "List what the cloud could not lose."),
            Entry("availability", "desk:availability", "Compute the availability a design can promise."),
            Entry("draw", "desk:draw", "Draw the cloud."),
            Entry("schema", "schema:schema", "Print the JSON Schema of cloud.yaml, for editors."),
        ),
    ),
    (
        "Build: from the file to a running cloud",
        (
            Entry("lab", "lab:lab", "Make real machines on this host, and take their power away."),
            Entry("image", "image:image", "Build the image that guests boot."),
            Entry("plan", "run:plan", "Show what would change on which machine, with differences."),
            Entry("up", "run:up", "Bring the cloud to what the file says, starting it if need be."),
            Entry("secret", "secret:secret", "Keep what cannot be made: passwords of existing BMCs."),
            Entry("log", "run:log", "Show past runs: steps, timings, changes, errors."),
        ),
    ),
    (
        "Look: what a client sees",
        (
            Entry(
                "status", "look:status", "Show the whole cloud on one screen: what is degraded, what to do."
            ),
            Entry("access", "access:access", "Say where dashboard and APIs are, and how to sign in."),
            Entry("verify", "look:verify", "Prove through the public APIs that two guests meet."),
        ),
    ),
    (
        "Break: on purpose, and measured",
        (Entry("drill", "drill:drill", "Inject a fault and judge the cloud."),),
    ),
    (
        "Operate: day two",
        (
            Entry("vip", "vip:vip", "Say which controller holds the VIP, and move it without losing a call."),
            Entry("down", "power:down", "Stop the cloud in the order that starts cleanly."),
            Entry("recover", "recover:recover", "Bring back what cannot come back by itself, with evidence."),
        ),
    ),
    ("Shell", (Entry("completion", "completion:completion", "Print the completion script of a shell."),)),
)


def available() -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """The sections with the commands that this installation has; empty sections are left out."""
    sections = ((title, tuple(e for e in entries if find_spec(e.module))) for title, entries in SECTIONS)
    return tuple((title, entries) for title, entries in sections if entries)


def find(name: str) -> Entry | None:
    """The entry of a command, when this installation has it."""
    for _, entries in available():
        for entry in entries:
            if entry.name == name:
                return entry
    return None
