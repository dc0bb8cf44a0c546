from __future__ import annotations

import pytest

from stackhaven.plan import Command, File, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.plan.forecast import Look, Pending, forecast
from stackhaven.plan.outcome import Finding
from stackhaven.plan.plan import Plan

pytestmark = pytest.mark.unit

CONF = File(path="/etc/x/x.conf", content="")
UNIT = Unit(name="x.service", watches=("/etc/x",))
INIT = Command(what="schema", check=("c",), apply=("a",))
GATE = Wait(what="answers", tcp=("h", 1))


def finding(resource: Resource, verb: str = "update", **more: object) -> Finding:
    paths = (resource.path,) if isinstance(resource, File) else ()
    return Finding(label=resource.label, kind=resource.kind, verb=verb, why="differs", paths=paths, **more)  # type: ignore[arg-type]


def case(*steps: tuple[str, tuple[Resource, ...], tuple[Finding | None, ...]]) -> tuple[Pending, ...]:
    """Steps on node n, each after the one before."""
    made, looks, before = [], {}, ""
    for name, resources, findings in steps:
        needs = (everywhere(before),) if before else ()
        made.append(Step(name=name, title=name, nodes=("n",), resources=lambda _: (), needs=needs))
        looks[name, "n"] = Look(resources=resources, findings=findings)
        before = name
    return forecast(Plan.of(made), looks)


def verbs(pending: tuple[Pending, ...]) -> list[tuple[str, str, str, bool]]:
    return [(p.step, f.label, f.verb, f.known) for p in pending for f in p.findings]


def test_nothing_differs_nothing_is_pending() -> None:
    assert case(("a", (CONF, UNIT, INIT), (None, None, None))) == ()


def test_a_unit_whose_file_would_change_would_restart_also_in_a_later_step() -> None:
    pending = case(("conf", (CONF,), (finding(CONF),)), ("start", (UNIT,), (None,)))
    assert verbs(pending) == [
        ("conf", "file /etc/x/x.conf", "update", True),
        ("start", "unit x.service", "restart", True),
    ]
    assert "/etc/x/x.conf would change" in pending[1].findings[0].why


def test_it_restarts_once() -> None:
    pending = case(
        ("conf", (CONF,), (finding(CONF),)), ("start", (UNIT,), (None,)), ("again", (UNIT,), (None,))
    )
    assert [p.step for p in pending] == ["conf", "start"]


def test_another_units_file_restarts_nothing() -> None:
    other = Unit(name="y.service", watches=("/etc/xy",))
    assert [p.step for p in case(("conf", (CONF,), (finding(CONF),)), ("start", (other,), (None,)))] == [
        "conf"
    ]


def test_a_drop_in_counts_as_read_and_is_not_reloaded() -> None:
    drop_in = File(path="/etc/systemd/system/x.service.d/limits.conf", content="")
    unit = Unit(name="x", reload=True)
    pending = case(("a", (drop_in, unit), (finding(drop_in), None)))
    assert verbs(pending)[1][2] == "restart"


def test_reload_is_forecast_for_a_watched_file() -> None:
    unit = Unit(name="x", reload=True, watches=("/etc/x/x.conf",))
    assert verbs(case(("a", (CONF, unit), (finding(CONF), None))))[1][2] == "reload"


def test_an_action_after_a_change_is_not_guessed() -> None:
    pending = case(
        ("conf", (CONF,), (finding(CONF),)),
        ("init", (INIT, GATE), (finding(INIT, "run"), finding(GATE, "wait"))),
    )
    assert [(label, known) for _, label, _, known in verbs(pending)[1:]] == [
        ("action schema", False),
        ("wait answers", False),
    ]
    assert pending[1].findings[0].why == "known after conf"
    assert pending[1].findings[1].why == "known after action schema"


def test_an_action_after_nothing_would_run() -> None:
    assert verbs(case(("init", (INIT,), (finding(INIT, "run"),)))) == [("init", "action schema", "run", True)]


def test_an_action_that_holds_is_not_pending_even_after_a_change() -> None:
    assert [p.step for p in case(("conf", (CONF,), (finding(CONF),)), ("init", (INIT,), (None,)))] == ["conf"]


def test_uncertainty_passes_through_steps_that_hold() -> None:
    pending = case(
        ("conf", (CONF,), (finding(CONF),)), ("mid", (INIT,), (None,)), ("init", (INIT,), (finding(INIT),))
    )
    assert pending[1].findings[0].why == "known after conf"


def test_other_nodes_are_not_touched_by_a_change_on_this_one() -> None:
    steps = [
        Step(name="conf", title="", nodes=("n", "m"), resources=lambda _: ()),
        Step(name="start", title="", nodes=("n", "m"), resources=lambda _: (), needs=(here("conf"),)),
    ]
    looks = {
        ("conf", "n"): Look(resources=(CONF,), findings=(finding(CONF),)),
        ("conf", "m"): Look(resources=(CONF,), findings=(None,)),
        ("start", "n"): Look(resources=(UNIT,), findings=(None,)),
        ("start", "m"): Look(resources=(UNIT,), findings=(None,)),
    }
    assert [(p.step, p.node) for p in forecast(Plan.of(steps), looks)] == [("conf", "n"), ("start", "n")]


def test_a_node_that_was_not_looked_at_is_left_out() -> None:
    steps = [Step(name="conf", title="", nodes=("n", "m"), resources=lambda _: ())]
    looks = {("conf", "n"): Look(resources=(CONF,), findings=(finding(CONF),))}
    assert [p.node for p in forecast(Plan.of(steps), looks)] == ["n"]
