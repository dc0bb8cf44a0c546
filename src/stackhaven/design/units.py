"""Amounts with their unit written beside them: memory, disk, bandwidth and clock, held exactly.

A number without a unit is refused, bits are not bytes, and GB is not GiB: each of these has cost somebody a rack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

Number = int | Fraction

_FORM = re.compile(r"^\s*(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z/]*)\s*$")


class Kind(StrEnum):
    """What an amount measures."""

    SIZE = "size"
    RATE = "rate"
    CLOCK = "clock"


_PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
UNITS: dict[str, tuple[Kind, int]] = {
    **{f"{p}B": (Kind.SIZE, f) for p, f in (_PREFIXES | _BINARY).items()},
    **{f"{p}b/s": (Kind.RATE, f) for p, f in _PREFIXES.items()},
    **{f"{p}Hz": (Kind.CLOCK, f) for p, f in _PREFIXES.items()},
}
_EXAMPLE = {Kind.SIZE: "64 GiB", Kind.RATE: "10 Gb/s", Kind.CLOCK: "2.6 GHz"}


@dataclass(frozen=True)
class Quantity:
    """An exact amount. `base` counts bytes, bits per second or hertz; `unit` is how it was written."""

    base: Fraction
    unit: str

    @property
    def kind(self) -> Kind:
        """What is measured."""
        return UNITS[self.unit][0]

    @property
    def binary(self) -> bool:
        """Whether the unit counts in powers of 1024."""
        return "i" in self.unit

    @property
    def amount(self) -> Fraction:
        """The number in front of the unit."""
        return self.base / UNITS[self.unit][1]

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.unit}"


def quantity(text: object, kind: Kind) -> Quantity:
    """The amount written in `text`.

    Raises:
        ValueError: a sentence that says what to write, for a bare number, an unknown unit, or bits for bytes.

    """
    found = _FORM.match(str(text))
    if not found:
        raise ValueError(f"{text!r} is not an amount; write for example {_EXAMPLE[kind]}")
    amount, unit = found["amount"], found["unit"]
    if unit in UNITS and UNITS[unit][0] is kind:
        return Quantity(Fraction(amount) * UNITS[unit][1], unit)
    raise ValueError(_wrong_unit(amount, unit, kind))


def _wrong_unit(amount: str, unit: str, kind: Kind) -> str:
    if not unit:
        choices = {Kind.SIZE: ("GB", "GiB"), Kind.RATE: ("Mb/s", "Gb/s"), Kind.CLOCK: ("GHz", "MHz")}[kind]
        return f"{amount} has no unit; write {amount} {choices[0]} or {amount} {choices[1]}"
    if kind is Kind.SIZE and re.fullmatch(r"[kMGTP]i?b(it)?(/s)?", unit):
        size = unit.split("b", maxsplit=1)[0] + "B"
        return f"{amount} {unit} counts bits; a size is in bytes: write {amount} {size}"
    if kind is Kind.RATE and re.fullmatch(r"[kMGTP]i?B(/s)?", unit):
        rate = unit[0] + "b/s"
        return (
            f"{amount} {unit} counts bytes; a link is in bits per second: write {amount} {rate}, "
            f"or {plain(Fraction(amount) * 8)} {rate} if bytes were meant"
        )
    return f"{unit} is not a unit of {kind}; write for example {_EXAMPLE[kind]}"


def show(base: Number, unit: str) -> str:
    """An amount in `unit`, at most three decimals, such as ``263.15 TB``."""
    return f"{plain(Fraction(base) / UNITS[unit][1])} {unit}"


def plain(value: Number | float) -> str:
    """A number as a person writes it: no exponent, at most three decimals, no trailing zeros."""
    text = f"{float(value):.3f}".rstrip("0").rstrip(".")
    return text or "0"


def exact(value: float | str | Number) -> Fraction:
    """The decimal number as written, so that 0.1 is a tenth and rounding up never adds one by accident."""
    return value if isinstance(value, Fraction) else Fraction(str(value))


def ceil_div(amount: Number, per: Number) -> int:
    """How many of `per` hold `amount`: always rounded up, so that the demand is met."""
    return ceil(Fraction(amount) / per)


def mixed_families(amounts: dict[str, Quantity]) -> str:
    """A sentence when some of the amounts are decimal and others binary; empty when they agree.

    Args:
        amounts: where each stands in the document, and what is written there.

    """
    decimal = [(k, q) for k, q in amounts.items() if q.base and not q.binary]
    binary = [(k, q) for k, q in amounts.items() if q.base and q.binary]
    if not decimal or not binary:
        return ""
    (there, ten), (here, two) = decimal[0], binary[0]
    as_binary = f"{ten.unit[0]}i{ten.unit[1:]}"
    return (
        f"{here} is in {two.unit} and {there} in {ten.unit}; write {there} as "
        f"{show(ten.base, as_binary)} (or {plain(ten.amount)} {as_binary} if that was meant)"
    )


def _parser(kind: Kind) -> BeforeValidator:
    def parse(value: Any) -> Any:
        return value if isinstance(value, Quantity) else quantity(value, kind)

    return BeforeValidator(parse)


_AS_TEXT = PlainSerializer(str, return_type=str)
Size = Annotated[InstanceOf[Quantity], _parser(Kind.SIZE), _AS_TEXT]
Rate = Annotated[InstanceOf[Quantity], _parser(Kind.RATE), _AS_TEXT]
Clock = Annotated[InstanceOf[Quantity], _parser(Kind.CLOCK), _AS_TEXT]
