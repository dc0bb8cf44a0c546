"""From what is left of brokers, network databases and their clients to the next move."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackhaven.observe.status.facts import ServiceFact
from stackhaven.operate.recover import clients, network, queue
from stackhaven.operate.recover.facts import BalancerFact, BrokerFact, QueueFact, RaftFact
from stackhaven.operate.recover.move import Diagnosis, Health, Kind

pytestmark = pytest.mark.unit

ALL = frozenset("abc")
DEAD = {"c": "unreachable"}
ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"}


def kind_of(found: Diagnosis) -> Kind | None:
    return found.move.kind if found.move else None


def broker(node: str, *, knows: frozenset[str] = ALL, sees: frozenset[str] = ALL) -> BrokerFact:
    return BrokerFact(node=node, unit="active", running=True, known=knows, connected=sees)


def quorum(name: str, members: str, online: str | None = None) -> QueueFact:
    there = members if online is None else online
    return QueueFact(name=name, kind="quorum", members=frozenset(members), online=frozenset(there))


def test_three_brokers_in_one_cluster_need_nothing() -> None:
    assert queue.diagnose([broker(n) for n in "abc"], {}).health is Health.HEALTHY


def test_stopped_brokers_are_started_together() -> None:
    found = queue.diagnose([BrokerFact(node=n, unit="inactive") for n in "abc"], {})
    assert kind_of(found) is Kind.START
    assert found.move is not None
    assert found.move.nodes == ("a", "b", "c")


def test_brokers_that_wait_for_a_dead_one_are_let_go_only_with_consent() -> None:
    waiting = [BrokerFact(node=n, unit="activating") for n in "ab"]
    assert queue.diagnose(waiting, DEAD).health is Health.WAITING
    assert queue.diagnose(waiting, DEAD, patient=False).health is Health.WAITING
    found = queue.diagnose(waiting, DEAD, patient=False, gone=True)
    assert kind_of(found) is Kind.FORCE_BOOT
    assert found.move is not None
    assert found.move.stake


def test_parted_brokers_are_left_to_their_check() -> None:
    parted = replace(broker("c"), parted=frozenset("ab"))
    found = queue.diagnose([broker("a"), broker("b"), parted], {})
    assert found.health is Health.WAITING
    assert "c from a, b" in found.sentence


def test_a_minority_of_brokers_is_never_forced() -> None:
    left = [BrokerFact(node="a", unit="active")]
    found = queue.diagnose(left, {"b": "unreachable", **DEAD}, patient=False, gone=True)
    assert found.health is Health.STUCK
    assert "majority" in found.todo


def test_a_slow_broker_is_never_taken_for_a_lost_one() -> None:
    slow = BrokerFact(node="c", unit="activating", complaint="the rabbit app is not running")
    others = [broker(n, sees=frozenset("ab")) for n in "ab"]
    assert queue.diagnose([*others, slow], {}, patient=False, gone=True).health is Health.WAITING


def test_a_broker_that_lost_its_disk_is_forgotten_then_joins_then_gets_replicas() -> None:
    others = [broker(n, sees=frozenset("ab")) for n in "ab"]
    blank = BrokerFact(node="c", unit="activating", blank=True)
    found = queue.diagnose([*others, blank], {})
    assert kind_of(found) is Kind.FORGET
    assert found.move is not None
    assert (found.move.nodes, found.move.details["broker"], found.move.stake) == (("a",), "c", "")
    without = [broker(n, knows=frozenset("ab"), sees=frozenset("ab")) for n in "ab"]
    assert queue.diagnose([*without, blank], {}).health is Health.WAITING
    back = [broker(n) for n in "abc"]
    short = replace(back[0], queues=(quorum("q", "ab"), quorum("whole", "abc")))
    grown = queue.diagnose([short, *back[1:]], {})
    assert kind_of(grown) is Kind.GROW
    assert grown.move is not None
    assert (grown.move.nodes, grown.move.details["queues"]) == (("c",), "quorum q")


def test_a_broker_that_founded_a_cluster_of_its_own_is_brought_back() -> None:
    lonely = broker("c", knows=frozenset("c"), sees=frozenset("c"))
    remembered = [broker(n, sees=frozenset("ab")) for n in "ab"]
    assert kind_of(queue.diagnose([*remembered, lonely], {})) is Kind.FORGET
    forgotten = [broker(n, knows=frozenset("ab"), sees=frozenset("ab")) for n in "ab"]
    found = queue.diagnose([*forgotten, lonely], {}, patient=False)
    assert kind_of(found) is Kind.RESET
    assert found.move is not None
    assert found.move.stake


def test_replicas_are_not_moved_while_a_broker_is_away_or_behind() -> None:
    short = (quorum("q", "ab"),)
    away = [replace(broker("a", sees=frozenset("ab")), queues=short), broker("b", sees=frozenset("ab"))]
    assert queue.diagnose(away, DEAD, gone=True).health is Health.HEALTHY
    behind = [replace(broker("a"), queues=(*short, quorum("late", "abc", "ab"))), broker("b"), broker("c")]
    assert queue.diagnose(behind, {}).health is Health.WAITING


def test_a_broker_is_given_up_only_when_the_operator_says_so() -> None:
    left = [broker(n, sees=frozenset("ab")) for n in "ab"]
    assert queue.diagnose(left, DEAD, gone=True).move is None
    found = queue.diagnose(left, DEAD, gone=True, forget="c")
    assert kind_of(found) is Kind.FORGET
    assert found.move is not None
    assert found.move.stake


def server(node: str, *, leader: str = "a1", cluster: str = "one", last: int = 9) -> RaftFact:
    return RaftFact(
        node=node, database="nb", unit="active", file=True, status="cluster member", role="follower",
        leader=leader, cluster=cluster, server=f"{node}1", term=1, last=last,
        servers={f"{n}1": address for n, address in ADDRESSES.items()},
    )  # fmt: skip


def raft(*servers: RaftFact, silent: dict[str, str] | None = None, **options: object) -> Diagnosis:
    return network.diagnose("nb", servers, silent or {}, ADDRESSES, **options)  # type: ignore[arg-type]


def test_three_servers_with_a_leader_need_nothing() -> None:
    assert raft(server("a"), server("b"), server("c")).health is Health.HEALTHY


def test_a_server_without_its_file_is_kicked_and_joins_anew() -> None:
    lost = RaftFact(node="c", database="nb", unit="inactive", file=False)
    first = raft(server("a"), server("b"), lost)
    assert kind_of(first) is Kind.KICK
    assert first.move is not None
    assert first.move.details["server"] == "c1"
    kicked = {k: v for k, v in server("a").servers.items() if k != "c1"}
    then = raft(replace(server("a"), servers=kicked), replace(server("b"), servers=kicked), lost)
    assert kind_of(then) is Kind.REJOIN
    assert then.move is not None
    assert then.move.nodes == ("c",)
    assert then.move.details["peers"] == "10.0.0.1 10.0.0.2"


def test_a_second_cluster_waits_for_a_choice() -> None:
    other = replace(server("c", cluster="two", last=2), servers={"c1": "10.0.0.3"}, leader="self")
    assert raft(server("a"), server("b"), other).health is Health.STUCK
    assert kind_of(raft(server("a"), server("b"), other, take="a")) is Kind.KICK, "its former self goes first"
    kicked = {k: v for k, v in server("a").servers.items() if k != "c1"}
    kept = [replace(server(n), servers=kicked) for n in "ab"]
    assert kind_of(raft(*kept, other, take="a")) is Kind.REJOIN


def test_without_a_majority_the_longest_log_founds_a_new_cluster() -> None:
    left = server("a", leader="unknown", last=7)
    dead = {"b": "unreachable", **DEAD}
    assert raft(left, silent=dead).health is Health.WAITING
    assert raft(left, silent=dead, patient=False).health is Health.WAITING
    found = raft(left, silent=dead, patient=False, gone=True)
    assert kind_of(found) is Kind.FOUND
    assert found.move is not None
    assert found.move.stake
    longer = server("b", leader="unknown", last=8)
    both = raft(left, longer, silent=DEAD, patient=False, gone=True)
    assert both.move is not None
    assert both.move.nodes == ("b",)


def test_a_stopped_server_is_started() -> None:
    down = RaftFact(node="c", database="nb", unit="inactive", file=True, cluster="one", server="c1")
    assert kind_of(raft(server("a"), server("b"), down)) is Kind.START


def test_sessions_of_dead_members_are_ended() -> None:
    found = clients.diagnose_balancers(
        [BalancerFact(node="a"), BalancerFact(node="b", hung={"mariadb/c": 3})]
    )
    assert kind_of(found) is Kind.SWEEP
    assert found.move is not None
    assert (found.move.nodes, found.move.details["servers"]) == (("b",), "mariadb/c")


def test_a_service_that_runs_but_does_not_report_is_restarted_after_a_while() -> None:
    down = ServiceFact(kind="nova-conductor", host="a", up=False)
    units = {("nova-conductor", "a"): "nova-conductor.service"}
    assert clients.diagnose_services([down], units, {}, since=5, patient=True).health is Health.WAITING
    found = clients.diagnose_services([down], units, {}, since=5, patient=False)
    assert kind_of(found) is Kind.RESTART
    on_dead = clients.diagnose_services([down], units, {"a": "off"}, since=5, patient=False)
    assert on_dead.health is Health.HEALTHY
    assert "stale" in on_dead.sentence
