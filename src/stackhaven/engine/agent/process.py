"""Child processes: each in a process group of its own, bounded in time, ended when the agent ends."""

from __future__ import annotations

import os
import pwd
import select
import signal
import subprocess
import threading
import time

from stackhaven.engine.agent.finding import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_BYTES = 8192
ALL_BYTES = 4 * 1024 * 1024
GRACE_S = 3.0

NOT_FOUND = 127
TIMED_OUT = 124


class Result:
    """How a child ended: exit code and the end of what it printed, both streams together."""

    __slots__ = ("code", "output")

    def __init__(self, code: int, output: str) -> None:
        self.code = code
        self.output = output


_groups: set[int] = set()
_groups_lock = threading.Lock()


def kill_all(grace_s: float = GRACE_S) -> None:
    """End every group that is still alive: asked first, killed after `grace_s`."""
    with _groups_lock:
        groups = set(_groups)
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(_alive(group) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def run(
    argv: list[str],
    *,
    stdin: str = "",
    timeout_s: float,
    user: str = "root",
    everything: bool = False,
    survives: bool = False,
) -> Result:
    """Run to the end or to the limit; then the whole group is killed.

    Streams are memory files, so neither a full pipe nor a grandchild that keeps one open can hang the agent.
    Code 127: no such program or user; 124: the limit. `everything`: all output, not only its end.
    `survives`: not killed with the agent (package installation must never be cut off).
    """
    try:
        who, environment = _identity(user)
    except KeyError:
        return Result(NOT_FOUND, f"there is no user {user!r}")
    source, sink = os.memfd_create("stdin"), os.memfd_create("output")
    try:
        _write_all(source, stdin.encode())
        os.lseek(source, 0, os.SEEK_SET)
        try:
            child = subprocess.Popen(
                argv,
                stdin=source,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env=environment,
                **who,
            )
        except OSError as error:
            return Result(NOT_FOUND, f"{argv[0]}: {error.strerror or error}")
        code = _await(child, timeout_s, survives)
        output = _read_end(sink, ALL_BYTES if everything else TAIL_BYTES)
    finally:
        os.close(source)
        os.close(sink)
    if code is None:
        output = f"{output.rstrip()}\n(killed: not done within {timeout_s:g} s)".lstrip()
        return Result(TIMED_OUT, output)
    return Result(code, output)


def check_run(argv: list[str], *, timeout_s: float = 60.0) -> str:
    """Everything it printed; an error with the end of its output if it fails."""
    result = run(argv, timeout_s=timeout_s, everything=True)
    if result.code != 0:
        raise AgentError(f"{' '.join(argv[:3])} failed ({result.code}): {tail(result.output)}")
    return result.output


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a text."""
    return "\n".join(text.strip().splitlines()[-lines:])


def _identity(user: str) -> tuple[dict[str, Any], dict[str, str]]:
    entry = pwd.getpwnam(user)
    environment = {"PATH": PATH, "HOME": entry.pw_dir, "LC_ALL": "C.UTF-8", "USER": user, "LOGNAME": user}
    if entry.pw_uid == os.geteuid():
        return {}, environment
    groups = os.getgrouplist(user, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}, environment


def _await(child: subprocess.Popen[bytes], timeout_s: float, survives: bool) -> int | None:
    if not survives:
        with _groups_lock:
            _groups.add(child.pid)
    try:
        if _ends_within(child, timeout_s):
            return child.returncode
        _signal(child.pid, signal.SIGTERM)
        _ends_within(child, GRACE_S)
        _signal(child.pid, signal.SIGKILL)
        child.wait()
        return None
    finally:
        with _groups_lock:
            _groups.discard(child.pid)


def _ends_within(child: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait by descriptor: `Popen.wait` with a limit polls and is up to 50 ms late."""
    watch = os.pidfd_open(child.pid)
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        if not poll.poll(max(0.0, timeout_s) * 1000):
            return False
    finally:
        os.close(watch)
    child.wait()
    return True


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_end(descriptor: int, limit: int) -> str:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    start = max(0, size - limit)
    return os.pread(descriptor, limit, start).decode("utf-8", "replace")
