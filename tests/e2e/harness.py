"""A cloud of the lab as its operator drives it: by the command line, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

EXAMPLES = Path(__file__).parents[2] / "examples"
HAVEN = (str(Path(sys.executable).with_name("haven")),)
UP_S = 1200
REFERENCE_UP_S = 150.0
"""What `haven up` of the full cloud took on the machines that promises and deadlines were measured on (131 and 154 s).
It is bound by processors, as whatever comes back is: a host that takes longer is allowed longer by as much."""


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, standard output, standard error, seconds."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def result(self) -> dict:
        """The result that `haven up --json` ends with."""
        return json.loads(self.out.strip().splitlines()[-1])


class Running:
    """A `haven up` that goes on in the background; `run.json` beside the cloud's file takes its events."""

    def __init__(self, file: Path) -> None:
        self._log = file.parent / "run.json"
        self._began = time.monotonic()
        with self._log.open("w") as sink:
            self._child = subprocess.Popen(
                [*HAVEN, "-f", str(file), "up", "--json"], stdout=sink, stderr=subprocess.STDOUT
            )

    def wait_for_step(self, step: str, count: int, deadline_s: float = 300) -> None:
        """Until the step has ended well on so many nodes."""
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            events = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
            done = [e for e in events if e.get("step") == step and e.get("state") in {"ok", "changed"}]
            if len(done) >= count:
                return
            assert self._child.poll() is None, f"ended before {step}: {self._log.read_text()[-2000:]}"
            time.sleep(0.2)
        raise AssertionError(f"{step} did not end on {count} nodes within {deadline_s} s")

    def end(self, timeout_s: float = UP_S) -> Done:
        """Wait for its end."""
        code = self._child.wait(timeout=timeout_s)
        return Done(code, self._log.read_text(), "", time.monotonic() - self._began)


@dataclass(frozen=True)
class Cloud:
    """A cloud file in a folder, and the commands on it."""

    PENDING: ClassVar[int] = 3
    file: Path
    slowness: float = 1.0
    """How much slower than the reference this host is, at least 1."""

    @property
    def folder(self) -> Path:
        return self.file.parent

    @classmethod
    def of_example(cls, example: str, folder: Path, name: str) -> Cloud:
        text = (EXAMPLES / example).read_text()
        lines = [f"name: {name}" if line.startswith("name:") else line for line in text.splitlines()]
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "cloud.yaml"
        file.write_text("\n".join(lines) + "\n")
        return cls(file)

    @property
    def name(self) -> str:
        return next(x.split()[1] for x in self.file.read_text().splitlines() if x.startswith("name:"))

    @property
    def state(self) -> Path:
        return self.file.parent / ".haven" / self.name

    def haven(self, *arguments: str, timeout_s: float = 600) -> Done:
        began = time.monotonic()
        done = subprocess.run(
            [*HAVEN, "-f", str(self.file), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        seconds = time.monotonic() - began
        print(f"haven {' '.join(arguments)}: exit {done.returncode} in {seconds:.1f} s")
        if done.returncode:
            print(done.stdout[-6000:], done.stderr[-3000:])
        return Done(done.returncode, done.stdout, done.stderr, seconds)

    def verify(self, *areas: str) -> None:
        """Have every check pass, or those of these areas; those that did not are the failure's text."""
        only = [word for area in areas for word in ("--only", area)]
        done = self.haven("verify", "--json", *only, timeout_s=900)
        checks = json.loads(done.out)["checks"] if done.out.startswith("{") else []
        wrong = [check for check in checks if check["verdict"] != "ok"]
        assert done.code == 0, wrong or done.err[-3000:]

    def up(self) -> Done:
        return self.haven("up", "--json", timeout_s=UP_S)

    def up_cut_off_after(self, seconds: float) -> bool:
        """Start `haven up` and kill it without a word; whether it was still running then."""
        child = subprocess.Popen(
            [*HAVEN, "-f", str(self.file), "up"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(timeout=10)
            return True
        return False

    def up_in_background(self) -> Running:
        return Running(self.file)

    def node(self, node: str, command: str, timeout_s: float = 60) -> str:
        """Run a shell command on a machine of the lab."""
        done = self.haven("lab", "shell", node, "--", "sh", "-c", command, timeout_s=timeout_s)
        assert done.code == 0, done.err
        return done.out

    def secrets(self) -> list[str]:
        """The values of the cloud's secrets."""
        return list(json.loads((self.state / "secrets.json").read_text()).values())

    def starts(self, node: str) -> dict[str, str]:
        """When each running service of a node was started."""
        text = self.node(
            node,
            "systemctl list-units --type=service --state=running --no-legend --plain | cut -d' ' -f1 | "
            "xargs systemctl show -p Id,ExecMainStartTimestampMonotonic",
        )
        blocks = [dict(line.split("=", 1) for line in b.splitlines()) for b in text.strip().split("\n\n")]
        return {b["Id"]: b["ExecMainStartTimestampMonotonic"] for b in blocks}

    def until_status(self, wanted: int, deadline_s: float) -> bool:
        """Ask for the status until it is as wanted; the last answer is printed when it never was."""
        deadline = time.monotonic() + deadline_s * self.slowness
        while True:
            done = self.haven("status", timeout_s=60)
            if done.code == wanted:
                return True
            if time.monotonic() > deadline:
                print(done.out)
                return False
            time.sleep(3)

    def slow_as_its_start(self, up: Done) -> Cloud:
        """Itself, with the host judged by how long its start took, the image being there."""
        slowness = max(1.0, up.seconds / REFERENCE_UP_S)
        print(f"this host is {slowness:.2f} times slower than the reference")
        return replace(self, slowness=slowness)

    def purge(self) -> None:
        self.haven("lab", "down", "--purge", timeout_s=180)
        shutil.rmtree(self.file.parent / ".haven", ignore_errors=True)


def traces_of(lab: str) -> list[str]:
    """What a lab of this name has left on the host: namespaces, mounts, processes, cgroups, disks."""
    mark = f"haven-{lab}"
    found = [
        n.name
        for n in Path("/run/netns").iterdir()
        if n.name == f"{mark}-hub" or n.name.startswith(f"{mark}.")
    ]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"/labs/{lab}/" in line]
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                arguments = (process / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if any(a.startswith(f"--machine={mark}") or f"/labs/{lab}/" in a for a in arguments):
                found.append(" ".join(arguments))
    found += [str(p) for pattern in (mark, f"{mark}.*") for p in Path("/sys/fs/cgroup").glob(f"**/{pattern}")]
    home = Path(os.environ.get("STACKHAVEN_HOME", "/var/lib/stackhaven"))
    found += [str(p) for p in (home / "labs").glob(lab)]
    return found
