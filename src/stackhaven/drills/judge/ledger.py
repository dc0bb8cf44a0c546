"""What was acknowledged is there; what was acknowledged as deleted is not; nothing is there twice. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stackhaven.drills.history import Found, Write


@dataclass(frozen=True, kw_only=True)
class LedgerVerdict:
    """Names by what is wrong with them; `unread`: APIs that could not be asked at the end.

    Args:
        acknowledged: how many writes were answered with success.
        unknown: how many ended without saying; these may be there or not, but never twice.
        lost: created, acknowledged, never asked to be deleted, and not there.
        returned: deleted, acknowledged, and there.
        doubled: there more than once.
        strangers: there, with a name of this drill that it never wrote.

    """

    acknowledged: int = 0
    unknown: int = 0
    lost: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def wrong(self) -> int:
        """How many acknowledged writes did not keep their word."""
        return len(self.lost) + len(self.returned) + len(self.doubled) + len(self.strangers)


def audit(writes: Sequence[Write], found: Sequence[Found]) -> LedgerVerdict:
    """Compare the ledger with what each API lists at the end; the last list of an API counts."""
    lists: dict[str, Mapping[str, int] | None] = {one.api: one.names for one in found}
    lost, returned, doubled, strangers = [], [], [], []
    known: dict[str, dict[str, list[Write]]] = {}
    for write in writes:
        known.setdefault(write.api, {}).setdefault(write.name, []).append(write)
    for api, names in lists.items():
        if names is None:
            continue
        mine = known.get(api, {})
        for name, history in mine.items():
            there = names.get(name, 0)
            if there > 1:
                doubled.append(f"{api}/{name}")
            if must_be_there(history) and there == 0:
                lost.append(f"{api}/{name}")
            if must_be_gone(history) and there > 0:
                returned.append(f"{api}/{name}")
        strangers += [f"{api}/{name}" for name in names if name not in mine]
    return LedgerVerdict(
        acknowledged=sum(1 for write in writes if write.outcome == "ok"),
        unknown=sum(1 for write in writes if write.outcome == "unknown"),
        lost=tuple(lost),
        returned=tuple(returned),
        doubled=tuple(doubled),
        strangers=tuple(strangers),
        unread=tuple(sorted(api for api in known if lists.get(api) is None)),
    )


def must_be_there(history: Sequence[Write]) -> bool:
    """Its creation was acknowledged and no deletion can have taken effect."""
    created = any(write.op == "create" and write.outcome == "ok" for write in history)
    return created and not any(write.op == "delete" and write.outcome != "fail" for write in history)


def must_be_gone(history: Sequence[Write]) -> bool:
    """Its deletion was acknowledged, and no creation without an answer can have taken effect after that."""
    pending = any(write.op == "create" and write.outcome == "unknown" for write in history)
    return not pending and any(write.op == "delete" and write.outcome == "ok" for write in history)
