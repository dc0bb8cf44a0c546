"""What drills measured, as the model takes it: as plain data, in each form in which drills write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stackhaven.cli.main import run
from stackhaven.design.availability.budget import better
from stackhaven.design.availability.measured import assumed_still, measured
from stackhaven.design.availability.model import Model
from stackhaven.design.availability.montecarlo import simulate
from stackhaven.design.availability.values import Rate, Rates, TakeOver
from stackhaven.design.faulttree import TOKEN
from stackhaven.errors import InputError
from tests.unit.design.test_availability import only
from tests.unit.design.test_spof import small

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "examples"
SENTENCES = {
    "power-off-busiest": "power-off busiest",
    "freeze-busiest": "freeze-node busiest",
    "kill-writer": "kill mariadb on db-writer",
    "freeze-writer": "freeze mariadb on db-writer",
    "kill-broker": "kill rabbitmq on queue-leader",
    "kill-balancer": "kill haproxy on vip-holder",
    "kill-ovn-leader": "kill ovn-ovsdb-server-sb on ovn-leader",
    "cut-busiest": "cut-link busiest",
    "blackout": "power-off all",
    "lose-compute": "power-off compute:1",
}


def result(drill: str, gap_s: float | None, redundancy_s: float | None = 10.0, **more: Any) -> dict[str, Any]:
    """As `result.json` of one drill."""
    return {
        "drill": {"name": drill, "do": SENTENCES[drill]},
        "cloud": "lab",
        "lines": [{"what": "gap_s", "measured": gap_s, "must": 3.0}],
        "redundancy_s": redundancy_s,
        **more,
    }


def kept(*rows: tuple[str, tuple[float, ...]], provider: str = "keepalived") -> dict[str, Any]:
    """As `haven drill table --keep` stores it."""
    setting = {"cloud": "lab", "vip_provider": provider, "machines": 5}
    return {
        "kind": "drills",
        "version": 1,
        "rows": [
            {
                "drill": drill,
                "do": SENTENCES[drill],
                "setting": setting,
                "samples": [{"measured": {"gap_s": gap, "redundancy_s": 36.0}} for gap in gaps],
            }
            for drill, gaps in rows
        ],
        "left_out": [],
    }


def take(data: object, **options: Any) -> Any:
    return measured(Rates(), json.dumps(data), "d.json", **options)


def test_one_result_gives_one_value() -> None:
    found = take(result("power-off-busiest", 2.4))
    assert found.rates.machine.outage_s == 2.4
    assert found.rates.machine.mttr_h == Rates().machine.mttr_h
    assert found.rates.machine.source == "outage measured (power-off-busiest on lab, 1 repeat, d.json)"
    assert [(use.value, use.seconds) for use in found.uses] == [("machine take-over", 2.4)]


def test_a_newer_result_has_figures_that_were_not_promised() -> None:
    one = result("kill-writer", 9.9) | {"lines": [], "measured": {"gap_s": 1.25, "redundancy_s": 7.2}}
    found = take(one)
    assert found.rates.services["mariadb"].outage_s == 1.25
    assert found.rates.process.mttr_h == pytest.approx(7.2 / 3600)


def test_a_series_gives_medians_of_its_repeats() -> None:
    results = [result("kill-broker", gap) for gap in (0.5, 4.0, 1.0)]
    found = take({"kept": True, "drills": {}, "results": results})
    assert found.rates.services["rabbitmq"] == TakeOver(
        outage_s=1.0, source="outage measured (kill-broker on lab, 3 repeats, d.json)"
    )
    assert found.rates.process.outage_s == Rates().process.outage_s


def test_kept_samples_name_service_balancer_and_machine() -> None:
    data = kept(("kill-balancer", (1.5,)), ("kill-ovn-leader", (0.75,)), ("cut-busiest", (3.0, 5.0)))
    found = take(data)
    assert {name: over.outage_s for name, over in found.rates.services.items()} == {
        "haproxy": 1.5,
        "ovn-db": 0.75,
    }
    assert found.rates.link.outage_s == 4.0


def test_of_several_drills_the_worst_median_counts_and_all_are_named() -> None:
    found = take(kept(("power-off-busiest", (1.0, 2.0, 9.0)), ("freeze-busiest", (5.0, 6.0))))
    assert found.rates.machine.outage_s == 5.5
    assert found.uses[0].says == (
        "freeze-busiest on lab (median of 2: 5.5 s); no worse: power-off-busiest on lab (median of 3: 2 s)"
    )


def test_only_what_mends_itself_says_how_long_a_repair_takes() -> None:
    assert take(kept(("freeze-writer", (5.0,)))).rates.process.mttr_h == Rates().process.mttr_h
    assert take(kept(("kill-writer", (5.0,)))).rates.process.mttr_h == pytest.approx(0.01)


def test_what_is_of_no_use_is_said() -> None:
    data = kept(("blackout", (60.0,)), ("lose-compute", (0.0,)), ("kill-writer", ()))
    found = take(data)
    assert found.uses == ()
    assert [text.partition(":")[0] for text in found.unused] == [
        "blackout on lab",
        "lose-compute on lab",
        "kill-writer on lab",
    ]
    assert "gap_s was not measured" in found.unused[2]
    other = take(kept(("power-off-busiest", (9.0,)), provider="pacemaker"), providers={"keepalived"})
    assert other.rates == Rates()
    assert other.unused == ("power-off-busiest on lab: taken with pacemaker, and this design has keepalived",)


def test_what_is_assumed_still_is_named_value_by_value() -> None:
    everything = assumed_still(Rates())
    assert "machine: how often it fails, its repair, its take-over" in everything
    assert everything[-1] == "beta: the share of common causes (2 %)"
    found = take(kept(("power-off-busiest", (1.0,)), ("kill-writer", (1.0,)))).still_assumed
    assert "machine: how often it fails, its repair" in found
    assert "process: how often it fails, its take-over (but of mariadb)" in found
    known = Rates(machine=Rate(mtbf_h=1, mttr_h=1, source="records"))
    assert not any(text.startswith("machine") for text in assumed_still(known))


def test_your_own_records_are_not_forgotten() -> None:
    own = Rates(machine=Rate(mtbf_h=9_000, mttr_h=4, source="records"))
    found = measured(own, json.dumps(result("power-off-busiest", 2.0)), "d.json")
    assert found.rates.machine.mtbf_h == 9_000
    assert found.rates.machine.source.startswith("records; outage measured (power-off-busiest")


@pytest.mark.parametrize(
    "data",
    [
        None,
        "x",
        {"results": []},
        {"kind": "drills"},
        {"kind": "drills", "rows": [{}]},
        {"drill": "x"},
        {"drill": {"name": "x", "do": "y"}, "cloud": "z"},
        result("power-off-busiest", -1.0),
        result("power-off-busiest", float("nan")),
        result("power-off-busiest", 1e9),
        result("power-off-busiest", True),  # type: ignore[arg-type]
        [{"kind": "machine", "outage_s": float("inf")}],
        {"outages": 3},
    ],
)
def test_wrong_files_are_refused_in_words(data: object) -> None:
    with pytest.raises(InputError, match="availability-values") as caught:
        take(data)
    assert "haven drill table --keep" in caught.value.why


def test_a_kind_that_the_model_does_not_have_is_said() -> None:
    found = take([{"kind": "wizard", "outage_s": 1}])
    assert found.rates == Rates()
    assert found.unused[0].startswith("wizard: the model has no such kind")


def test_a_services_own_take_over_counts_for_it_alone() -> None:
    slow = only(process=Rate(mtbf_h=1000, mttr_h=1e-6, outage_s=10))
    fast = slow.model_copy(update={"services": {"mariadb": TakeOver(outage_s=1)}})
    one, other = Model(small(), slow), Model(small(), fast)
    saved = one.result(TOKEN).seconds_per_year - other.result(TOKEN).seconds_per_year
    assert saved == pytest.approx(9 * 8760 / 1000, rel=0.01)
    assert any(share.what == "take-over from a process of mariadb" for share in other.result(TOKEN).shares)
    run_ = simulate(other, TOKEN, years=300, seed=3)
    assert run_.availability == pytest.approx(other.result(TOKEN).availability, abs=2e-6)


def test_whoever_comes_through_the_vip_waits_for_its_take_over() -> None:
    model = Model(small(), only(process=Rate(mtbf_h=1000, mttr_h=1e-6, outage_s=10)))
    assert {"haproxy", "keepalived"} <= {service.name for service in model.redundant(TOKEN)}
    assert [service.name for service in model.redundant("rabbitmq")] == ["rabbitmq"]


def test_what_would_help_names_the_service() -> None:
    rates = only(process=Rate(mtbf_h=100, mttr_h=1e-6)).model_copy(
        update={"services": {"mariadb": TakeOver(outage_s=40)}}
    )
    changes = [measure.change for measure in better(Model(small(), rates), TOKEN).measures]
    assert changes[0] == "mariadb take-over: 20 s instead of 40 s"


def test_the_dominant_reason_has_a_share() -> None:
    what, share = Model(small(), Rates()).result(TOKEN).dominant or ("", 0.0)
    assert what
    assert 0 < share <= 1


def haven(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["availability", str(EXAMPLES / "layouts" / "a-02.yaml"), *arguments])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out, said.err


def test_the_screen_tells_where_values_come_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = tmp_path / "20261121-120000-kill-writer"
    record.mkdir()
    (record / "result.json").write_text(json.dumps(result("kill-writer", 1.5)), encoding="utf-8")
    code, out, _ = haven(capsys, "--measured", str(record))
    assert code == 0
    assert "kill-writer on lab (median of 1: 1.5 s)" in out
    assert "Still assumed" in out
    assert "% of it" in out
    code, out, _ = haven(capsys, "--measured", str(record / "result.json"), "--json")
    data = json.loads(out)
    assert code == 0
    assert data["measured"][0]["value"] == "mariadb take-over"
    assert data["values"]["services"]["mariadb"]["outage_s"] == 1.5
    assert data["not_used"] == []
    assert data["dominant"][0]
    assert data["still_assumed"]


def test_a_directory_without_a_result_and_no_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = haven(capsys, "--measured", str(tmp_path))
    assert code == 2
    assert "holds no result.json" in err
    code, _, err = haven(capsys, "--measured", str(tmp_path / "nothing.json"))
    assert code == 2
    assert "nothing.json" in err
