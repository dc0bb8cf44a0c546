"""Every fault there is, in reading order."""

from __future__ import annotations

from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults import machines, network, planned, programs, state
from stackhaven.drills.faults.base import Fault

FAULTS: tuple[Fault, ...] = (
    programs.KILL,
    programs.FREEZE,
    programs.STOP,
    machines.POWER_OFF,
    machines.RESET,
    machines.FREEZE_NODE,
    network.CUT,
    network.PARTITION,
    network.ONE_WAY,
    network.SLOW,
    state.LOSE_DATA,
    state.RESET_BROKER,
    state.DISK_FULL,
    planned.MOVE_VIP,
    planned.RESTART_APIS,
)


def fault(name: str) -> Fault:
    """The fault of this name.

    Raises:
        DrillError: rule ``no-such-fault``, with the names there are.

    """
    for one in FAULTS:
        if one.name == name:
            return one
    raise DrillError(
        f"there is no fault {name!r}",
        todo=f"one of: {', '.join(one.name for one in FAULTS)}",
        rule="no-such-fault",
    )
