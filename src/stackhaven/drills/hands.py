"""Carries deeds out: by SSH on a node, in the lab's hub, on a machine's power. Thin; decides nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stackhaven.drills.bmc import Verb, order
from stackhaven.drills.deeds import Deed, InHub, OnNode, Power, PowerIs
from stackhaven.drills.errors import DrillError, no_bmc
from stackhaven.drills.ground import Ground
from stackhaven.lab import cgroup
from stackhaven.lab.lab import Lab
from stackhaven.lab.reach import ssh_prefix
from stackhaven.lab.spec import LabNode, spec_of

AT_ONCE = 16
SHOWN_LINES = 6
FREEZE_S = 5.0


class Hands:
    """Does deeds on one cloud."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lab = Lab(spec_of(ground.layout)) if ground.in_lab else None

    def do(self, deed: Deed) -> str:
        """Carry it out; gives what it printed.

        Raises:
            DrillError: rule ``drill-deed``, it did not succeed within its time.

        """
        match deed:
            case OnNode():
                target = self._ground.targets[deed.node]
                argv = [*target.client(), "--", target.address, _as_root(target.user)]
                return _run(argv, deed.script, deed.says, deed.timeout_s)
            case InHub():
                return _run(
                    [*ssh_prefix(self._ground.name), "sh", "-eu"], deed.script, deed.says, deed.timeout_s
                )
            case Power():
                return self._switch(deed)
            case PowerIs():
                return self._look(deed)

    def do_all(self, deeds: Sequence[Deed]) -> tuple[str, ...]:
        """All at the same time; every one is let finish, then the first failure is raised."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(self.do, deed) for deed in deeds]
        return tuple(future.result() for future in futures)

    def holds(self, deed: Deed) -> bool:
        """Whether a deed that asks succeeds now."""
        try:
            self.do(deed)
        except DrillError:
            return False
        return True

    def _ask_bmc(self, name: str, verb: Verb) -> str:
        """On existing hosts a machine's BMC switches its power."""
        bmc = self._ground.layout.node(name).bmc
        if bmc is None:
            raise no_bmc(name)
        return order(name, bmc, self._ground.site.secrets[bmc.password_name], verb)

    def _switch(self, deed: Power) -> str:
        if self._lab is None:
            match deed.verb:
                case "freeze" | "thaw":
                    raise DrillError(f"no BMC can have {deed.node} stand still", rule="drill-power")
                case verb:
                    return self._ask_bmc(deed.node, verb)
        lab, node = self._lab, self._lab.known(deed.node)
        match deed.verb:
            case "off":
                lab.power_off(node.name)
            case "on":
                lab.power_on(node.name)
            case "reset":
                lab.power_reset(node.name)
            case "freeze":
                _freeze_file(node).write_text("1", encoding="ascii")
                _await_frozen(node)
            case "thaw":
                if _freeze_file(node).exists():
                    _freeze_file(node).write_text("0", encoding="ascii")
        return ""

    def _look(self, deed: PowerIs) -> str:
        found = "off"
        if self._lab is None:
            found = self._ask_bmc(deed.node, "look")
        elif cgroup.populated((node := self._lab.known(deed.node)).cgroup):
            found = "frozen" if _is_frozen(node) else "on"
        if found != deed.state:
            raise DrillError(f"{deed.node} is {found}, not {deed.state}", rule="drill-deed")
        return found


def _freeze_file(node: LabNode) -> Path:
    return cgroup.hierarchies().unified / node.cgroup / "cgroup.freeze"


def _is_frozen(node: LabNode) -> bool:
    return "frozen 1" in _freeze_file(node).with_name("cgroup.events").read_text(encoding="ascii")


def _await_frozen(node: LabNode) -> None:
    """Wait for processes that wait for a disk or for processor time themselves; what is not in time is said later."""
    deadline = time.monotonic() + FREEZE_S
    while not _is_frozen(node) and time.monotonic() < deadline:
        time.sleep(0.02)


def _as_root(user: str) -> str:
    return "sh -eu" if user == "root" else "sudo -n sh -eu"


def _run(argv: Sequence[str], script: str, says: str, timeout_s: float) -> str:
    try:
        done = subprocess.run(
            argv,
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise DrillError(f"{says}: no end within {timeout_s:g} s", rule="drill-deed") from None
    except OSError as error:
        raise DrillError(f"{says}: cannot start {argv[0]}: {error.strerror}", rule="drill-deed") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-SHOWN_LINES:]
        raise DrillError(
            f"{says}: ended with {done.returncode}", why="\n       ".join(said), rule="drill-deed"
        )
    return done.stdout
