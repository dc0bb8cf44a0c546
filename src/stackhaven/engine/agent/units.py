"""systemd units: started, stopped, enabled, masked, and restarted exactly when what they read has changed.

A unit has read its configuration at some moment after it left the inactive state. So a watched path whose change time
(ctime, which a rename moves and which no tool can set back) is later than that moment means a restart. Change times
come from the kernel's coarse clock and may lie `COARSE_S` before the true moment: the comparison errs towards a
restart, and a start of ours waits until the newest change is older than that, so that a second run restarts nothing.
An interruption between write and restart loses nothing, since nothing but the living system is asked.
"""

from __future__ import annotations

import calendar
import json
import os
import time

from stackhaven.engine.agent.finding import HOLDS, AgentError, Finding
from stackhaven.engine.agent.process import Result, check_run, run, tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COARSE_S = 0.02
PATIENCE_S = 45.0
RUN_DIR = "/run/stackhaven"
PROPERTIES = (
    "Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "InactiveExitTimestamp", "FragmentPath",
    "DropInPaths", "SourcePath", "NeedDaemonReload", "InvocationID", "NRestarts", "Result",
)  # fmt: skip


def show(names: list[str]) -> list[dict[str, str]]:
    """The properties of many units by one call, in order."""
    if not names:
        return []
    output = check_run(
        ["systemctl", "show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", *names]
    )
    blocks = output.strip("\n").split("\n\n")
    states = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    if len(states) != len(names):
        raise AgentError(f"systemctl show answered {len(states)} units for {len(names)}")
    return states


def check_unit(want: dict[str, Any], state: dict[str, str] | None = None) -> Finding:
    """Masked, enabled and active as wanted, and started after everything it reads was last changed."""
    state = state or show([want["name"]])[0]
    if want["masked"]:
        if state["LoadState"] == "masked" and not _is_active(state):
            return HOLDS
        return Finding(False, "is not masked", verb="mask")
    differs = [
        reason
        for reason in (_masked_though_wanted(want, state), _enablement(want, state), _activity(want, state))
        if reason
    ]
    verb = _verb(want, state)
    if want["active"] and _is_active(state):
        newer = newer_than_start(want, state)
        if newer:
            differs.append(newer)
            verb = "reload" if want["reload"] and not _unit_file_is_newer(state) else "restart"
    return Finding(False, ", ".join(differs), verb=verb) if differs else HOLDS


def apply_unit(want: dict[str, Any], found: Finding) -> str:
    """Brings it there; a start that fails shows the unit's last log lines."""
    name = want["name"]
    state = show([name])[0]
    did = []
    if want["masked"]:
        check_run(["systemctl", "mask", "--now", "--", name], timeout_s=want["timeout_s"])
        return "masked"
    if _masked_though_wanted(want, state):
        check_run(["systemctl", "unmask", "--", name])
        did.append("unmasked")
        state = show([name])[0]
    gone = _gone(state)
    if state["NeedDaemonReload"] == "yes" or state["LoadState"] == "not-found":
        check_run(["systemctl", "daemon-reload"])
        if state["NeedDaemonReload"] == "yes":
            did.append("unit files read again")
        state = show([name])[0]
    if want["enabled"] is not None and _enablement(want, state):
        verb = "enable" if want["enabled"] else "disable"
        # The packaged SysV scripts need runlevel links that an image without started services does not have.
        check_run(["env", "SYSTEMCTL_SKIP_SYSV=1", "systemctl", verb, "--", name])
        did.append(f"{verb}d")
    did.extend(_move(want, state, gone))
    return ", ".join(did) or "settled meanwhile"


def newer_than_start(want: dict[str, Any], state: dict[str, str]) -> str:
    """Which watched path or unit file is newer than what the unit has read; empty if none.

    NeedDaemonReload does not tell: while any unit is being enabled, systemd says it of all of them.
    """
    gone = _gone(state)
    if gone:
        return gone
    since = _read_at(want, state) - COARSE_S
    newer = [path for path, changed in _changes([*want["watches"], *_unit_files(state)]) if changed > since]
    if not newer:
        return ""
    files = [path for path in newer if not os.path.isdir(path)]
    return f"{(files or newer)[0]} is newer than its start"


def _gone(state: dict[str, str]) -> str:
    """Which file systemd has read for the unit is not there any more; empty if none."""
    missing = [path for path in state["DropInPaths"].split() if not os.path.exists(path)]
    return f"{missing[0]} is gone since its start" if missing else ""


def _move(want: dict[str, Any], state: dict[str, str], gone: str = "") -> list[str]:
    if want["active"] is None:
        return []
    if not want["active"]:
        if state["ActiveState"] in {"inactive", "failed"}:
            return []
        _command(["systemctl", "stop", "--", want["name"]], want)
        return ["stopped"]
    if not _is_active(state):
        # A unit between two tries has left the inactive state before its files were mended: a start changes nothing.
        between = state["ActiveState"] == "activating" and newer_than_start(want, state)
        return [_start("restart" if between else "start", want)]
    reason = gone or newer_than_start(want, state)
    if not reason:
        return []
    reload = want["reload"] and not gone and not _unit_file_is_newer(state)
    return [f"{_start('reload' if reload else 'restart', want)} ({reason})"]


def _start(verb: str, want: dict[str, Any]) -> str:
    """A start that was asked for is no crash, so it does not count towards the unit's start limit."""
    changed = _last_change([*want["watches"], *_unit_files(show([want["name"]])[0])])
    time.sleep(min(COARSE_S * 2, max(0.0, changed + COARSE_S * 2 - time.time())))
    run(["systemctl", "reset-failed", "--", want["name"]], timeout_s=30)
    _command(["systemctl", verb, "--", want["name"]], want)
    if verb == "reload":
        _note_reload(want["name"], changed)
    _settle(want)
    return f"{verb}ed"


def _settle(want: dict[str, Any]) -> None:
    """Stay and watch: a daemon that dies soon after its start has not started."""
    deadline = time.monotonic() + want["settle_s"]
    first = show([want["name"]])[0]
    while time.monotonic() < deadline:
        time.sleep(min(0.5, max(0.0, deadline - time.monotonic())))
        state = show([want["name"]])[0]
        if not _is_active(state) or state["NRestarts"] != first["NRestarts"]:
            raise AgentError(
                f"unit {want['name']} did not stay up for {want['settle_s']:g} s\n{_log(want['name'])}"
            )


def _command(argv: list[str], want: dict[str, Any]) -> Result:
    result = run(argv, timeout_s=want["timeout_s"])
    if result.code != 0 and not _comes_up_yet(want):
        raise AgentError(
            f"{' '.join(argv)} failed ({result.code}): {tail(result.output, 3)}\n{_log(want['name'])}\n"
            f"look further with: systemctl status {want['name']}; journalctl -u {want['name']}"
        )
    return result


def _comes_up_yet(want: dict[str, Any]) -> bool:
    """A unit that systemd starts again by itself may need what comes up beside it: it gets a few tries."""
    deadline = time.monotonic() + min(PATIENCE_S, want["timeout_s"])
    while time.monotonic() < deadline:
        state = show([want["name"]])[0]
        if _is_active(state):
            return True
        if state["ActiveState"] != "activating":
            return False
        time.sleep(0.5)
    return False


def _log(name: str) -> str:
    status = run(["systemctl", "status", "--no-pager", "--lines=0", "--", name], timeout_s=15)
    log = run(["journalctl", "--no-pager", "-o", "short-iso", "-n", "15", "-u", name], timeout_s=15)
    return f"{tail(status.output, 8)}\nlast lines of its log:\n{tail(log.output, 15)}"


def _masked_though_wanted(want: dict[str, Any], state: dict[str, str]) -> str:
    return "is masked" if state["LoadState"] == "masked" and (want["active"] or want["enabled"]) else ""


def _enablement(want: dict[str, Any], state: dict[str, str]) -> str:
    have = state["UnitFileState"]
    if want["enabled"] is None:
        return ""
    if have == "generated":
        enabled = run(["systemctl", "is-enabled", "--", want["name"]], timeout_s=30).code == 0
        return "" if enabled == want["enabled"] else f"is {'' if enabled else 'not '}enabled"
    if want["enabled"]:
        return "" if have in {"enabled", "static", "indirect", "alias"} else "is not enabled"
    return "is enabled" if have in {"enabled", "enabled-runtime", "alias"} else ""


def _activity(want: dict[str, Any], state: dict[str, str]) -> str:
    have = state["ActiveState"]
    if want["active"] is None:
        return ""
    if want["active"]:
        if state["LoadState"] == "not-found":
            return "is not there"
        return "" if _is_active(state) else f"is {have}"
    return "" if have in {"inactive", "failed"} else f"is {have}"


def _verb(want: dict[str, Any], state: dict[str, str]) -> str:
    if want["active"] and not _is_active(state):
        return "start"
    if want["active"] is False and state["ActiveState"] not in {"inactive", "failed"}:
        return "stop"
    return "enable" if want["enabled"] else "disable"


def _is_active(state: dict[str, str]) -> bool:
    return state["ActiveState"] in {"active", "reloading"}


def _unit_files(state: dict[str, str]) -> list[str]:
    """Files the unit is made of; generated ones are rewritten at every daemon-reload and say nothing."""
    own = f"/etc/systemd/system/{state['Id']}"
    paths = [state["FragmentPath"], state["SourcePath"], *state["DropInPaths"].split(), own, f"{own}.d"]
    return [path for path in paths if path and not path.startswith("/run/systemd/")]


def _unit_file_is_newer(state: dict[str, str]) -> bool:
    return bool(_gone(state)) or _last_change(_unit_files(state)) > _started_at(state) - COARSE_S


def _read_at(want: dict[str, Any], state: dict[str, str]) -> float:
    started = _started_at(state)
    return max(started, _reloaded_at(want["name"], state)) if want["reload"] else started


def _started_at(state: dict[str, str]) -> float:
    """Seconds since 1970 at which it left the inactive state; 0 if unknown, which asks for a restart."""
    words = state["InactiveExitTimestamp"].split()
    if len(words) != 4:
        return 0.0
    whole, _, fraction = words[2].partition(".")
    year, month, day = (int(part) for part in words[1].split("-"))
    hour, minute, second = (int(part) for part in whole.split(":"))
    return calendar.timegm((year, month, day, hour, minute, second)) + float(f"0.{fraction or 0}")


def _note_path(name: str) -> str:
    return os.path.join(RUN_DIR, "reloaded", name)


def _note_reload(name: str, changed: float) -> None:
    """Systemd keeps no time of a reload, so the newest change seen before it is noted, for this invocation only."""
    os.makedirs(os.path.dirname(_note_path(name)), mode=0o700, exist_ok=True)
    note = {"invocation": show([name])[0]["InvocationID"], "seen": changed + COARSE_S * 1.5}
    with open(_note_path(name), "w", encoding="ascii") as file:
        json.dump(note, file)


def _reloaded_at(name: str, state: dict[str, str]) -> float:
    try:
        with open(_note_path(name), encoding="ascii") as file:
            note = json.load(file)
        return float(note["seen"]) if note["invocation"] == state["InvocationID"] else 0.0
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def _last_change(paths: list[str]) -> float:
    return max((changed for _, changed in _changes(paths)), default=0.0)


def _changes(paths: list[str]) -> list[tuple[str, float]]:
    """Everything at and below `paths` with the time of its last change in seconds since 1970."""
    return [(path, _changed(path)) for top in paths for path in _walk(top)]


def _walk(top: str) -> list[str]:
    found = [top]
    if os.path.isdir(top):
        for folder, folders, names in os.walk(top):
            found.extend(os.path.join(folder, name) for name in folders + names)
    return found


def _changed(path: str) -> float:
    """The later of a link's own change and that of what it points to; 0 if there is nothing."""
    if not os.path.lexists(path):
        return 0.0
    try:
        own = os.lstat(path).st_ctime_ns
        return (max(own, os.stat(path).st_ctime_ns) if os.path.exists(path) else own) / 1e9
    except OSError:
        return 0.0
