"""What a person waits for: from nothing to a verified cloud, a second run, a look; and what the cloud weighs.

The cloud is that of `examples/lab.yaml` under the name `bench`; it is purged afterwards. Needs root.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from bench.ground import Cloud, Ground
from bench.row import ROOT, BenchError, Measured, Row, timed

SETUP_S = 900
VERIFY_S = 1200
LOOK_S = 120
GB_PER_MIB = 2**20 / 1e9


def fresh(ground: Ground) -> Sequence[Measured]:
    """Seconds in a fresh clone, with every cache of ours and of Python's package tools in an empty directory.

    Packages of the host that `make setup` finds installed are not installed again.
    """
    clone, home = ground.folder / "clone", ground.folder / "home"
    timed(["git", "clone", "--quiet", str(ROOT), str(clone)], timeout_s=120)
    env = os.environ | {
        "STACKHAVEN_HOME": str(home),
        "XDG_CACHE_HOME": str(ground.folder / "cache"),
        "UV_CACHE_DIR": str(ground.folder / "cache" / "uv"),
        "PIP_NO_CACHE_DIR": "1",
    }
    cloud = Cloud.of_example(ground.folder / "fresh", str(clone / ".venv" / "bin" / "haven"), env)
    setup = timed(["make", "setup"], timeout_s=SETUP_S, cwd=clone, env=env)
    try:
        made = timed(["make", "cloud", f"CLOUD={cloud.file}"], timeout_s=3600, cwd=clone, env=env)
    finally:
        cloud.purge()
    return (
        Measured(
            what="fresh machine to verified cloud (3 controllers, 2 computes), image build included",
            unit="s",
            samples=(setup.seconds + made.seconds,),
            command="git clone, make setup, make cloud; STACKHAVEN_HOME and all caches empty",
            must=20 * 60,
            aim=10 * 60,
            note=f"of it `make setup` {setup.seconds:.0f} s; packages of the host were there",
        ),
    )


def cached(ground: Ground) -> Sequence[Measured]:
    """Seconds of `haven up` and `haven verify` with no lab, and both images built before."""
    ups, verifies = [], []
    for _ in range(1 if ground.quick else 3):
        cloud = ground.new_cloud()
        cloud("lab", "image")
        cloud("image", "build-guest")
        ups.append(cloud("up").seconds)
        verifies.append(cloud("verify", timeout_s=VERIFY_S).seconds)
    total = tuple(a + b for a, b in zip(ups, verifies, strict=True))
    return (
        Measured(
            what="the same with the image cached",
            unit="s",
            samples=total,
            command="haven up && haven verify",
            must=10 * 60,
            aim=5 * 60,
            note=f"first round: `haven up` {ups[0]:.0f} s, `haven verify` {verifies[0]:.0f} s",
        ),
    )


def again(ground: Ground) -> Sequence[Measured]:
    """Seconds of `haven up` on a cloud that is as its file says; a change or a restart is a failure."""
    cloud, runs = ground.cloud(), []
    for _ in range(ground.rounds(5)):
        done = cloud("up", "--json")
        totals = json.loads(done.out.strip().splitlines()[-1])["totals"]
        made = {key: totals.get(key, 0) for key in ("changes", "restarts")}
        if any(made.values()):
            raise BenchError(f"there was something to do: {made}")
        runs.append(done)
    return (
        Measured(
            what="`haven up` with nothing to do: 0 changes, 0 restarts",
            unit="s",
            samples=tuple(done.seconds for done in runs),
            cpu_s=tuple(done.cpu_s for done in runs),
            command="haven up --json",
            must=6,
            aim=3,
        ),
    )


def memory(ground: Ground) -> Sequence[Measured]:
    """GB in use by the lab's machines while two guests run: anonymous and shared pages of their control groups."""
    cloud = ground.cloud()
    cloud("verify", "--keep", timeout_s=VERIFY_S)
    try:
        nodes = json.loads(cloud("lab", "status", "--json", timeout_s=LOOK_S).out)["nodes"]
    finally:
        cloud("verify", "--only", "tenant.leftovers", timeout_s=VERIFY_S)
    used = {node["name"]: node["memory_mb"] * GB_PER_MIB for node in nodes}
    return (
        Measured(
            what="memory of the whole lab (five nodes, two guests)",
            unit="GB",
            samples=(sum(used.values()),),
            command="haven verify --keep; haven lab status --json",
            must=11,
            aim=9,
            note=", ".join(f"{name} {gb:.2f}" for name, gb in used.items()) + "; without page cache",
        ),
    )


def look(ground: Ground) -> Sequence[Measured]:
    """Seconds of `haven status` on a healthy cloud."""
    cloud = ground.cloud()
    runs = [cloud("status", timeout_s=LOOK_S) for _ in range(ground.rounds(5))]
    return (
        Measured(
            what="`haven status` of a healthy cloud",
            unit="s",
            samples=tuple(done.seconds for done in runs),
            cpu_s=tuple(done.cpu_s for done in runs),
            command="haven status",
        ),
    )


def proof(ground: Ground) -> Sequence[Measured]:
    """Seconds of `haven verify`, from the first question to the last thing removed."""
    cloud = ground.cloud()
    runs = [cloud("verify", timeout_s=VERIFY_S) for _ in range(1 if ground.quick else 3)]
    return (
        Measured(
            what="`haven verify`: two guests on two computes, all cleaned up",
            unit="s",
            samples=tuple(done.seconds for done in runs),
            cpu_s=tuple(done.cpu_s for done in runs),
            command="haven verify",
        ),
    )


ROWS = (
    Row(name="fresh", title="a fresh clone to a verified cloud", cloud=True, measure=fresh),
    Row(name="cached", title="no lab to a verified cloud, image cached", cloud=True, measure=cached),
    Row(name="again", title="`haven up` with nothing to do", cloud=True, measure=again),
    Row(name="status", title="`haven status`", cloud=True, measure=look),
    Row(name="verify", title="`haven verify`", cloud=True, measure=proof),
    Row(name="memory", title="memory of the lab with two guests", cloud=True, measure=memory),
)
