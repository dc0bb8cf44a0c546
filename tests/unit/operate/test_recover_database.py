"""From what is left of the Galera members to the next move, and from move to move until all is well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.operate.recover.database import broken_rule, certainly_all, diagnose
from stackhaven.operate.recover.facts import NO_UUID, DatabaseFact, Position
from stackhaven.operate.recover.move import Health, Kind, Move

pytestmark = pytest.mark.unit

OURS, THEIRS = "1" * 36, "2" * 36
NAMES = ("a", "b", "c")


def at(seqno: int, uuid: str = OURS) -> Position:
    return Position(seqno=seqno, uuid=uuid)


def synced(node: str, *, committed: int = 9, uuid: str = OURS, size: int = 3) -> DatabaseFact:
    return DatabaseFact(
        node=node, unit="active", running=True, primary=True, synced=True,
        state="Synced", uuid=uuid, size=size, committed=committed,
    )  # fmt: skip


def alone(node: str) -> DatabaseFact:
    return replace(synced(node), primary=False, synced=False, state="Initialized")


def deciding(node: str, position: Position | None = None) -> DatabaseFact:
    return DatabaseFact(node=node, unit="activating", phase="deciding", position=position or at(9))


def stopped(node: str, position: Position | None = None) -> DatabaseFact:
    return DatabaseFact(node=node, unit="inactive", position=position)


def broken(node: str) -> DatabaseFact:
    return DatabaseFact(node=node, unit="activating", phase="broken", said="Corrupted page")


DEAD = {"c": "unreachable: no answer"}


def test_three_synced_members_need_nothing() -> None:
    found = diagnose([synced(n) for n in NAMES], {})
    assert (found.health, found.move) == (Health.HEALTHY, None)


def test_a_dead_machine_is_named_and_the_rest_is_healthy() -> None:
    found = diagnose([synced("a", size=2), synced("b", size=2)], DEAD)
    assert found.health is Health.HEALTHY
    assert "c does not answer" in found.sentence


def test_members_that_can_decide_by_themselves_are_left_to_it() -> None:
    found = diagnose([deciding(n) for n in NAMES], {}, patient=False, gone=True)
    assert found.health is Health.WAITING


def test_a_member_that_may_come_back_is_waited_for_first() -> None:
    assert diagnose([deciding("a"), deciding("b")], DEAD).health is Health.WAITING


def test_without_a_member_the_highest_is_copied_and_then_bootstrapped() -> None:
    members = [deciding("a", at(7)), deciding("b", at(9))]
    first = diagnose(members, DEAD, gone=True)
    assert first.move is not None
    assert (first.move.kind, first.move.nodes, first.move.stake) == (Kind.COPY, ("b",), "")
    then = diagnose(members, DEAD, gone=True, copied=frozenset({"b"}))
    assert then.move is not None
    assert (then.move.kind, then.move.nodes) == (Kind.BOOTSTRAP, ("b",))
    assert "only c has are lost" in then.move.stake
    assert then.move.details["position"] == str(at(9))


def test_the_view_on_disk_proves_that_nobody_else_has_more() -> None:
    view = frozenset({"id-a", "id-b"})
    members = [replace(deciding(n), view=view, self_id=f"id-{n}") for n in ("a", "b")]
    found = diagnose(members, DEAD, gone=True, copied=frozenset({"a"}))
    assert found.move is not None
    assert found.move.stake == ""
    assert "nobody else can have later commits" in found.evidence[-1]
    assert certainly_all([replace(m, view=view | {"id-c"}) for m in members], "a") == ""


def test_a_survivor_without_quorum_is_stopped_then_started_then_decided() -> None:
    assert diagnose([alone("a")], {"b": "dead", **DEAD}, patient=False).health is Health.WAITING
    found = diagnose([alone("a")], {"b": "dead", **DEAD}, patient=False, gone=True)
    assert found.move is not None
    assert found.move.kind is Kind.STOP
    found = diagnose([stopped("a", at(9))], {"b": "dead", **DEAD}, gone=True)
    assert found.move is not None
    assert found.move.kind is Kind.START


def test_different_clusters_wait_for_a_choice() -> None:
    members = [deciding("a"), deciding("b", at(99, THEIRS)), deciding("c")]
    found = diagnose(members, {}, patient=False, gone=True)
    assert found.health is Health.STUCK
    assert "--take NODE" in found.todo
    chosen = diagnose(members, {}, take="a")
    assert chosen.move is not None
    assert (chosen.move.kind, chosen.move.nodes) == (Kind.STOP, ("b", "c")), (
        "nobody else may decide meanwhile"
    )
    quiet = [members[0], stopped("b"), stopped("c")]
    assert [m.kind for m in (diagnose(quiet, {}, take="a").move,) if m] == [Kind.COPY]
    told = diagnose(quiet, {}, take="a", copied=frozenset({"a"}))
    assert told.move is not None
    assert told.move.kind is Kind.BOOTSTRAP
    assert told.move.stake


@pytest.mark.parametrize(
    "member",
    [
        broken("c"),
        deciding("c", at(5, THEIRS)),
        deciding("c", at(12)),
        replace(stopped("c"), unit="activating", absent=True, empty=True),
    ],
    ids=["broken", "of another cluster", "ahead of the cluster", "without a directory"],
)
def test_a_member_that_cannot_join_with_its_data_takes_a_copy(member: DatabaseFact) -> None:
    found = diagnose([synced("a"), synced("b"), member], {})
    assert found.move is not None
    assert (found.move.kind, found.move.nodes) == (Kind.RESEED, ("c",))
    assert bool(found.move.stake) is not member.empty


def test_a_member_that_ends_again_and_again_is_given_time_first() -> None:
    member = replace(stopped("c"), unit="activating", restarts=9, log=("[ERROR] states diverged",))
    assert diagnose([synced("a"), synced("b"), member], {}).health is Health.WAITING
    found = diagnose([synced("a"), synced("b"), member], {}, patient=False)
    assert found.move is not None
    assert found.move.kind is Kind.RESEED
    assert "states diverged" in found.evidence[-1]


def test_a_stopped_member_is_just_started() -> None:
    found = diagnose([synced("a"), synced("b"), stopped("c", at(5))], {})
    assert found.move is not None
    assert (found.move.kind, found.move.stake) == (Kind.START, "")


def test_two_components_wait_for_a_choice() -> None:
    members = [synced("a", size=1), synced("b", size=1, uuid=THEIRS)]
    assert diagnose(members, {}).health is Health.STUCK
    found = diagnose(members, {}, take="b")
    assert found.move is not None
    assert (found.move.kind, found.move.nodes) == (Kind.RESEED, ("a",))
    assert found.move.stake


def test_nothing_but_empty_members_beside_a_missing_one_is_no_reason_to_found_a_cluster() -> None:
    found = diagnose([deciding("a", at(-1, NO_UUID)), deciding("b", at(-1, NO_UUID))], DEAD, gone=True)
    assert found.health is Health.STUCK
    assert "backup" in found.todo


def bootstrap(node: str, position: Position) -> Move:
    return Move(
        area="database", kind=Kind.BOOTSTRAP, nodes=(node,), sentence="bootstrap",
        details={"position": str(position)},
    )  # fmt: skip


def test_rules_hold_whatever_is_proposed() -> None:
    assert broken_rule(bootstrap("a", at(9)), [deciding("a"), deciding("b", at(8))]) == ""
    assert "b runs" in broken_rule(bootstrap("a", at(9)), [deciding("a"), alone("b")])
    assert "b has more" in broken_rule(bootstrap("a", at(9)), [deciding("a"), deciding("b", at(10))])
    assert "a is not at" in broken_rule(bootstrap("a", at(8)), [deciding("a"), deciding("b", at(8))])
    reseed = Move(area="database", kind=Kind.RESEED, nodes=("a",), sentence="reseed")
    assert broken_rule(reseed, [deciding("a"), deciding("b")])
    assert broken_rule(reseed, [deciding("a"), synced("b")]) == ""


positions = st.one_of(
    st.none(), st.builds(at, st.integers(0, 5), st.sampled_from((OURS, THEIRS))), st.just(at(-1, NO_UUID))
)


@st.composite
def members(draw: st.DrawFn) -> tuple[list[DatabaseFact], dict[str, str]]:
    """Any mixture of members, with machines that do not answer."""
    there: list[DatabaseFact] = []
    silent: dict[str, str] = {}
    for name in NAMES:
        kind = draw(st.sampled_from(("silent", "stopped", "deciding", "broken", "alone", "starting")))
        if kind == "silent":
            silent[name] = "unreachable"
        elif kind in {"stopped", "deciding"}:
            made = {"stopped": stopped, "deciding": deciding}[kind](name, draw(positions))
            there.append(made)
        elif kind == "starting":
            there.append(DatabaseFact(node=name, unit="activating", phase="starting"))
        else:
            there.append({"broken": broken, "alone": alone}[kind](name))
    return there, silent


class Cloud:
    """What a move does to the facts, as a real cloud would answer it; members that may decide do so at once."""

    def __init__(self, there: list[DatabaseFact], silent: dict[str, str], take: str) -> None:
        self.take = take
        self.members = {m.node: m for m in there}
        self.silent = silent
        self.held = {m.node: m.position or at(m.committed if m.running else 1) for m in there}

    def make(self, move: Move) -> None:
        facts = list(self.members.values())
        assert broken_rule(move, facts, self.take) == ""
        for node in move.nodes:
            getattr(self, move.kind.name.lower())(node)
        self.settle()

    def start(self, node: str) -> None:
        self.members[node] = deciding(node, self.held[node])

    def stop(self, node: str) -> None:
        self.members[node] = stopped(node)

    def copy(self, _: str) -> None:
        """Changes nothing that is looked at."""

    def bootstrap(self, node: str) -> None:
        mine = self.held[node]
        rivals = [
            p for n, p in self.held.items() if self.members[n].phase == "deciding" and p.uuid == mine.uuid
        ]
        assert self.take or all(mine >= p for p in rivals)
        self.members[node] = synced(node, committed=self.held[node].seqno, uuid=self.held[node].uuid, size=1)

    def reseed(self, node: str) -> None:
        lead = next(m for m in self.members.values() if m.primary)
        self.held[node] = at(lead.committed, lead.uuid)
        self.members[node] = replace(lead, node=node)

    def settle(self) -> None:
        """Members that wait for a primary component join it, when their data allows."""
        lead = next((m for m in self.members.values() if m.primary), None)
        for name, m in self.members.items():
            can = m.phase in {"deciding", "starting"} and lead is not None
            if can and lead is not None and self.held[name].uuid in {lead.uuid, NO_UUID}:
                self.members[name] = replace(lead, node=name)
        up = [n for n, m in self.members.items() if m.primary]
        for name in up:
            self.members[name] = replace(self.members[name], size=len(up))


@settings(max_examples=300, deadline=None)
@given(members(), st.sampled_from(("", *NAMES)), st.integers(0, 12))
def test_moves_end_in_health_or_in_a_sentence_wherever_they_are_cut_off(
    facts: tuple[list[DatabaseFact], dict[str, str]], take: str, cut: int
) -> None:
    cloud = Cloud(*facts, take)
    copied: frozenset[str] = frozenset()
    for number in range(40):
        if number == cut:
            copied = frozenset()  # a new run knows nothing of the one before
        found = diagnose(
            list(cloud.members.values()), cloud.silent, patient=False, gone=True, take=take, copied=copied
        )
        if found.move is None:
            assert found.health in {Health.HEALTHY, Health.WAITING, Health.STUCK}
            assert found.health is not Health.STUCK or found.todo
            return
        assert found.move.evidence
        cloud.make(found.move)
        copied = frozenset(found.move.nodes) if found.move.kind is Kind.COPY else frozenset()
    pytest.fail(f"does not end: {found}")
