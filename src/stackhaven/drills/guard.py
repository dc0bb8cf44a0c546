"""Nothing stays broken: what heals a fault is written down before the fault is injected.

A drill that was killed leaves its record; whatever command of haven comes next heals first. A record is removed only
when its healing was proved.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

from stackhaven.drills.deeds import Deed, Power, Strike, as_data, from_data
from stackhaven.drills.errors import DrillError, HealError
from stackhaven.model.secrets import write_owner_only

FILE = "heal.json"
POLL_S = 0.5


class Doer(Protocol):
    """What carries deeds out; `hands.Hands` is one, tests have others."""

    def do(self, deed: Deed) -> str:
        """See `Hands.do`."""

    def do_all(self, deeds: Sequence[Deed]) -> tuple[str, ...]:
        """See `Hands.do_all`."""

    def holds(self, deed: Deed) -> bool:
        """See `Hands.holds`."""


@dataclass(frozen=True, kw_only=True)
class HealRecord:
    """What is broken on purpose, since when (seconds since 1970), and what puts it right."""

    says: str
    since: float
    heal: tuple[Deed, ...]
    healed: tuple[Deed, ...]
    heal_s: float


def pending(directory: Path) -> HealRecord | None:
    """The record of a fault that was not healed yet; None when nothing is broken on purpose.

    Raises:
        HealError: rule ``heal-record`` when there is one that cannot be read.

    """
    path = directory / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return HealRecord(
            says=str(data["says"]),
            since=float(data["since"]),
            heal=tuple(from_data(deed) for deed in data["heal"]),
            healed=tuple(from_data(deed) for deed in data["healed"]),
            heal_s=float(data["heal_s"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise HealError(
            f"the heal record {path} cannot be read: {error}",
            why="something may still be broken on purpose",
            todo=f"read {path}, put right by hand what it says, then remove it; haven status",
            rule="heal-record",
        ) from None


def write_down(directory: Path, strike: Strike) -> None:
    """Have the way back on disk. To be called before anything is broken."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = {
        "says": strike.says,
        "since": time.time(),
        "heal": [as_data(deed) for deed in strike.heal],
        "healed": [as_data(deed) for deed in strike.healed],
        "heal_s": strike.heal_s,
    }
    write_owner_only(directory / FILE, json.dumps(record, indent=2) + "\n")


def heal(directory: Path, doer: Doer, *, sleep: Callable[[float], None] = time.sleep) -> HealRecord | None:
    """Put right what is written down, prove it, and forget the record. None when there was nothing.

    Deeds are tried in order, and all of them even when one fails; they are repeated until every proof holds.

    Raises:
        HealError: rule ``heal-failed`` when it is not proved in time; the record stays.

    """
    record = pending(directory)
    if record is None:
        return None
    deadline = time.monotonic() + record.heal_s
    while True:
        failures = [*_try_all(doer, record.heal)]
        missing = [deed.says for deed in record.healed if not doer.holds(deed)]
        if not failures and not missing:
            (directory / FILE).unlink(missing_ok=True)
            return record
        if time.monotonic() > deadline:
            raise HealError(
                f"HEALING FAILED: {record.says} is still in effect",
                why="; ".join([*failures, *(f"not so: {says}" for says in missing)]),
                todo="haven drill heal tries again; if it fails again, see haven status and the nodes by hand",
                rule="heal-failed",
            )
        sleep(POLL_S)


@contextmanager
def broken(directory: Path, doer: Doer, strike: Strike, *, tell: Callable[[str], None]) -> Iterator[None]:
    """Have the fault in effect for the block; it is healed however the block is left, also by Ctrl-C.

    `tell` hears inject, injected, heal and healed when they happen, and patience for a Ctrl-C while healing.

    Raises:
        DrillError: rule ``no-effect``, the fault did not take effect; what it may have done is healed.
        HealError: it could not be healed.

    """
    write_down(directory, strike)
    try:
        tell("inject")
        for together in [(deed,) for deed in strike.inject] if strike.in_turn else [strike.inject]:
            doer.do_all(together)
        without = [deed.says for deed in strike.effect if not doer.holds(deed)]
        if without:
            raise DrillError(
                f"the fault did not take effect: {strike.says}",
                why="; ".join(f"not so: {says}" for says in without),
                rule="no-effect",
            )
        tell("injected")
        yield
    finally:
        with _deaf(tell):
            tell("heal")
            heal(directory, doer)
            tell("healed")


def _try_all(doer: Doer, deeds: Sequence[Deed]) -> Iterator[str]:
    """In order, but machines that stand side by side in the list get their power at the same time."""
    for switches_power, group in groupby(deeds, key=lambda deed: isinstance(deed, Power)):
        some = tuple(group)
        for together in [some] if switches_power else [(deed,) for deed in some]:
            try:
                doer.do_all(together)
            except Exception as error:
                yield str(error).splitlines()[0]


@contextmanager
def _deaf(tell: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C does not stop the block: what is half healed is worse than a minute of patience."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: tell("patience"))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
