"""How hard the machine works on which the drill runs: a starved machine fails over for no reason."""

from __future__ import annotations

from pathlib import Path

from stackhaven.drills.history import Recorder
from stackhaven.drills.watch.base import Watcher

PERIOD_S = 1.0
_BUSY = (0, 1, 2, 5, 6)
_STEAL = 7


class CpuWatcher(Watcher):
    """Counters, from which shares follow: microseconds of pressure, jiffies busy, stolen and in all."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__("cpu watcher", recorder, period_s=PERIOD_S)

    def look(self) -> None:
        """One sample."""
        try:
            pressure = Path("/proc/pressure/cpu").read_text(encoding="ascii")
        except OSError:
            pressure = ""
        counters = cpu_counters(Path("/proc/stat").read_text(encoding="ascii"))
        self.note("cpu", {"waited_us": waited_us(pressure), **counters})


def waited_us(pressure: str) -> int:
    """Total of the ``some`` line; 0 where the kernel does not tell."""
    for line in pressure.splitlines():
        if line.startswith("some"):
            return int(line.rsplit("total=", 1)[1])
    return 0


def cpu_counters(stat: str) -> dict[str, int]:
    """Jiffies from the first line of ``/proc/stat`` (proc_stat(5))."""
    fields = [int(field) for field in stat.splitlines()[0].split()[1:]]
    return {
        "busy": sum(fields[index] for index in _BUSY),
        "steal": fields[_STEAL],
        "total": sum(fields[:8]),
    }
