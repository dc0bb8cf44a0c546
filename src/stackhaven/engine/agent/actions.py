"""Actions that happen once, and gates."""

from __future__ import annotations

import os
import socket
import time

from stackhaven.engine.agent import process
from stackhaven.engine.agent.finding import HOLDS, AgentError, Finding
from stackhaven.engine.agent.process import Result, run, tail
from stackhaven.engine.agent.units import RUN_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CHECK_S = 30.0
PROBE_S = 10.0


def check_command(want: dict[str, Any]) -> Finding:
    """Holds when `check` exits 0; bounded by `CHECK_S`, since a check only looks."""
    result = _ask(want)
    if result.code == 0:
        return HOLDS
    return Finding(False, _brief(result), verb="run")


def apply_command(want: dict[str, Any], found: Finding) -> str:
    """Run, again after a failure if asked for, then checked; the end of the output goes into the error."""
    attempts = want["retries"] + 1
    for attempt in range(1, attempts + 1):
        result = _run_as_unit(want) if want["unit"] else _run_plainly(want)
        if result.code == 0:
            return "done" if attempt == 1 else f"done at attempt {attempt}"
        if attempt < attempts:
            time.sleep(want["retry_delay_s"])
            if _ask(want).code == 0:
                return f"done after attempt {attempt}"
    times = f", {attempts} attempts" if attempts > 1 else ""
    raise AgentError(f"exit code {result.code}{times}:\n{tail(result.output)}")


def check_wait(want: dict[str, Any]) -> Finding:
    """One attempt."""
    reason = _probe(want)
    return Finding(False, reason, verb="wait") if reason else HOLDS


def apply_wait(want: dict[str, Any], report: Callable[[str], None]) -> str:
    """Asks again until it holds; the last answer is the error."""
    began = time.monotonic()
    reported = began
    while True:
        reason = _probe(want)
        now = time.monotonic()
        if not reason:
            return f"held after {now - began:.1f} s"
        if now - began >= want["deadline_s"]:
            raise AgentError(f"did not hold within {want['deadline_s']:g} s; last answer: {reason}")
        if now - reported >= 2.0:
            report(f"{want['what']}: {reason.splitlines()[0]}")
            reported = now
        time.sleep(min(want["interval_s"], max(0.0, began + want["deadline_s"] - now)))


def _ask(want: dict[str, Any]) -> Result:
    return run(
        want["check"], stdin=want["check_stdin"], timeout_s=min(want["timeout_s"], CHECK_S), user=want["user"]
    )


def _run_plainly(want: dict[str, Any]) -> Result:
    return run(want["apply"], stdin=want["stdin"], timeout_s=want["timeout_s"], user=want["user"])


def _run_as_unit(want: dict[str, Any]) -> Result:
    """As a transient unit: it outlives the link, and a second run finds it by name and waits for it."""
    name = want["unit"] if want["unit"].endswith(".service") else f"{want['unit']}.service"
    if _is_alive(name):
        return _await_unit(name, want)
    folder = os.path.join(RUN_DIR, "actions")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    source, log = (os.path.join(folder, f"{name}.{kind}") for kind in ("stdin", "log"))
    descriptor = os.open(source, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(want["stdin"])
    _remove(log)
    argv = [
        "systemd-run",
        "--quiet",
        "--wait",
        "--collect",
        "--expand-environment=no",
        "--service-type=exec",
        f"--unit={name}",
    ]
    for setting in (
        f"User={want['user']}", f"RuntimeMaxSec={want['timeout_s']:g}", f"StandardInput=file:{source}",
        f"StandardOutput=append:{log}", "StandardError=inherit", "WorkingDirectory=/",
    ):  # fmt: skip
        argv += ["--property", setting]
    argv += ["--setenv", f"PATH={process.PATH}", "--setenv", "LC_ALL=C.UTF-8", "--", *want["apply"]]
    try:
        result = run(argv, timeout_s=want["timeout_s"] + 10)
    finally:
        if not _is_alive(name):
            _remove(source)
    return Result(result.code, f"{result.output}{_read_log(log)}")


def _await_unit(name: str, want: dict[str, Any]) -> Result:
    """Its exit code is lost with the run that started it, so the check decides."""
    deadline = time.monotonic() + want["timeout_s"] + 10
    while time.monotonic() < deadline:
        if not _is_alive(name):
            answer = _ask(want)
            folder = os.path.join(RUN_DIR, "actions")
            log = _read_log(os.path.join(folder, f"{name}.log"))
            _remove(os.path.join(folder, f"{name}.stdin"))
            return Result(answer.code, f"(started by an earlier run as {name})\n{log}{answer.output}")
        time.sleep(0.2)
    return Result(process.TIMED_OUT, f"{name}, started by an earlier run, is still running")


def _is_alive(name: str) -> bool:
    state = run(["systemctl", "show", "--property=ActiveState", "--value", "--", name], timeout_s=30)
    return state.output.strip() in {"active", "activating", "deactivating", "reloading"}


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _read_log(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - process.TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _probe(want: dict[str, Any]) -> str:
    """Why it does not hold now; empty if it does."""
    if want["argv"]:
        result = run(want["argv"], timeout_s=PROBE_S)
        return "" if result.code == 0 else _brief(result)
    if want["tcp"]:
        return _probe_tcp(*want["tcp"])
    return _probe_url(want["url"], want["status"])


def _probe_tcp(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    return ""


def _probe_url(url: str, status: list[int]) -> str:
    import urllib.error
    import urllib.request

    class KeepRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), KeepRedirect())
    try:
        with direct.open(url, timeout=PROBE_S) as answer:
            code = answer.status
    except urllib.error.HTTPError as error:
        code = error.code
    except (OSError, ValueError) as error:
        return f"{url}: {getattr(error, 'reason', error)}"
    return "" if code in status else f"{url} answers {code}"


def _brief(result: Result) -> str:
    output = tail(result.output, 3)
    return f"exit code {result.code}" + (f": {output}" if output else "")
