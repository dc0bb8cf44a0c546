"""What a benchmark gives: samples with their unit, the command, and the budget they are held against."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.ground import Ground

ROOT = Path(__file__).resolve().parents[1]


class BenchError(Exception):
    """A row could not be measured: what is reported instead of a figure."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the table. Samples and budgets are in `unit`; less is better.

    `cpu_s` has the processor time of each sample where that is known: it hardly depends on what else the machine does.
    """

    what: str
    unit: str
    samples: tuple[float, ...]
    command: str
    cpu_s: tuple[float, ...] = ()
    must: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The middle sample, in `unit`."""
        return statistics.median(self.samples)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A name for the command line, and the work behind it. Rows with a cloud are measured after the others."""

    name: str
    title: str
    cloud: bool = False
    measure: Callable[[Ground], Sequence[Measured]]


@dataclass(frozen=True)
class Done:
    """A command that ended as it should: seconds of wall time, and of processor time on this machine."""

    seconds: float
    cpu_s: float
    out: str = field(repr=False)


def timed(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0,),
) -> Done:
    """Run a command to its end and say how long it took.

    Raises:
        BenchError: it took longer than `timeout_s`, or its exit code is none of `codes`.

    """
    began, cpu = time.monotonic(), children_cpu_s()
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(argv)}: not done after {timeout_s:.0f} s") from None
    seconds = time.monotonic() - began
    if done.returncode not in codes:
        last = (done.stdout[-1500:] + done.stderr[-1500:]).strip()
        raise BenchError(f"{' '.join(argv)}: exit code {done.returncode}\n{last}")
    return Done(seconds, children_cpu_s() - cpu, done.stdout)


def children_cpu_s() -> float:
    """Processor time of all child processes that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
