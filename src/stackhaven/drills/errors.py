"""The tool's own failures. What the cloud does wrong is never an exception, it is a line of the result."""

from __future__ import annotations

from stackhaven.errors import HavenError


class DrillError(HavenError):
    """The drill could not be carried out: it says nothing about the cloud's availability."""

    exit_code = 3


class HealError(DrillError):
    """Something was broken on purpose and could not be put right again."""

    exit_code = 4


def no_bmc(machine: str) -> DrillError:
    """For machines that exist, whose power only their BMC can switch."""
    return DrillError(
        f"the power of {machine} cannot be switched: its BMC is not described",
        why="a machine that exists is switched through its BMC",
        todo="describe it under `fencing` (docs/how-to/fencing.md), or choose another fault, such as stop or partition",
        rule="drill-no-bmc",
    )
