"""Faults of whole machines: power lost, reset, standing still, and all of them at once."""

from __future__ import annotations

from stackhaven.drills.deeds import Power, PowerIs, Strike
from stackhaven.drills.errors import no_bmc
from stackhaven.drills.faults.base import Fault, Victim
from stackhaven.drills.ground import Ground

BOOT_S = 240.0


def _require_power(ground: Ground, victim: Victim) -> None:
    """A machine that exists is switched through its BMC."""
    for node in victim.nodes:
        if not ground.in_lab and ground.layout.node(node).bmc is None:
            raise no_bmc(node)


def _all_on(nodes: tuple[str, ...]) -> tuple[Power, ...]:
    return tuple(Power(node=node, verb="on") for node in nodes)


def _off(ground: Ground, victim: Victim) -> Strike:
    _require_power(ground, victim)
    return Strike(
        says=f"took the power of {victim.says}",
        nodes=victim.nodes,
        inject=tuple(Power(node=node, verb="off") for node in victim.nodes),
        effect=tuple(PowerIs(node=node, state="off") for node in victim.nodes),
        heal=_all_on(victim.nodes),
        healed=tuple(PowerIs(node=node, state="on") for node in victim.nodes),
        heal_s=BOOT_S,
    )


def _reset(ground: Ground, victim: Victim) -> Strike:
    _require_power(ground, victim)
    return Strike(
        says=f"took the power of {victim.says} and gave it back",
        nodes=victim.nodes,
        inject=tuple(Power(node=node, verb="reset") for node in victim.nodes),
        effect=tuple(PowerIs(node=node, state="on") for node in victim.nodes),
        heal=_all_on(victim.nodes),
        healed=tuple(PowerIs(node=node, state="on") for node in victim.nodes),
        heal_s=BOOT_S,
    )


def _freeze(_: Ground, victim: Victim) -> Strike:
    """Giving power also covers a node that was fenced, and so switched off, while it stood still."""
    return Strike(
        says=f"froze {victim.says} as a whole",
        nodes=victim.nodes,
        inject=tuple(Power(node=node, verb="freeze") for node in victim.nodes),
        effect=tuple(PowerIs(node=node, state="frozen") for node in victim.nodes),
        heal=(*(Power(node=node, verb="thaw") for node in victim.nodes), *_all_on(victim.nodes)),
        healed=tuple(PowerIs(node=node, state="on") for node in victim.nodes),
        heal_s=BOOT_S,
    )


POWER_OFF = Fault(
    name="power-off",
    does="machines lose their power: nothing is flushed, stopped or said by them",
    covers=("FS-02", "FS-03", "FS-09", "FS-11", "FS-14", "FS-19", "FS-22", "FS-68"),
    aim=_off,
)
RESET = Fault(
    name="reset",
    does="machines lose their power and get it back at once",
    covers=("FS-02", "FS-05"),
    aim=_reset,
    mends_itself=True,
)
FREEZE_NODE = Fault(
    name="freeze-node",
    does="machines stand still as a whole; their connections stay established, their kernel answers ping",
    covers=("FS-02", "FS-03", "FS-07"),
    aim=_freeze,
    lab_only="only a lab can stop a machine without taking its power",
)
