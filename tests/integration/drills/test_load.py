"""The open loop and its client against a server on the loopback that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stackhaven.drills.history import Call, History, Recorder, read_history
from stackhaven.drills.judge.figures import figures
from stackhaven.drills.judge.ledger import audit
from stackhaven.drills.load import loop
from stackhaven.drills.load.client import Client, ProbeFailed
from stackhaven.drills.load.http import CallError, Request, call
from stackhaven.drills.load.ledger import Ledger, apis, sweep
from stackhaven.drills.load.loop import AfterHealing, Load, Probe, one_call, rehearse
from tests.integration.drills.small_cloud import SmallCloud
from tests.unit.drills.records import header

pytestmark = pytest.mark.integration

Patch = pytest.MonkeyPatch
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    running = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/"


async def answer(writer: asyncio.StreamWriter, text: bytes) -> None:
    writer.write(text)
    await writer.drain()
    writer.close()


def saying(text: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answer(writer, text)

    return handler


async def hanging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    writer.close()


async def fetched(text: bytes) -> bytes:
    async with server(saying(text)) as url:
        return (await call(Request(method="GET", url=url), timeout_s=5)).body


def test_bodies_of_every_kind_are_read_whole() -> None:
    for text in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
    ):
        assert asyncio.run(fetched(text)) == b"hello"


@pytest.mark.parametrize(
    ("handler", "kind", "sent"),
    [
        (hanging, "no answer in time", True),
        (saying(b""), "cut off", True),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhe"), "cut off", True),
        (saying(b"nonsense\r\n\r\n"), "cut off", True),
    ],
)
def test_a_call_without_answer_tells_how_far_it_came(handler: Handler, kind: str, sent: bool) -> None:
    async def main() -> None:
        async with server(handler) as url:
            with pytest.raises(CallError) as raised:
                await call(Request(method="GET", url=url), timeout_s=0.3)
            assert (raised.value.kind, raised.value.sent) == (kind, sent)

    asyncio.run(main())


def test_a_closed_port_is_refused_and_nothing_was_sent() -> None:
    async def main() -> None:
        async with server(hanging) as url:
            pass
        with pytest.raises(CallError) as raised:
            await call(Request(method="POST", url=url), timeout_s=1)
        assert (raised.value.kind, raised.value.sent) == ("refused", False)

    asyncio.run(main())


def probe(attempt: Callable[[Client, float], Awaitable[None]], **changes: object) -> Probe:
    fields: dict[str, object] = {"period_s": 0.1, "deadline_s": 1.0}
    return Probe(name="token", does="test", attempt=attempt, **{**fields, **changes})  # type: ignore[arg-type]


CLIENT = Client(auth_url="", password="", region="", endpoints={})


def recorded(directory: Path, probes: list[Probe], seconds: float, *, heals: bool = False) -> History:
    """What a load of these probes writes down in this time; `heals`: healing has begun before it."""
    recorder = Recorder(directory)
    recorder.add(header(periods_s={one.name: one.period_s for one in probes}))
    if heals:
        recorder.event("heal", "power is back")
    load = Load(probes, CLIENT, recorder, lambda: None)
    load.start()
    time.sleep(seconds)
    load.stop()
    recorder.close()
    return read_history(directory)


def test_a_refused_call_is_repeated_once_and_an_unknown_one_only_where_that_is_harmless() -> None:
    async def main() -> None:
        outcomes = ["fail", "ok"]

        async def attempt(_: Client, __: float) -> None:
            outcome = outcomes.pop(0)
            if outcome != "ok":
                raise ProbeFailed("refused", outcome)  # type: ignore[arg-type]

        cured = await one_call(probe(attempt), CLIENT, time.monotonic(), time.monotonic)
        assert (cured.outcome, cured.attempts, cured.first_error) == ("ok", 2, "refused")
        outcomes[:] = ["unknown", "ok"]
        unknown = await one_call(probe(attempt), CLIENT, time.monotonic(), time.monotonic)
        assert (unknown.outcome, unknown.attempts) == ("unknown", 1)

    asyncio.run(main())


@pytest.mark.parametrize(("second", "outcome"), [("ok", "ok"), ("fail", "unknown")])
def test_an_unknown_call_that_may_be_repeated_stays_unknown_until_it_succeeds(
    second: str, outcome: str
) -> None:
    async def again(_: Client, __: float) -> None:
        if second != "ok":
            raise ProbeFailed("HTTP 503", "fail")

    async def attempt(_: Client, __: float) -> None:
        raise ProbeFailed("cut off", "unknown", again)

    ended = asyncio.run(one_call(probe(attempt), CLIENT, time.monotonic(), time.monotonic))
    assert (ended.outcome, ended.attempts, ended.first_error) == (outcome, 2, "cut off")


def test_an_open_loop_calls_on_while_the_cloud_hangs(tmp_path: Path) -> None:
    hang_until = time.monotonic() + 1.0

    async def attempt(_: Client, timeout_s: float) -> None:
        await asyncio.sleep(min(timeout_s, max(0.0, hang_until - time.monotonic())))

    found = figures(recorded(tmp_path, [probe(attempt, deadline_s=5.0)], 1.5), "token")
    assert found.calls >= 13, "a closed loop would have made six"
    assert found.latency["before"].p99_s == pytest.approx(1.0, abs=0.3)


def test_a_rare_probe_finds_the_end_of_a_short_outage_before_its_next_regular_call(tmp_path: Path) -> None:
    back = time.monotonic() + 0.4

    async def attempt(_: Client, __: float) -> None:
        if time.monotonic() < back:
            raise ProbeFailed("refused", "fail")

    history = recorded(tmp_path, [probe(attempt, period_s=30.0)], 1.5)
    assert [call.outcome for call in history.calls] == ["fail", "ok"]


def test_a_long_outage_is_not_asked_for_its_end_more_than_six_times(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    async def attempt(_: Client, __: float) -> None:
        raise ProbeFailed("refused", "fail")

    monkeypatch.setattr(loop, "FOLLOW_AFTER_S", 0.05)
    rare = probe(attempt, period_s=0.5, retries=False)
    boots = probe(attempt, period_s=0.5, retries=False, after_healing="none")
    history = recorded(tmp_path, [rare, replace(boots, name="boot")], 1.2)
    made = Counter(call.probe for call in history.calls)
    assert loop.FOLLOW_UPS < made["token"] <= loop.FOLLOW_UPS + 4
    assert 1 <= made["boot"] <= 3, "what costs the cloud much has regular calls only"


def test_where_the_first_success_matters_each_failure_is_followed_until_it_comes(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    back = time.monotonic() + 0.8

    async def attempt(_: Client, __: float) -> None:
        if time.monotonic() < back:
            raise ProbeFailed("refused", "fail")

    monkeypatch.setattr(loop, "SOUGHT_AFTER_S", 0.05)
    boots = probe(attempt, period_s=30.0, after_healing="one", retries=False)
    outcomes = [call.outcome for call in recorded(tmp_path, [boots], 2, heals=True).calls]
    assert len(outcomes) > loop.FOLLOW_UPS + 1
    assert outcomes == ["fail"] * (len(outcomes) - 1) + ["ok"]


@pytest.mark.parametrize(("after_healing", "calls_then"), [("one", 1), ("none", 0)])
def test_costly_calls_end_with_healing_or_with_the_first_success_then(
    after_healing: AfterHealing, calls_then: int, tmp_path: Path
) -> None:
    async def attempt(_: Client, __: float) -> None:
        return

    recorder = Recorder(tmp_path)
    recorder.add(header(periods_s={"token": 0.1}))
    load = Load([probe(attempt, after_healing=after_healing)], CLIENT, recorder, lambda: None)
    load.start()
    time.sleep(0.35)
    healing_since = recorder.event("heal", "power is back")
    time.sleep(0.5)
    load.stop()
    recorder.close()
    calls = read_history(tmp_path).calls
    assert len([call for call in calls if call.at < healing_since]) >= 3
    assert len([call for call in calls if call.at >= healing_since]) == calls_then


def test_a_strange_answer_is_an_outcome_and_the_loop_goes_on() -> None:
    async def main() -> None:
        async def attempt(_: Client, __: float) -> None:
            raise KeyError("id")

        strange = await one_call(probe(attempt), CLIENT, time.monotonic(), time.monotonic)
        assert (strange.outcome, strange.error) == ("unknown", "strange answer: KeyError")

    asyncio.run(main())


def test_the_rehearsal_names_what_fails() -> None:
    async def attempt(_: Client, __: float) -> None:
        raise ProbeFailed("HTTP 503", "fail")

    assert rehearse([probe(attempt)], CLIENT, lambda: None) == {"token": "HTTP 503"}


def test_the_load_runs_in_the_place_it_is_told(tmp_path: Path) -> None:
    stood: list[str] = []

    async def attempt(_: Client, __: float) -> None:
        stood.append(threading.current_thread().name)

    recorder = Recorder(tmp_path)
    load = Load([probe(attempt)], CLIENT, recorder, lambda: stood.append("stand"))
    load.start()
    time.sleep(0.3)
    load.stop()
    recorder.close()
    assert stood[0] == "stand"
    assert set(stood[1:]) == {"load"}


SERVICES = ("network", "compute", "image", "identity", "placement")


def written(directory: Path, cloud: SmallCloud, calls: int) -> tuple[History, dict[str, list[Call]]]:
    """The record of so many calls of each of the ledger's probes, and how each call ended."""
    recorder = Recorder(directory)
    recorder.add(header())
    ended: dict[str, list[Call]] = {}

    async def main() -> None:
        async with server(cloud.handle) as url:
            client = Client(
                auth_url=url, password="", region="", endpoints=dict.fromkeys(SERVICES, url), token="t"
            )
            ledger = Ledger(run="abc", recorder=recorder, apis=apis("ssh-ed25519 AAAA"))
            for one in ledger.probes():
                ended[one.name] = [
                    await one_call(one, client, time.monotonic(), time.monotonic) for _ in range(calls)
                ]
            await ledger.audit(client)
            assert await sweep(client, ledger.apis) == ()
            assert cloud.names() == []

    asyncio.run(main())
    recorder.close()
    return read_history(directory), ended


def test_the_ledger_writes_lists_and_sweeps_through_every_api(tmp_path: Path) -> None:
    history, _ = written(tmp_path, SmallCloud(), 2)
    assert len(history.writes) == 15
    assert [found.names for found in history.found] == [
        {f"haven-drill-abc-{api.name}-0": 1} for api in apis("")
    ]


def test_a_write_without_an_answer_is_asked_for_again_and_never_makes_two(tmp_path: Path) -> None:
    kinds = ("networks", "keypairs", "images", "regions", "traits")
    history, ended = written(tmp_path, SmallCloud(cuts=dict.fromkeys(kinds, 1)), 2)
    assert {(calls[0].outcome, calls[0].attempts) for calls in ended.values()} == {("ok", 2)}
    verdict = audit(history.writes, history.found)
    assert (verdict.wrong, verdict.unknown) == (0, 5)
    asked = [write.name for write in history.writes if write.api == "network"]
    assert asked[:2] == ["haven-drill-abc-network-0", "haven-drill-abc-network-1"], (
        "two networks may have one name, so the second has another"
    )


class CutsDeletions(SmallCloud):
    """Does the first deletion of each kind without an answer."""

    def _act(
        self, method: str, kind: str, rest: list[str], body: dict[str, dict[str, str]]
    ) -> tuple[int, object]:
        if method == "DELETE":
            self._cuts[kind] = 1 if kind not in self._cuts else 0
        return super()._act(method, kind, rest, body)


def test_a_deletion_without_an_answer_is_asked_for_again_and_may_find_nothing_left(tmp_path: Path) -> None:
    history, ended = written(tmp_path, CutsDeletions(), 2)
    assert {(calls[1].outcome, calls[1].attempts) for calls in ended.values()} == {("ok", 2)}
    assert audit(history.writes, history.found).wrong == 0
