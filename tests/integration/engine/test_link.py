"""Links to processes that behave badly: every wait ends, every loss is told, nothing hangs."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackhaven.engine.journal import Journal
from stackhaven.engine.link import Link, LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.ssh import LocalTarget, Target
from stackhaven.plan import Command, File, Step, everywhere
from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import State
from stackhaven.plan.plan import Plan

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Script:
    """A target whose agent is a script of ours."""

    text: str
    name: str = "bad"

    def argv(self) -> list[str]:
        return [sys.executable, "-c", self.text]


READ = (
    "import sys,time\nr=sys.stdin.buffer\nr.read(int(r.readline()))\nm=r.readline().decode()\nw=sys.stdout\n"
)


async def opened(target: Target, *, timeout_s: float = 5) -> Link:
    async with asyncio.timeout(15):
        return await Link.open(target, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("", "said nothing"),
        ("import sys; sys.exit('bash: python3: command not found')", "there is no python3"),
        ("print('x' * 100000)", "the agent did not start"),
        ("import time; time.sleep(60)", "no answer"),
        ("import os; os.close(1); import time; time.sleep(60)", "the agent did not start"),
        ("import sys; sys.exit('Host key verification failed.')", "host key is not known"),
        ("import sys; sys.exit('@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @')", "wrong host key"),
        ("import sys; sys.exit('root@x: Permission denied (publickey).')", "authentication refused"),
        ("import sys; sys.exit('ssh: connect to host x port 22: Connection refused')", "connection refused"),
        ("import sys; sys.exit('sudo: a password is required')", "no sudo without a password"),
    ],
)
def test_an_agent_that_does_not_start_is_told_with_the_reason(script: str, reason: str) -> None:
    with pytest.raises(LinkLostError) as caught:
        asyncio.run(opened(Script(script), timeout_s=1))
    assert reason in caught.value.reason


def test_a_missing_client_is_told() -> None:
    with pytest.raises(LinkLostError, match="cannot start /no/such"):
        asyncio.run(opened(LocalTarget(name="x", prefix=("/no/such",))))


def test_what_a_login_prints_first_is_discarded() -> None:
    target = LocalTarget(
        name="x", prefix=("sh", "-c", 'echo Welcome; printf half; exec "$@"', "sh"), python=sys.executable
    )

    async def main() -> None:
        link = await opened(target)
        await link.call("ping", timeout_s=5)
        await link.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("sys.exit()", "connection was lost"),
        ("r.readline(); sys.exit('Connection to x closed by remote host.')", "closed by remote host"),
        ("r.readline(); w.write('not json\\n'); w.flush(); time.sleep(60)", "not an answer"),
        (
            'r.readline(); w.write(\'{"id": null, "ok": false}\\n\'); w.flush(); time.sleep(60)',
            "not an answer",
        ),
        ("r.readline(); w.write('[1]\\n'); w.flush(); time.sleep(60)", "not an answer"),
        ("time.sleep(60)", "no answer within"),
        ("r.close(); time.sleep(60)", "no answer within|broke"),
    ],
)
def test_a_link_that_breaks_in_a_call_ends_the_call(behaviour: str, reason: str) -> None:
    async def main() -> None:
        link = await opened(Script(f"{READ}w.write(m); w.flush()\n{behaviour}"))
        async with asyncio.timeout(10):
            with pytest.raises(LinkLostError, match=reason):
                await link.call("check", timeout_s=1, resources=[])
            assert link.lost
            with pytest.raises(LinkLostError):
                await link.call("check", timeout_s=1)
            await link.close()

    asyncio.run(main())


def test_closing_ends_a_process_that_does_not_want_to() -> None:
    stubborn = (
        f"{READ}import signal\nsignal.signal(15, signal.SIG_IGN)\nw.write(m); w.flush()\ntime.sleep(600)"
    )

    async def main() -> float:
        link = await opened(Script(stubborn))
        began = time.monotonic()
        await link.close(grace_s=0.2)
        assert link._process.returncode is not None
        return time.monotonic() - began

    assert asyncio.run(main()) < 5


def steps(base: Path) -> list[Step]:
    def mark(name: str) -> Command:
        path = base / name
        return Command(
            what=name, check=("test", "-e", str(path)), apply=("sh", "-c", f"sleep 0.05; touch {path}")
        )

    return [
        Step(
            name="a",
            title="A",
            nodes=("n1", "n2"),
            resources=lambda n: (File(path=f"{base}/{n}/f", content=n), mark(f"{n}-a")),
        ),
        Step(
            name="b",
            title="B",
            nodes=("n1", "n2"),
            resources=lambda n: (mark(f"{n}-b"),),
            needs=(everywhere("a"),),
            serial=True,
        ),
        Step(name="free", title="F", nodes=("n2",), resources=lambda n: (mark(f"{n}-free"),)),
    ]


@pytest.mark.parametrize("moment", range(12))
def test_a_link_killed_at_any_moment_loses_nothing(tmp_path: Path, moment: int) -> None:
    async def once(kill_after: float | None) -> dict[tuple[str, str], State]:
        links: list[Link] = []

        async def opener(target: Target) -> Link:
            link = await Link.open(target)
            links.append(link)
            return link

        async def killer() -> None:
            await asyncio.sleep(kill_after or 0)
            for link in links:
                if link.node == "n1" and link._process.returncode is None:
                    link._process.kill()

        targets = {n: LocalTarget(name=n, python=sys.executable) for n in ("n1", "n2")}
        pool = Pool(targets, Limits(), opener=opener)
        masker = Masker()
        killing = asyncio.ensure_future(killer()) if kill_after is not None else None
        async with asyncio.timeout(30):
            result = await run(
                Plan.of(steps(tmp_path)), pool, mode=Mode.APPLY, journal=Journal(None, masker), masker=masker
            )
            await pool.close()
        if killing:
            await killing
        return {work: outcome.state for work, outcome in result.outcomes.items()}

    broken = asyncio.run(once(0.03 + 0.03 * moment))
    assert broken["free", "n2"] in {State.CHANGED, State.OK}
    assert set(broken.values()) <= {State.OK, State.CHANGED, State.LOST, State.BLOCKED}
    repaired = asyncio.run(once(None))
    assert set(repaired.values()) <= {State.OK, State.CHANGED}
    assert set(asyncio.run(once(None)).values()) == {State.OK}
