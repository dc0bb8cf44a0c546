from __future__ import annotations

import time
from itertools import pairwise

import pytest

from stackhaven.errors import HavenError
from stackhaven.plan import Step, everywhere, here, if_any
from stackhaven.plan.graph import Vertex, build_graph
from stackhaven.plan.plan import Plan
from stackhaven.plan.step import Need

pytestmark = pytest.mark.unit


def step(name: str, nodes: str = "a b", *, needs: tuple[Need, ...] = (), **more: object) -> Step:
    return Step(
        name=name, title=name, nodes=tuple(nodes.split()), resources=lambda _: (), needs=needs, **more
    )  # type: ignore[arg-type]


def edges(*steps: Step) -> set[tuple[str, str]]:
    graph = build_graph(steps)
    return {
        (str(graph.vertices[v]), str(graph.vertices[d]))
        for v in range(len(graph.vertices))
        for d in graph.dependents[v]
    }


def test_everywhere_goes_through_one_barrier() -> None:
    assert edges(step("x"), step("y", needs=(everywhere("x"),))) == {
        ("x on a", "x everywhere"),
        ("x on b", "x everywhere"),
        ("x everywhere", "y on a"),
        ("x everywhere", "y on b"),
    }


def test_here_joins_the_same_node_only_and_ignores_the_others() -> None:
    assert edges(step("x", "a b"), step("y", "b c", needs=(here("x"),))) == {("x on b", "y on b")}


def test_a_capability_means_all_its_providers() -> None:
    found = edges(
        step("x", "a", provides=("database",)),
        step("y", "b", provides=("database",)),
        step("z", "c", needs=(everywhere("database"),)),
    )
    assert {("x everywhere", "z on c"), ("y everywhere", "z on c")} <= found


def test_serial_is_a_chain_in_the_given_order() -> None:
    assert edges(step("x", "c a b", serial=True)) == {("x on c", "x on a"), ("x on a", "x on b")}


def test_order_passes_through_a_step_without_nodes() -> None:
    graph = build_graph(
        [step("x", "a"), step("y", "", needs=(everywhere("x"),)), step("z", "b", needs=(everywhere("y"),))]
    )
    start = graph.vertices.index(Vertex("x", "a"))
    assert graph.vertices.index(Vertex("z", "b")) in graph.below([start])


def test_an_unknown_need_names_the_step_and_the_need() -> None:
    with pytest.raises(HavenError, match=r"\[plan-need\] step nova.start needs 'identity'"):
        build_graph([step("nova.start", needs=(everywhere("identity"),))])


def test_an_optional_need_may_be_missing() -> None:
    assert edges(step("x", needs=(if_any("cache"),))) == set()


@pytest.mark.parametrize("need", [everywhere("z"), here("z")])
def test_a_cycle_names_its_steps_in_order(need: Need) -> None:
    steps = [
        step("x", "a", needs=(need,)),
        step("y", "a", needs=(everywhere("x"),)),
        step("z", "a", needs=(everywhere("y"),)),
    ]
    with pytest.raises(HavenError, match="plan-cycle") as caught:
        build_graph([*steps, step("after", "a", needs=(everywhere("z"),))])
    text = caught.value.what
    assert "after" not in text
    turns = [part.strip() for part in text.partition(":")[2].split("->")]
    assert turns[0] == turns[-1]
    assert set(turns) == {"x on a", "y on a", "z on a"}
    follows = {("x on a", "y on a"), ("y on a", "z on a"), ("z on a", "x on a")}
    assert set(pairwise(turns)) == follows


def test_a_step_that_needs_what_it_provides_is_refused() -> None:
    with pytest.raises(HavenError, match="which is itself"):
        build_graph([step("x", provides=("vip",), needs=(everywhere("vip"),))])


def test_the_same_name_or_node_twice_is_refused() -> None:
    with pytest.raises(HavenError, match="two steps are named 'x'"):
        build_graph([step("x"), step("x")])
    with pytest.raises(HavenError, match="names a node twice"):
        build_graph([step("x", "a a")])


def test_priority_is_the_longest_way_to_the_end() -> None:
    graph = build_graph(
        [
            step("x", "a", weight=1.0),
            step("long", "a", weight=60.0, needs=(everywhere("x"),)),
            step("short", "a", weight=2.0, needs=(everywhere("x"),)),
        ]
    )
    priority = {str(v): p for v, p in zip(graph.vertices, graph.priority, strict=True)}
    assert priority["x on a"] == 61.0
    assert priority["short on a"] == 2.0


def test_a_thousand_nodes_make_few_edges_and_little_work() -> None:
    nodes = " ".join(f"c{i}" for i in range(1000))
    steps = [step("s0", nodes)]
    steps += [step(f"s{i}", nodes, needs=(everywhere(f"s{i - 1}"),)) for i in range(1, 20)]
    began = time.process_time()
    graph = build_graph(steps)
    assert time.process_time() - began < 5
    assert sum(map(len, graph.dependents)) == 2 * 19 * 1000


def test_a_plan_is_data() -> None:
    plan = Plan.of(
        [step("x", provides=("p",)), step("y", "c", needs=(everywhere("p"), here("x"), if_any("q")))]
    )
    data = plan.as_json()
    assert plan.nodes == ("a", "b", "c")
    assert data["work"] == 3
    assert data["steps"][1]["needs"] == ["p", "x (same node)", "q (if any)"]
