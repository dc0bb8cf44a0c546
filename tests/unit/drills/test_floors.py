from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.design.addresses import layout_of
from stackhaven.design.layout import Layout
from stackhaven.drills.contents import DRILLS
from stackhaven.drills.judge.floors import CONSENSUS, floor_of, floor_s
from stackhaven.model.load import parse_cloud

pytestmark = pytest.mark.unit

SERVICES = Path(__file__).parents[3] / "src" / "stackhaven" / "services"


def layout(more: str = "", controllers: int = 3) -> Layout:
    return layout_of(
        parse_cloud(
            "name: demo\nlab: {}\nnodes:\n"
            f"  c: {{roles: [controller], count: {controllers}}}\n"
            f"  k: {{roles: [compute, network], count: 1}}\n{more}"
        )
    )


FAST_DATABASE = "database: {suspect_timeout_s: 1}\n"


def test_a_silent_vip_holder_costs_three_adverts_and_the_skew() -> None:
    assert floor_s(layout("vip: {advert_interval_s: 0.2}\n"), "power-off vip-holder") == pytest.approx(0.644)
    assert floor_s(layout("vip: {advert_interval_s: 1}\n"), "cut-link vip-holder") == pytest.approx(3.219)


def test_a_cluster_waits_for_token_and_consensus() -> None:
    fenced = "vip: {provider: pacemaker, token_s: 1}\nfencing: {user: admin}\n"
    found = floor_of(layout(fenced), "freeze-node vip-holder")
    assert found is not None
    assert found.seconds == pytest.approx(2.2)
    assert found.says == "VIP: token 1 s + consensus 1.2 s, and what fencing takes"
    unfenced = "vip: {provider: pacemaker, token_s: 0.5, test_without_fencing: true}\n"
    found = floor_of(layout(unfenced), "power-off vip-holder")
    assert found is not None
    assert found.seconds == pytest.approx(1.1)
    assert "fencing" not in found.says


def test_the_factor_is_that_of_the_configuration() -> None:
    text = (SERVICES / "pacemaker" / "templates" / "corosync.conf.j2").read_text(encoding="utf-8")
    assert "consensus: {{ token_ms * 12 // 10 }}" in text
    assert CONSENSUS == 12 / 10


@pytest.mark.parametrize(
    ("do", "seconds"),
    [
        ("kill mariadb on db-writer", 0.6),  # 2 checks, one each 0.3 s
        ("freeze mariadb on db-writer", 1.1),
        ("power-off db-writer", 1.1),  # the others suspect it; the checks need 0.9 s
        ("freeze-node db-writer", 1.6),  # the last check is connected and waits for an answer
    ],
)
def test_the_writer_is_found_dead_by_its_checks(do: str, seconds: float) -> None:
    assert floor_s(layout(FAST_DATABASE), do) == pytest.approx(seconds)


def test_a_silent_writer_holds_up_the_others_until_they_suspect_it() -> None:
    found = floor_of(layout("database: {suspect_timeout_s: 5}\n"), "power-off db-writer")
    assert found is not None
    assert found.seconds == pytest.approx(5.5)
    assert "suspect_timeout 5 s + inactive_check_period 0.5 s" in found.says


def test_reads_do_not_wait_for_the_others_to_suspect() -> None:
    assert floor_s(layout(), "power-off busiest", writes=False) == pytest.approx(0.9)
    assert floor_s(layout(), "freeze mariadb on db-writer", writes=False) == pytest.approx(0.6)


def test_what_happens_at_the_same_time_is_not_added_up() -> None:
    slow_vip = layout("vip: {advert_interval_s: 2}\n" + FAST_DATABASE)
    found = floor_of(slow_vip, "power-off busiest")
    assert found is not None
    assert found.seconds == floor_s(slow_vip, "power-off vip-holder")
    assert floor_s(layout(FAST_DATABASE), "power-off busiest") == pytest.approx(1.1)
    assert found.says.endswith("at the same time, so the longest counts")


def test_where_no_formula_says_the_drill_may() -> None:
    assert floor_of(layout(), "power-off all") is None
    found = floor_of(layout(), "power-off all", said="what booting takes")
    assert found is not None
    assert (found.seconds, found.says) == (None, "what booting takes")
    assert floor_of(layout(controllers=1), "power-off busiest") is None


def test_no_promise_of_a_drill_is_below_its_floor_with_a_database_that_suspects_in_a_second() -> None:
    cloud = layout(FAST_DATABASE)
    impossible = [
        one.name
        for one in DRILLS
        if "gap_s" in one.must and (floor_s(cloud, one.do) or 0.0) > one.must["gap_s"]
    ]
    assert impossible == []
