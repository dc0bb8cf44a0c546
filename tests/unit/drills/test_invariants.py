from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.drills.judge.invariants import invariants, longest_s, split
from tests.unit.drills.records import event, faulty, header, history_of, member, vip

pytestmark = pytest.mark.unit

ALL = ("a1", "a2", "a3")


def test_nothing_watched_is_not_the_same_as_nothing_wrong() -> None:
    assert not invariants(faulty()).watched


def test_a_vip_that_moves_has_a_time_without_holder() -> None:
    seen = invariants(faulty(vip(9.0, "c1"), vip(10.0), vip(10.7, "c2"), vip(11.5, "c2")))
    assert longest_s(seen.no_holder) == pytest.approx(0.7)
    assert seen.two_holders == ()


def test_two_holders_are_told_with_their_names() -> None:
    seen = invariants(faulty(vip(10.0, "c1"), vip(11.0, "c1", "c3"), vip(12.5, "c3")))
    assert [(s.begin, s.end, s.says) for s in seen.two_holders] == [(11.0, 12.5, "held by c1 and c3")]


def test_a_frozen_holder_cannot_let_go_and_is_told_apart() -> None:
    entries = [vip(12.0, "c1"), vip(13.0, "c1", "c2"), vip(14.0, "c1", "c2"), vip(41.5, "c2")]
    history = history_of(
        [
            header(),
            event(0.0, "load-begins"),
            event(10.0, "inject", fault="freeze-node", nodes=["c1"]),
            event(40.0, "healed"),
            *entries,
        ]
    )
    seen = invariants(history)
    assert seen.two_holders == ()
    assert longest_s(seen.frozen_holder) > 2.0


def test_arp_that_points_elsewhere_is_seen() -> None:
    seen = invariants(faulty(vip(10.0, "c2", arp="c1"), vip(10.5, "c2", arp="c2")))
    assert longest_s(seen.arp_wrong) == pytest.approx(0.5)


def test_a_sample_is_not_believed_for_ever() -> None:
    seen = invariants(faulty(vip(10.0), vip(30.0, "c2")))
    assert longest_s(seen.no_holder) == 2.0


def test_views_that_overlap_are_one_cluster_that_learns() -> None:
    entries = [member(10.0, "c1", *ALL), member(10.1, "c2", *ALL), member(11.0, "c2", "a2", "a3")]
    assert invariants(faulty(*entries)).split_brain == ()


def test_two_primary_components_without_a_common_member_are_split_brain() -> None:
    entries = [
        member(10.0, "c1", "a1"),
        member(10.1, "c2", "a2", "a3"),
        member(11.1, "c1", state="initialized"),
    ]
    seen = invariants(faulty(*entries))
    assert longest_s(seen.split_brain) == pytest.approx(1.0)
    assert "a1 and a2, a3" in seen.split_brain[0].says


def test_the_time_without_any_primary_member_is_seen() -> None:
    entries = [member(10.0, "c1", *ALL), member(11.0, "c1", state="off"), member(12.5, "c1", *ALL)]
    assert longest_s(invariants(faulty(*entries)).no_primary) == pytest.approx(1.5)


@given(st.sets(st.frozensets(st.sampled_from(ALL), min_size=1), max_size=4))
def test_split_means_that_some_two_views_are_disjoint(views: set[frozenset[str]]) -> None:
    disjoint = any(not one & other for one in views for other in views)
    assert bool(split(views)) == disjoint
