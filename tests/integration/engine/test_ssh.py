"""Real sshd on loopback: what is wrong with a host is told apart, and an interrupted run goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from stackhaven.engine.link import Link, LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.preflight import Requirements, preflight
from stackhaven.engine.ssh import SshTarget

SSHD = Path("/usr/sbin/sshd")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or not SSHD.exists(), reason="needs root and openssh-server"),
]


@dataclass(frozen=True)
class Server:
    """An sshd of our own, and how to reach it."""

    target: SshTarget
    process: subprocess.Popen[bytes]
    base: Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    for name in ("host", "key", "other"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)],
            check=True,
            timeout=20,
        )
    Path("/run/sshd").mkdir(exist_ok=True)
    (tmp_path / "home").mkdir()
    port = 20000 + os.getpid() % 10000
    config = tmp_path / "sshd.conf"
    config.write_text(
        f"ListenAddress 127.0.99.1\nPort {port}\nHostKey {tmp_path}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/key.pub\nPermitRootLogin prohibit-password\nSetEnv HOME={tmp_path}/home\n"
    )
    process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.99.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    target = SshTarget(
        name="n", address="127.0.99.1", port=port, known_hosts=known, key=tmp_path / "key", nearby=True
    )
    deadline = time.monotonic() + 10
    while not reachable(target) and time.monotonic() < deadline:
        time.sleep(0.05)
    yield Server(target, process, tmp_path)
    process.terminate()
    process.wait(timeout=10)


def reachable(target: SshTarget) -> bool:
    import socket

    try:
        socket.create_connection((target.address, target.port), timeout=1).close()
    except OSError:
        return False
    return True


async def greet(target: SshTarget) -> int:
    async with asyncio.timeout(30):
        link = await Link.open(target)
        try:
            facts = await link.call("hello", timeout_s=20)
        finally:
            await link.close()
        return int(facts["uid"])


def refusal(target: SshTarget) -> str:
    with pytest.raises(LinkLostError) as caught:
        asyncio.run(greet(target))
    return caught.value.reason


def test_it_works(server: Server) -> None:
    assert asyncio.run(greet(server.target)) == 0


def test_each_way_to_fail_is_told_by_its_name(server: Server) -> None:
    target, base = server.target, server.base
    wrong, none = base / "wrong", base / "none"
    wrong.write_text(f"[127.0.99.1]:{target.port} {(base / 'other.pub').read_text()}")
    none.write_text("")
    assert "wrong host key" in refusal(replace(target, known_hosts=wrong))
    assert "not known to this cloud" in refusal(replace(target, known_hosts=none))
    assert "authentication refused" in refusal(replace(target, key=base / "other"))
    assert "connection refused" in refusal(replace(target, port=target.port - 1))
    assert "does not resolve" in refusal(replace(target, address="no-such-host.invalid"))


def test_preflight_tells_all_of_them_together(server: Server) -> None:
    targets = {
        "good": server.target,
        "closed": replace(server.target, name="closed", port=server.target.port - 1),
        "refused": replace(server.target, name="refused", key=server.base / "other"),
    }

    async def main() -> list[str]:
        pool = Pool(targets, Limits())
        wanted = Requirements(distribution=None, systemd=False, memory_mb=10**9)
        problems = await preflight(pool, list(targets), wanted)
        await pool.close()
        return [f"{problem.node} {problem.rule}" for problem in problems]

    assert asyncio.run(main()) == ["good node-memory", "closed node-link", "refused node-link"]


SCRIPT = """
import asyncio, sys
from pathlib import Path
from stackhaven.engine.journal import Journal
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.ssh import SshTarget
from stackhaven.engine.stop import Stop, stop_on_signals
from stackhaven.plan import Command, Step, everywhere
from stackhaven.plan.mask import Masker
from stackhaven.plan.plan import Plan

base, port = Path(sys.argv[1]), int(sys.argv[2])
target = SshTarget(
    name="n", address="127.0.99.1", port=port, known_hosts=base / "known_hosts", key=base / "key", nearby=True
)

def action(i, n):
    mark = base / f"mark{i}"
    script = f"echo x >> {base}/starts; sleep 0.4; touch {mark}"
    return Command(what=f"s{i}", check=("test", "-e", str(mark)), apply=("sh", "-c", script))

steps = [
    Step(
        name=f"s{i}",
        title=f"S{i}",
        nodes=("n",),
        resources=lambda n, i=i: (action(i, n),),
        needs=(everywhere(f"s{i-1}"),) if i else (),
    )
    for i in range(6)
]

async def main():
    masker = Masker()
    pool = Pool({"n": target}, Limits())
    with Journal(base / "run.jsonl", masker) as journal, stop_on_signals(Stop()) as stop:
        result = await run(Plan.of(steps), pool, mode=Mode.APPLY, journal=journal, masker=masker, stop=stop)
        await pool.close()
    print(result.verdict, result.totals, flush=True)
    return result.exit_code

sys.exit(asyncio.run(main()))
"""


def start(server: Server) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", SCRIPT, str(server.base), str(server.target.port)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was never made"
        time.sleep(0.02)


def test_ctrl_c_ends_the_running_step_and_the_next_run_goes_on(server: Server) -> None:
    child = start(server)
    wait_for(server.base / "mark1")
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    assert child.returncode == 130
    assert out.startswith("stopped")
    done = len(list(server.base.glob("mark*")))
    assert 2 <= done <= 4
    again = start(server)
    out, _ = again.communicate(timeout=30)
    assert out.startswith("ok")
    assert f"'ok': {done}" in out
    assert (server.base / "starts").read_text().count("x") == 6


@pytest.mark.parametrize("moment", [0.1, 0.35, 0.6, 0.9, 1.3])
def test_a_controller_killed_without_a_word_leaves_nothing_behind(server: Server, moment: float) -> None:
    child = start(server)
    time.sleep(moment)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=10)
    again = start(server)
    out, _ = again.communicate(timeout=30)
    assert out.startswith("ok")
    assert len(list(server.base.glob("mark*"))) == 6
    assert (server.base / "starts").read_text().count("x") <= 7
