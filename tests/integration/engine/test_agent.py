"""The agent as it runs on a node, here as a process of this machine behind a real link."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.engine.bundle import payload, remote_command
from stackhaven.engine.link import AgentFailedError, Link
from stackhaven.engine.ssh import LocalTarget
from stackhaven.plan import Absent, Command, Directory, File, Package, Resource, Symlink, Sysctl, Wait

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="the agent sets owners, which only root may"),
]

TARGET = LocalTarget(name="here", python=sys.executable)


def with_agent(work: Callable[[Link], Awaitable[Any]], state: Path | None = None) -> Any:
    async def main() -> Any:
        link = await Link.open(TARGET)
        try:
            async with asyncio.timeout(60):
                await link.call("hello", timeout_s=20, state_dir=str(state or "/nonexistent"))
                return await work(link)
        finally:
            await link.close()

    return asyncio.run(main())


def check(*resources: Resource, lazy: bool = False) -> list[dict[str, Any]]:
    return with_agent(
        lambda link: link.call("check", timeout_s=20, resources=[r.wire() for r in resources], lazy=lazy)
    )


def apply(resource: Resource, state: Path | None = None) -> dict[str, Any]:
    return with_agent(lambda link: link.call("apply", timeout_s=30, resource=resource.wire()), state)


def converges(resource: Resource, state: Path | None = None) -> dict[str, Any]:
    """Apply, then see that a check holds and that a second apply changes nothing."""
    first = apply(resource, state)
    assert check(resource) == [{"holds": True}]
    assert not apply(resource, state)["changed"]
    return first


def test_a_file_is_made_with_rights_and_parents(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.conf"
    file = File(path=str(path), content="größe\n", mode=0o640, owner="nobody", group="nogroup")
    assert check(file)[0]["why"] == "is not there"
    assert converges(file)["did"] == "created"
    found = path.stat()
    assert (found.st_mode & 0o7777, path.owner(), path.group()) == (0o640, "nobody", "nogroup")
    assert path.parent.stat().st_mode & 0o7777 == 0o755


def test_a_changed_file_is_replaced_in_one_step_and_the_previous_version_is_kept(tmp_path: Path) -> None:
    path, state = tmp_path / "x.conf", tmp_path / "state"
    path.write_text("old\n")
    inode = path.stat().st_ino
    answer = converges(File(path=str(path), content="new\n"), state)
    assert (answer["did"], answer["before"]) == ("content updated", "old\n")
    assert path.stat().st_ino != inode
    kept = state / "previous" / str(path).lstrip("/")
    assert kept.read_text() == "old\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir() if "haven-" in entry.name] == []


def test_wrong_rights_are_corrected_without_writing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("same")
    path.chmod(0o666)
    inode = path.stat().st_ino
    assert converges(File(path=str(path), content="same"))["did"] == "mode 0666 -> 0644"
    assert path.stat().st_ino == inode


def test_a_sensitive_file_never_travels_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old key")
    assert check(File(path=str(path), content="new key", sensitive=True))[0]["before"] is None


def test_left_over_temporary_files_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".x.haven-00ff00ff").write_text("half")
    apply(File(path=str(tmp_path / "x"), content="whole"))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["x"]


def test_a_user_that_is_not_there_yet_is_said_and_fails_to_apply(tmp_path: Path) -> None:
    file = File(path=str(tmp_path / "x"), content="", owner="no-such-user")
    with pytest.raises(AgentFailedError, match="no user 'no-such-user'"):
        apply(file)
    (tmp_path / "x").touch()
    assert "no user" in check(file)[0]["why"]


def test_a_directory_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentFailedError, match="refusing to replace"):
        apply(File(path=str(tmp_path), content=""))


def test_directories_links_and_absences(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    assert converges(Directory(path=str(directory), mode=0o2770, group="nogroup"))["did"] == "created"
    assert directory.stat().st_mode & 0o7777 == 0o2770
    link = tmp_path / "link"
    assert converges(Symlink(path=str(link), target="/dev/null"))["changed"]
    assert converges(Symlink(path=str(link), target="a/b"))["did"] == "updated, points to a/b"
    assert converges(Absent(path=str(link)))["did"] == "removed"
    assert not link.is_symlink()
    with pytest.raises(AgentFailedError, match="cannot be removed"):
        apply(Absent(path=str(tmp_path / "a")))
    assert converges(Absent(path=str(directory)))["changed"]


def test_a_command_runs_once_with_its_secret_on_standard_input_only(tmp_path: Path) -> None:
    mark, seen = tmp_path / "mark", tmp_path / "seen"
    command = Command(
        what="mark",
        check=("test", "-e", str(mark)),
        apply=("sh", "-c", f"cat > {mark}; tr '\\0' ' ' < /proc/$PPID/cmdline > {seen}; env >> {seen}"),
        stdin="top secret",
    )
    assert converges(command)["did"] == "done"
    assert mark.read_text() == "top secret"
    assert "top secret" not in seen.read_text()


def test_a_command_runs_as_its_user_with_a_clean_environment(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    out = tmp_path / "out"
    command = Command(
        what="who",
        check=("test", "-s", str(out)),
        apply=("sh", "-c", f"(id -un; id -Gn; env | cut -d= -f1 | sort) > {out}"),
        user="nobody",
    )
    converges(command)
    user, groups, *names = out.read_text().split("\n")
    assert (user, groups) == ("nobody", "nogroup")
    assert {"HOME", "LC_ALL", "LOGNAME", "PATH", "USER"} <= set(names)
    assert set(names) <= {"HOME", "LC_ALL", "LOGNAME", "PATH", "USER", "PWD", "SHLVL", "_", "OLDPWD", ""}


def test_a_failing_command_shows_the_end_of_its_output() -> None:
    command = Command(what="x", check=("false",), apply=("sh", "-c", "seq 100; echo broken >&2; exit 3"))
    with pytest.raises(AgentFailedError) as caught:
        apply(command)
    assert caught.value.what.startswith("exit code 3:")
    assert caught.value.what.endswith("100\nbroken")
    assert "\n85\n" not in caught.value.what


def test_a_command_that_succeeds_without_effect_has_failed() -> None:
    with pytest.raises(AgentFailedError, match="done, but still not as wanted: exit code 1"):
        apply(Command(what="x", check=("false",), apply=("true",)))


def test_a_command_is_tried_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo x >> {count}; test $(wc -l < {count}) -ge 3"
    command = Command(
        what="x", check=("sh", "-c", f"test $(wc -l < {count}) -ge 3"), apply=("sh", "-c", script), retries=3,
        retry_delay_s=0.05,
    )  # fmt: skip
    assert apply(command)["did"] == "done at attempt 3"


def test_the_whole_process_group_dies_at_the_limit(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = f"sleep 300 & echo $! > {pid}; wait"
    began = time.monotonic()
    with pytest.raises(AgentFailedError, match=r"exit code 124.*\n.*not done within 0.5 s"):
        apply(Command(what="x", check=("false",), apply=("sh", "-c", script), timeout_s=0.5))
    assert time.monotonic() - began < 10
    assert not alive(int(pid.read_text()))


def test_the_agents_processes_die_with_the_link(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    async def work(link: Link) -> None:
        command = Command(
            what="x", check=("false",), apply=("sh", "-c", f"sleep 300 & echo $! > {pid}; wait")
        )
        call = asyncio.ensure_future(link.call("apply", timeout_s=30, resource=command.wire()))
        while not pid.exists() or not pid.read_text():
            await asyncio.sleep(0.02)
        call.cancel()

    with_agent(work)
    deadline = time.monotonic() + 10
    while alive(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(pid.read_text()))


def test_a_daemon_that_keeps_the_output_open_does_not_hang_the_agent(tmp_path: Path) -> None:
    command = Command(
        what="x",
        check=("test", "-e", str(tmp_path / "m")),
        apply=("sh", "-c", f"sleep 5 & touch {tmp_path}/m"),
    )
    began = time.monotonic()
    assert apply(command)["changed"]
    assert time.monotonic() - began < 4


def test_once_something_differs_actions_and_gates_are_not_asked(tmp_path: Path) -> None:
    mark = tmp_path / "asked"
    found = check(
        Command(what="before", check=("true",), apply=("true",)),
        File(path=str(tmp_path / "x"), content=""),
        Command(what="after", check=("touch", str(mark)), apply=("true",)),
        lazy=True,
    )
    assert [(f["holds"], f.get("known")) for f in found] == [(True, None), (False, True), (False, False)]
    assert not mark.exists()


def test_a_gate_opens_when_it_holds_and_says_why_it_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "open"
    gate = Wait(
        what="mark",
        argv=("sh", "-c", f"test -e {mark} || {{ echo not yet; exit 1; }}"),
        deadline_s=0.3,
        interval_s=0.05,
    )
    with pytest.raises(
        AgentFailedError, match=r"did not hold within 0\.3 s; last answer: exit code 1: not yet"
    ):
        apply(gate)

    async def work(link: Link) -> Any:
        call = asyncio.ensure_future(
            link.call("apply", timeout_s=20, resource=(gate.wire() | {"deadline_s": 10}))
        )
        await asyncio.sleep(0.3)
        mark.touch()
        return await call

    assert with_agent(work)["changed"] is False


def test_gates_on_ports_and_urls() -> None:
    async def serve(link: Link) -> list[dict[str, Any]]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"HTTP/1.0 301 Moved\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        gates = [
            Wait(what="p", tcp=("127.0.0.1", port)),
            Wait(what="u", url=f"http://127.0.0.1:{port}/", status=(301,)),
            Wait(what="u", url=f"http://127.0.0.1:{port}/"),
            Wait(what="p", tcp=("127.0.0.1", 1)),
        ]
        async with server:
            return list(
                await link.call("check", timeout_s=20, resources=[g.wire() for g in gates], lazy=False)
            )

    found = with_agent(serve)
    assert [f["holds"] for f in found] == [True, True, False, False]
    assert "answers 301" in found[2]["why"]
    assert "Connection refused" in found[3]["why"]


@pytest.mark.skipif(not Path("/var/lib/dpkg/status").exists(), reason="no Debian system")
def test_packages_are_looked_up() -> None:
    assert check(Package(names=("dpkg", "bash"))) == [{"holds": True}]
    assert check(Package(names=("dpkg", "no-such-package")))[0]["why"] == "not installed: no-such-package"


def test_optional_kernel_settings_that_cannot_be_set_do_not_count() -> None:
    found = check(
        Sysctl(name="haven-test-never-written", values={"net.no.such": "1"}, optional=("net.no.such",))
    )
    assert found[0]["why"] == "its file is not there"
    needed = check(Sysctl(name="haven-test-never-written", values={"net.no.such": "1"}))
    assert "net.no.such is missing" in needed[0]["why"]


def test_several_requests_run_at_the_same_time() -> None:
    async def work(link: Link) -> float:
        slow = Command(what="x", check=("sleep", "0.5"), apply=("true",)).wire()
        began = time.monotonic()
        await asyncio.gather(
            *(link.call("check", timeout_s=20, resources=[slow], lazy=False) for _ in range(8))
        )
        return time.monotonic() - began

    assert with_agent(work) < 2.0


def test_unknown_operations_and_kinds_are_refused() -> None:
    async def work(link: Link) -> None:
        with pytest.raises(AgentFailedError, match="unknown operation: 'eval'"):
            await link.call("eval", timeout_s=5)
        found = await link.call("check", timeout_s=5, resources=[{"kind": "shell", "label": "x"}], lazy=False)
        assert "unknown kind" in found[0]["why"]

    with_agent(work)


def test_the_agent_speaks_only_json_to_us_whatever_it_is_told() -> None:
    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=60), st.from_regex(rb'\{"id": [0-9], "op": "[a-z]*".*\}', fullmatch=True)
            ),
            max_size=8,
        )
    )
    @settings(max_examples=15, deadline=None)
    def fuzz(lines: list[bytes]) -> None:
        asyncio.run(survives([line.replace(b"\n", b" ") for line in lines]))

    fuzz()


async def survives(lines: list[bytes]) -> None:
    import json

    process = await asyncio.create_subprocess_exec(
        *remote_command(sys.executable), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(payload("MARK"))
    for line in lines:
        process.stdin.write(line + b"\n")
    process.stdin.write(b'{"id": 4242, "op": "ping"}\n')
    async with asyncio.timeout(20):
        assert (await process.stdout.readline()).strip() == b"MARK"
        while True:
            answer = json.loads(await process.stdout.readline())
            if answer["id"] == 4242:
                break
            assert answer["ok"] is False or isinstance(answer.get("result"), dict | list | None)
        process.stdin.close()
        assert await process.wait() == 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
