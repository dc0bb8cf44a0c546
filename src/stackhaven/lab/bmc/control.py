"""Starting and stopping the process of a lab's virtual BMCs. It lives in a control group below the lab's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.lab import cgroup, netns
from stackhaven.lab.bmc import redfish
from stackhaven.lab.bmc.certificate import make_certificate
from stackhaven.lab.bmc.settings import BmcSettings, as_text, directory
from stackhaven.lab.home import Home
from stackhaven.lab.spec import LabSpec, cgroup_of
from stackhaven.lab.state import write_atomically

_SETTINGS_FILE = "settings.json"
_LOG_FILE = "log"
_START_TIMEOUT_S = 30.0
_POLL_S = 0.05
_LOG_LINES = 8


def ensure(spec: LabSpec, home: Home, passwords: Mapping[str, str]) -> None:
    """Have the BMCs of this very description answering; a process that serves another one is replaced.

    Raises:
        HavenError: rule ``lab-bmc`` when they do not answer in time.

    """
    if not spec.bmcs:
        stop(spec.name)
        return
    settings = BmcSettings(home=home.root, spec=spec, passwords=dict(passwords))
    file = directory(home, spec.name) / _SETTINGS_FILE
    text = as_text(settings)
    if cgroup.populated(_group(spec.name)) and file.exists() and file.read_text(encoding="utf-8") == text:
        return
    stop(spec.name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_certificate(
        settings.certificate, name=f"BMCs of lab {spec.name}", addresses=[b.address for b in spec.bmcs]
    )
    write_atomically(file, text)
    log = file.with_name(_LOG_FILE)
    _start(spec.name, file, log)
    _await(spec, log)


def stop(lab: str) -> None:
    """End the process; harmless when there is none. No node's power changes."""
    cgroup.kill(_group(lab))
    cgroup.remove(_group(lab))


def _group(lab: str) -> str:
    """Below the lab's own group, so that what ends the lab ends it too. No node's name begins with ``_``."""
    return f"{cgroup_of(lab)}/_bmc"


def _start(lab: str, settings: Path, log: Path) -> None:
    program = (sys.executable, "-m", "stackhaven.lab.bmc.serve", str(settings))
    with log.open("ab") as output:
        subprocess.run(
            cgroup.starter(_group(lab), program),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            cwd="/",
            timeout=_START_TIMEOUT_S,
            check=True,
        )


def _await(spec: LabSpec, log: Path) -> None:
    """The Redfish side listens last, so when it accepts, both do."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    waiting = [bmc.address for bmc in spec.bmcs]
    with netns.entered(spec.hub):
        while waiting:
            waiting = [address for address in waiting if not _accepts(address)]
            if waiting and time.monotonic() > deadline:
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
                raise HavenError(
                    f"the virtual BMC at {waiting[0]} did not answer within {_START_TIMEOUT_S:g} s",
                    why="\n       ".join(lines),
                    todo=f"see {log}",
                    rule="lab-bmc",
                )
            time.sleep(_POLL_S)


def _accepts(address: str) -> bool:
    try:
        socket.create_connection((address, redfish.PORT), timeout=1.0).close()
    except OSError:
        return False
    return True
