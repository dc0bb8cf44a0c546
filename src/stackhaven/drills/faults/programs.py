"""Faults of programs: killed, frozen, stopped."""

from __future__ import annotations

from stackhaven.drills.deeds import Strike
from stackhaven.drills.faults.base import Fault, Victim, on_units
from stackhaven.drills.ground import Ground

START_S = 300.0
"""A database member that must copy everything takes minutes to be started."""

_MAIN = 'main=$(systemctl show -P MainPID "$unit"); test "$main" != 0'

_KILL = f"""{_MAIN}
systemctl kill --signal=KILL --kill-whom=all "$unit"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 "$main" 2>/dev/null || break
  sleep 0.02
done
! kill -0 "$main" 2>/dev/null"""
_STANDS = f"""{_MAIN}
case $(ps -o stat= -p "$main") in T*) ;; *) exit 1;; esac"""
_MOVES = f"""systemctl is-active --quiet "$unit"
{_MAIN}
case $(ps -o stat= -p "$main") in T*) exit 1;; esac"""
_STOPPED = '! systemctl is-active --quiet "$unit"'
_RUNS = 'systemctl is-active --quiet "$unit"'
_START = 'systemctl is-active --quiet "$unit" || systemctl start --no-block "$unit"'


def _kill(_: Ground, victim: Victim) -> Strike:
    """The unit's own restart is what heals it; starting it is for a unit that gave up."""
    return Strike(
        says=f"killed {victim.says}",
        nodes=victim.nodes,
        inject=on_units(victim, _KILL, "kill"),
        heal=on_units(victim, _START, "start"),
        healed=on_units(victim, _RUNS, "runs:"),
        heal_s=START_S,
    )


def _freeze(_: Ground, victim: Victim) -> Strike:
    signal = 'systemctl kill --signal={} --kill-whom=all "$unit"'
    return Strike(
        says=f"froze {victim.says}",
        nodes=victim.nodes,
        inject=on_units(victim, signal.format("STOP"), "freeze"),
        effect=on_units(victim, _STANDS, "stands still:"),
        heal=on_units(victim, signal.format("CONT") + " || true\n" + _START, "let go on"),
        healed=on_units(victim, _MOVES, "moves again:"),
        heal_s=START_S,
    )


def _stop(_: Ground, victim: Victim) -> Strike:
    return Strike(
        says=f"stopped {victim.says}",
        nodes=victim.nodes,
        inject=on_units(victim, 'systemctl stop "$unit"', "stop", timeout_s=120),
        effect=on_units(victim, _STOPPED, "is stopped:"),
        heal=on_units(victim, _START, "start"),
        healed=on_units(victim, _RUNS, "runs:"),
        heal_s=START_S,
    )


KILL = Fault(
    name="kill",
    does="all processes of a unit are killed (SIGKILL); systemd starts it again",
    covers=("FS-01", "FS-04", "FS-09", "FS-14", "FS-20", "FS-52"),
    aim=_kill,
    mends_itself=True,
    on_programs=True,
)
FREEZE = Fault(
    name="freeze",
    does="all processes of a unit stand still (SIGSTOP); its sockets stay open",
    covers=("FS-01", "FS-04", "FS-09", "FS-14", "FS-20"),
    aim=_freeze,
    on_programs=True,
)
STOP = Fault(
    name="stop",
    does="a unit is stopped in an orderly way and stays so",
    covers=("FS-01", "FS-09", "FS-14", "FS-20", "FS-53"),
    aim=_stop,
    on_programs=True,
)
