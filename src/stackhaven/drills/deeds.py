"""What a fault does, as data: so that it can be shown before, written down, and undone by another process.

A deed is small, idempotent where it heals, and says in words what it does. `hands` carries deeds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

PowerVerb = Literal["off", "on", "freeze", "thaw", "reset"]


@dataclass(frozen=True, kw_only=True)
class OnNode:
    """A shell script on a node, by SSH. It did what it says when it exits 0."""

    node: str
    script: str
    says: str
    timeout_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class InHub:
    """A shell script in the lab's hub namespace, where the bridges and the node's cables are."""

    script: str
    says: str
    timeout_s: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Power:
    """A node's power, or the whole node frozen: its sockets stay, nothing in it runs."""

    node: str
    verb: PowerVerb

    @property
    def says(self) -> str:
        """In words."""
        return f"{self.node}: {_POWER_WORDS[self.verb]}"


@dataclass(frozen=True, kw_only=True)
class PowerIs:
    """A question: whether a node runs, stands still as a whole, or is off."""

    node: str
    state: Literal["on", "off", "frozen"]

    @property
    def says(self) -> str:
        """In words."""
        return f"{self.node} is {self.state}"


_POWER_WORDS = {
    "off": "power taken",
    "on": "power given",
    "freeze": "frozen as a whole",
    "thaw": "thawed",
    "reset": "power taken and given back",
}

Deed = OnNode | InHub | Power | PowerIs
_TYPES: dict[str, type[Deed]] = {
    "on-node": OnNode,
    "in-hub": InHub,
    "power": Power,
    "power-is": PowerIs,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


@dataclass(frozen=True, kw_only=True)
class Strike:
    """A fault aimed at its victim.

    Args:
        says: the whole in one sentence.
        nodes: the nodes that suffer it.
        inject: deeds that break; independent ones, done at the same time.
        effect: deeds that succeed only when the fault took effect.
        heal: deeds that put right what `inject` broke; in order, each harmless when there is nothing to put right.
        healed: deeds that succeed when it is put right; asked again until `heal_s`.
        prepare: deeds before load and injection, such as making a small disk; `heal` undoes them, too.
        heal_s: how long healing may take.
        in_turn: `inject`'s deeds are done one after the other instead, each when the one before has succeeded.

    """

    says: str
    nodes: tuple[str, ...]
    inject: tuple[Deed, ...]
    heal: tuple[Deed, ...]
    effect: tuple[Deed, ...] = ()
    healed: tuple[Deed, ...] = ()
    prepare: tuple[Deed, ...] = ()
    heal_s: float = 120.0
    in_turn: bool = False


def as_data(deed: Deed) -> dict[str, Any]:
    """JSON-safe; see `from_data`."""
    return {"type": _NAMES[type(deed)], **asdict(deed)}


def from_data(data: Mapping[str, Any]) -> Deed:
    """The deed again. KeyError or TypeError when it is none of ours."""
    fields = dict(data)
    return _TYPES[fields.pop("type")](**fields)
