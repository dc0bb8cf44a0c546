"""What one member decides at its start, from what it knows of itself and what its peers answer."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

galera = program("mariadb", "galera_start")
MEMBERS = ["a", "b", "c"]
OURS = "11111111-1111-1111-1111-111111111111"
THEIRS = "22222222-2222-2222-2222-222222222222"


def at(seqno: int, *, uuid: str = OURS, safe: bool = False) -> dict[str, Any]:
    return {"uuid": uuid, "seqno": seqno, "safe": safe}


def down(phase: str, position: dict[str, Any] | None = None, stored: dict[str, Any] | None = None) -> Any:
    start = {"phase": phase, "position": position, "boot_id": "boot"}
    return {"running": False, "boot_id": "boot", "start": start, "stored": stored}


def up(*, primary: bool, uuid: str = OURS) -> dict[str, Any]:
    return {"running": True, "primary": primary, "status": {"wsrep_cluster_state_uuid": uuid}}


def decided(mine: dict[str, Any], **peers: Any) -> tuple[str, str]:
    verb, sentence = galera.decide("a", mine, MEMBERS, peers)
    return verb, sentence


def test_a_primary_component_is_joined() -> None:
    verb, sentence = decided(at(5), b=up(primary=False), c=up(primary=True))
    assert (verb, sentence) == ("join", "c is in a primary component")


def test_another_cluster_is_not_joined_since_that_would_replace_the_data() -> None:
    verb, sentence = decided(at(5), b=up(primary=True, uuid=THEIRS), c=None)
    assert verb == "refuse"
    assert OURS in sentence
    assert THEIRS in sentence


def test_an_empty_member_joins_whatever_there_is() -> None:
    assert decided(at(-1, uuid=galera.NO_UUID), b=up(primary=True, uuid=THEIRS), c=None)[0] == "join"


def synced(sessions: int) -> dict[str, Any]:
    answer = up(primary=True)
    return answer | {"synced": True, "status": answer["status"] | {"threads_connected": str(sessions)}}


@pytest.mark.parametrize(
    ("peers", "name"),
    [
        ({"b": synced(45), "c": synced(3)}, "c"),
        ({"b": synced(3), "c": synced(45)}, "b"),
        ({"b": synced(9), "c": synced(10)}, "b"),
        ({"b": synced(45), "c": up(primary=True)}, None),
        ({"b": synced(45), "c": None}, None),
        ({"b": synced(45) | {"status": {}}, "c": synced(3)}, "b"),
    ],
)
def test_what_a_joining_member_lacks_comes_from_where_nobody_writes(peers: Any, name: str | None) -> None:
    """Where the writer gave it, all services lost their sessions a second time."""
    assert galera.donor(peers) == name


def test_a_joining_member_asks_its_donor_first_and_others_if_that_one_cannot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = tmp_path / "arguments"
    arguments.write_text(f"--wsrep_start_position={OURS}:5\n")
    monkeypatch.setattr(galera, "ARGUMENTS", str(arguments))
    galera.prefer(None)
    galera.prefer("c")
    assert arguments.read_text().split() == [f"--wsrep_start_position={OURS}:5", "--wsrep-sst-donor=c,"]


def test_a_component_without_quorum_is_rejoined() -> None:
    assert decided(at(5), b=up(primary=False), c=None)[0] == "rejoin"


def test_a_silent_member_is_waited_for_even_by_the_one_that_left_last() -> None:
    verb, sentence = decided(at(9, safe=True), b=None, c=down("deciding", at(5)))
    assert (verb, sentence) == ("wait", "no answer from b")


def test_a_member_on_its_way_up_is_waited_for() -> None:
    verb, sentence = decided(at(9), b=down("starting", at(5)), c=down("deciding", at(5)))
    assert (verb, sentence) == ("wait", "b is starting")


def test_a_member_that_crashed_and_does_not_start_has_no_known_position() -> None:
    verb, sentence = decided(at(9), b=down("stopped", stored=at(-1)), c=down("deciding", at(5)))
    assert verb == "wait"
    assert "position of b is not known" in sentence


def test_what_was_said_before_a_reboot_does_not_count() -> None:
    before = down("deciding", at(1))
    before["start"]["boot_id"] = "an earlier boot"
    assert decided(at(9), b=before, c=down("deciding", at(5)))[0] == "wait"


def test_an_orderly_stopped_member_is_compared_though_it_does_not_start() -> None:
    assert decided(at(9), b=down("stopped", stored=at(8)), c=down("deciding", at(5)))[0] == "bootstrap"
    verb, sentence = decided(at(9), b=down("stopped", stored=at(10)), c=down("deciding", at(5)))
    assert verb == "wait"
    assert sentence.startswith("b bootstraps: it has the highest position")


def test_a_mark_that_is_out_of_date_does_not_win() -> None:
    """The mark is set before a bootstrap; that member may have been lost before it wrote anything more."""
    stale = at(5, safe=True)
    assert decided(stale, b=down("deciding", at(9)), c=down("deciding", at(9)))[0] == "wait"


def test_different_clusters_are_refused() -> None:
    verb, sentence = decided(at(5), b=down("deciding", at(9, uuid=THEIRS)), c=down("deciding", at(5)))
    assert verb == "refuse"
    assert "haven recover" in sentence


def test_an_order_is_obeyed_from_the_position_it_names_only() -> None:
    order = {"position": f"{OURS}:9"}
    peers = {"b": None, "c": down("stopped", stored=at(-1))}
    assert galera.decide("a", at(9), MEMBERS, peers, order)[0] == "bootstrap"
    assert galera.decide("a", at(8), MEMBERS, peers, order)[0] == "refuse"


@pytest.mark.parametrize("peer", [up(primary=False), down("starting", at(3))])
def test_an_order_waits_for_members_that_run(peer: dict[str, Any]) -> None:
    order = {"position": f"{OURS}:9"}
    assert galera.decide("a", at(9), MEMBERS, {"b": peer, "c": None}, order)[0] == "wait"


def test_an_order_never_makes_a_second_primary_component() -> None:
    order = {"position": f"{OURS}:9"}
    assert galera.decide("a", at(9), MEMBERS, {"b": up(primary=True), "c": None}, order)[0] == "join"


positions = st.one_of(
    st.just(at(-1, uuid=galera.NO_UUID)),
    st.builds(at, st.integers(0, 4), uuid=st.just(OURS), safe=st.booleans()),
)


@given(st.tuples(positions, positions, positions))
def test_exactly_one_of_three_bootstraps_and_none_has_more(found: tuple[dict[str, Any], ...]) -> None:
    held = dict(zip(MEMBERS, found, strict=True))
    verbs = {
        me: galera.decide(me, held[me], MEMBERS, {n: down("deciding", p) for n, p in held.items() if n != me})
        for me in MEMBERS
    }
    chosen = [me for me, (verb, _) in verbs.items() if verb == "bootstrap"]
    assert len(chosen) == 1
    assert {verb for verb, _ in verbs.values()} == {"bootstrap", "wait"}
    winner = held[chosen[0]]
    assert all(amount(p) <= amount(winner) for p in found)


def amount(position: dict[str, Any]) -> tuple[bool, int]:
    return position["uuid"] != galera.NO_UUID, position["seqno"]


def grastate(folder: Path, seqno: int, uuid: str = OURS) -> None:
    text = f"# GALERA saved state\nversion: 2.1\nuuid:    {uuid}\nseqno:   {seqno}\nsafe_to_bootstrap: 0\n"
    (folder / "grastate.dat").write_text(text)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(galera, "DATA", str(tmp_path))
    monkeypatch.setattr(galera, "ARGUMENTS", str(tmp_path / "arguments"))
    return tmp_path


def recovery(output: str, code: int = 0, errors: str = "") -> Any:
    return lambda *_, **__: CompletedProcess([], code, output, errors)


def test_after_an_orderly_stop_the_file_is_believed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galera.subprocess, "run", recovery("", 1))
    grastate(data, 42)
    assert galera.read_position() == at(42)


def test_after_a_crash_innodb_is_asked(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galera.subprocess, "run", recovery(f"--wsrep_start_position={OURS}:77\n"))
    grastate(data, -1)
    assert galera.read_position() == at(77)
    assert (data / "arguments").read_text() == f"--wsrep_start_position={OURS}:77\n"


def test_a_lost_grastate_does_not_make_the_data_worthless(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galera.subprocess, "run", recovery(f"--wsrep_start_position={OURS}:77\n"))
    (data / "ibdata1").write_text("")
    assert galera.read_position() == at(77)


def test_an_empty_directory_has_no_position(data: Path) -> None:
    assert galera.read_position() == galera.NOTHING


def test_a_directory_half_filled_by_a_transfer_has_no_position(data: Path) -> None:
    (data / "ibdata1").write_text("")
    grastate(data, -1, uuid=galera.NO_UUID)
    assert galera.read_position()["uuid"] == galera.NO_UUID


def test_broken_data_is_said_to_be_broken(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galera.subprocess, "run", recovery("", 1, "[ERROR] InnoDB: Corrupted page\nAborting"))
    grastate(data, -1)
    with pytest.raises(galera.BrokenDataError, match="Corrupted page"):
        galera.read_position()


class Became(Exception):  # noqa: N818  a process that becomes another does not return
    pass


def test_the_server_is_started_as_decided_whatever_the_packaged_unit_does(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's unit took the order to bootstrap from another file after an update: no cloud could begin any more."""
    monkeypatch.setattr(galera.subprocess, "run", recovery(f"--wsrep_start_position={OURS}:77\n"))
    monkeypatch.setattr(galera, "ORDER", str(data / "order"))
    monkeypatch.setattr(galera, "note", lambda *_: None)
    grastate(data, -1)
    assert galera.claimed(galera.read_position(), "highest position", {})
    became: list[str] = []

    def become(_: str, arguments: list[str]) -> None:
        became.extend(arguments)
        raise Became

    monkeypatch.setattr(galera.os, "execv", become)
    monkeypatch.setenv("MYSQLD_OPTS", "--general-log")
    with pytest.raises(Became):
        galera.run()
    assert became == [
        "/usr/sbin/mariadbd",
        "--general-log",
        f"--wsrep_start_position={OURS}:77",
        "--wsrep-new-cluster",
    ]
