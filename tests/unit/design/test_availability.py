"""Availability: cut sets against closed forms, simulation against both, budgets and one more nine."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from stackhaven.design.availability.budget import better, budget
from stackhaven.design.availability.measured import with_measured
from stackhaven.design.availability.model import GUEST, WHOLE, Model
from stackhaven.design.availability.montecarlo import simulate
from stackhaven.design.availability.values import KINDS, Rate, Rates, read_rates
from stackhaven.design.faulttree import BOOT, REACH, TOKEN
from stackhaven.design.formulas.nines import downtime_s_per_year, k_of_n, with_common_cause
from stackhaven.errors import InputError
from tests.unit.design.test_spof import layout, small, thousand

pytestmark = pytest.mark.unit

NEVER = Rate(mtbf_h=1e8, mttr_h=1e-6)


def only(**rates: Rate | float) -> Rates:
    """Nothing fails but what is named."""
    return Rates.model_validate(dict.fromkeys(KINDS, NEVER) | {"beta": 0.0} | rates)


def test_two_of_three_agree_with_the_closed_form() -> None:
    machine = Rate(mtbf_h=990, mttr_h=10)
    model = Model(small(), only(machine=machine))
    found = model.result("rabbitmq").availability
    assert found == pytest.approx(k_of_n(2, 3, 0.99), abs=3e-6)
    assert model.closed_form("rabbitmq") == pytest.approx(k_of_n(2, 3, 0.99), abs=1e-7)


def test_common_cause_is_the_floor_that_members_cannot_lift() -> None:
    machine = Rate(mtbf_h=29_997, mttr_h=3)
    few = Model(small(), only(machine=machine, beta=0.1))
    assert few.closed_form("rabbitmq") == pytest.approx(with_common_cause(2, 3, 0.9999, 0.1), abs=1e-8)
    shares = few.result("rabbitmq").shares
    assert shares[0].what.startswith("one cause for all members")
    assert shares[0].seconds_per_year == pytest.approx(downtime_s_per_year(1 - 0.1 * 1e-4), rel=1e-3)


def test_a_user_path_is_no_better_than_its_parts() -> None:
    model = Model(layout("a-18"), Rates())
    found = {name: model.result(name).availability for name in (TOKEN, BOOT, REACH, GUEST, WHOLE)}
    assert found[TOKEN] >= found[BOOT] >= found[WHOLE]
    assert found[REACH] >= found[GUEST] >= found[WHOLE]


def test_a_given_guest_hangs_on_its_own_machine() -> None:
    shares = Model(layout("a-18"), Rates()).result(GUEST).shares
    assert shares[0].what == "machine compute1 alone"
    assert shares[0].seconds_per_year == pytest.approx(8 / 30_008 * 365 * 86400, rel=1e-6)


def test_simulated_years_agree_with_the_cut_sets() -> None:
    rates = only(machine=Rate(mtbf_h=900, mttr_h=20), process=Rate(mtbf_h=800, mttr_h=5))
    model = Model(small(), rates)
    run = simulate(model, TOKEN, years=300, seed=7)
    exact = model.result(TOKEN).availability
    assert run.low <= exact <= run.high or abs(run.availability - exact) < 0.15 * (1 - exact)
    assert run.outages_per_year > 1


def test_the_same_seed_gives_the_same_years() -> None:
    model = Model(small(), Rates())
    assert simulate(model, TOKEN, years=50, seed=3) == simulate(model, TOKEN, years=50, seed=3)
    assert simulate(model, TOKEN, years=50, seed=3) != simulate(model, TOKEN, years=50, seed=4)


def test_one_pair_of_hands_repairs_less() -> None:
    rates = only(machine=Rate(mtbf_h=200, mttr_h=30))
    model = Model(small(), rates)
    many = simulate(model, "rabbitmq", years=200, seed=5)
    alone = simulate(model, "rabbitmq", years=200, seed=5, crew=1)
    assert alone.availability < many.availability


def test_take_overs_cost_what_was_measured() -> None:
    slow = Model(small(), Rates(machine=Rate(mtbf_h=1000, mttr_h=1, outage_s=60)))
    fast_rates = with_measured(
        slow.rates, json.dumps([{"kind": "machine", "outage_s": s} for s in (1, 2, 9)]), "d.json"
    )
    assert fast_rates.machine.outage_s == 2
    assert fast_rates.machine.source == "outage measured (3, d.json)"
    assert "machine" not in fast_rates.assumed()
    fast = Model(slow.topology, fast_rates)
    assert fast.result(TOKEN).seconds_per_year < slow.result(TOKEN).seconds_per_year


def test_everything_is_assumed_until_somebody_measured() -> None:
    assert set(Rates().assumed()) == set(KINDS)
    told = read_rates('{"machine": {"mttr_h": 4, "source": "records"}}', "r.json")
    assert told.machine.mttr_h == 4
    assert told.machine.mtbf_h == Rates().machine.mtbf_h
    assert "machine" not in told.assumed()


@pytest.mark.parametrize("text", ["", "[]", "3", '{"machine": 3}', '{"x": 1}', '{"machine": {"mttr_h": -1}}'])
def test_rates_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="availability-values"):
        read_rates(text, "r.json")


@pytest.mark.parametrize("text", ["", "3", "{}", '[{"kind": "machine"}]', '["x"]'])
def test_measurements_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="availability-values"):
        with_measured(Rates(), text, "d.json")


def test_a_budget_is_kept_or_not() -> None:
    model = Model(layout("a-18"), Rates())
    result = model.result(TOKEN)
    loose, tight = budget(99.9, result, model.rates), budget(99.99999, result, model.rates)
    assert loose.kept
    assert loose.seconds_per_year == pytest.approx(31_536)
    assert loose.take_overs > 0
    assert not tight.kept
    assert tight.take_overs == 0


def test_measures_are_sorted_and_save_something() -> None:
    model = Model(layout("a-18"), Rates())
    found = better(model, BOOT).measures
    assert found
    assert all(one.seconds_saved >= two.seconds_saved for one, two in pairwise(found))
    assert any("three sites" in m.change for m in found)
    whole = better(model, BOOT)
    assert whole.together
    assert whole.reached > model.result(BOOT).availability


def test_another_pair_of_controllers_is_priced_when_prices_are_known() -> None:
    topology = layout("a-18")
    hardware: dict[str, Any] = {
        "servers": {
            "s": {
                "cores_per_socket": 8,
                "clock": "2 GHz",
                "stick": "16 GB",
                "sticks": 4,
                "reserved_ram": "4 GB",
                "link_speed": "10 Gb/s",
                "price": 5000,
            }
        }
    }
    from stackhaven.design.hardware import Hardware
    from stackhaven.design.topology import topology_of

    nodes = dict(topology.design.nodes)
    nodes["controller"] = nodes["controller"].model_copy(update={"server": "s"})
    design = topology.design.model_copy(
        update={"nodes": nodes, "hardware": Hardware.model_validate(hardware)}
    )
    model = Model(topology_of(design), Rates(machine=Rate(mtbf_h=500, mttr_h=50, outage_s=0)))
    priced = [m for m in better(model, TOKEN).measures if m.price]
    assert [m.price for m in priced] == [10_000]


def test_a_thousand_hypervisors_in_time() -> None:
    model = Model(thousand(), Rates())
    begin = time.process_time()
    results = {r.name: r for r in model.all_results()}
    simulate(model, TOKEN, years=100)
    assert time.process_time() - begin < 5
    assert results[TOKEN].availability > 0.999
