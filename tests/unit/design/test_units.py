"""Amounts: exact, and no guessing of units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.design.units import UNITS, Kind, ceil_div, exact, mixed_families, quantity

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("64", Kind.SIZE, "write 64 GB or 64 GiB"),
        (64, Kind.SIZE, "write 64 GB or 64 GiB"),
        ("25 Gb", Kind.SIZE, "write 25 GB"),
        ("10 GB", Kind.RATE, "write 10 Gb/s, or 80 Gb/s if bytes were meant"),
        ("10 GB/s", Kind.RATE, "80 Gb/s"),
        ("2.6 GB", Kind.CLOCK, "write for example 2.6 GHz"),
        ("a lot", Kind.SIZE, "write for example 64 GiB"),
    ],
)
def test_a_unit_that_does_not_fit_says_what_to_write(text: object, kind: Kind, says: str) -> None:
    with pytest.raises(ValueError, match="write") as caught:
        quantity(text, kind)
    assert says in str(caught.value)


def test_gigabytes_are_not_gibibytes() -> None:
    gb, gib = quantity("8 GB", Kind.SIZE), quantity("8 GiB", Kind.SIZE)
    assert gib.base - gb.base == 589_934_592
    said = mixed_families({"flavors.small.ram": gb, "servers.s.stick": gib})
    assert "write flavors.small.ram as 7.451 GiB (or 8 GiB if that was meant)" in said
    assert not mixed_families({"a": gb, "b": gb})


@given(st.sampled_from(sorted(UNITS)), st.decimals(min_value=0, max_value=10**6, places=3))
def test_an_amount_written_out_is_read_back(unit: str, amount: object) -> None:
    first = quantity(f"{amount} {unit}", UNITS[unit][0])
    assert quantity(str(first), first.kind) == first


@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_rounding_up_holds_the_demand_and_not_one_more(demand: int, per: int) -> None:
    count = ceil_div(demand, per)
    assert count * per >= demand > (count - 1) * per


def test_a_tenth_is_a_tenth() -> None:
    assert ceil_div(3, exact(0.1)) == 30
