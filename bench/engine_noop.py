"""A no-op run of 100 steps on loopback SSH targets: this engine, and ansible-core on the same targets in the same run.

Every target is an sshd of its own on an address of its own, with its own tree of files; all steps are already true.
The steps of a node form a chain, so that every step pays its round trip. Controller and targets share this machine's
cores. The targets' home is empty: start-up files of this machine's root account are not what is measured. Needs root
and openssh-server. Prints a markdown table, and JSON with --json.

    python bench/engine_noop.py [--nodes 3 30] [--rounds 5] [--ansible-nodes 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stackhaven.engine.journal import Journal
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.ssh import SshTarget
from stackhaven.plan import Directory, File, Package, Resource, Step, here
from stackhaven.plan.mask import Masker
from stackhaven.plan.plan import Plan

PORT = 2222
FILES, DIRECTORIES, PACKAGES = 80, 10, 10
BODY = "".join(f"option_{i} = value of a certain length, number {i}\n" for i in range(45))


def address(number: int) -> str:
    return f"127.0.77.{number}"


def resource_of(base: Path, node: str, number: int) -> Resource:
    tree = base / node
    if number < FILES:
        return File(
            path=f"{tree}/d{number % DIRECTORIES}/file{number}", content=f"# {node}\n{BODY}", mode=0o640
        )
    if number < FILES + DIRECTORIES:
        return Directory(path=f"{tree}/d{number - FILES}", mode=0o750)
    return Package(names=(("bash", "coreutils", "dpkg", "sed", "grep")[number % 5],))


def plan_of(base: Path, nodes: list[str]) -> Plan:
    def step(number: int) -> Step:
        return Step(
            name=f"step{number}",
            title=f"Step {number}",
            nodes=tuple(nodes),
            resources=lambda node: (resource_of(base, node, number),),
            needs=(here(f"step{number - 1}"),) if number else (),
        )

    return Plan.of([step(number) for number in range(FILES + DIRECTORIES + PACKAGES)])


@contextmanager
def loopback_targets(base: Path, count: int) -> Iterator[dict[str, SshTarget]]:
    """One sshd per target, on its own loopback address; ended by process id."""
    shutil.copy(base / "key.pub", base / "authorized")
    (base / "home").mkdir(exist_ok=True)
    servers: list[subprocess.Popen[bytes]] = []
    host_key = (base / "host.pub").read_text().split()[:2]
    known = base / "known_hosts"
    names = [f"node{number}" for number in range(1, count + 1)]
    known.write_text("".join(f"[{address(n)}]:{PORT} {' '.join(host_key)}\n" for n in range(1, count + 1)))
    Path("/run/sshd").mkdir(exist_ok=True)
    try:
        for number in range(1, count + 1):
            config = base / f"sshd{number}.conf"
            config.write_text(
                f"ListenAddress {address(number)}\nPort {PORT}\nHostKey {base}/host\nPidFile none\nUsePAM no\n"
                f"AuthorizedKeysFile {base}/authorized\nPermitRootLogin prohibit-password\nStrictModes no\n"
                f"PasswordAuthentication no\nMaxStartups 100\nSetEnv HOME={base}/home\n"
            )
            servers.append(
                subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
            )
        time.sleep(1)
        yield {
            name: SshTarget(
                name=name, address=address(n), port=PORT, known_hosts=known, key=base / "key", nearby=True
            )
            for n, name in enumerate(names, start=1)
        }
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=10)


def cpu_s() -> float:
    """CPU of this process and of its children that have ended, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


async def engine_once(plan: Plan, targets: dict[str, SshTarget], base: Path) -> dict[str, int]:
    masker = Masker([f"secret-of-the-cloud-number-{i}" for i in range(40)])
    pool = Pool(targets, Limits())
    path = base / "journal.jsonl"
    path.unlink(missing_ok=True)
    try:
        with Journal(path, masker) as journal:
            result = await run(plan, pool, mode=Mode.APPLY, journal=journal, masker=masker)
    finally:
        await pool.close()
    if not result.ok:
        sys.exit(
            f"the run failed: {result.totals} {[o.error for o in result.outcomes.values() if o.error][:1]}"
        )
    return result.totals


def measure_engine(base: Path, count: int, rounds: int) -> dict[str, Any]:
    with loopback_targets(base, count) as targets:
        plan = plan_of(base, list(targets))
        asyncio.run(engine_once(plan, targets, base))
        walls, cpus = [], []
        for _ in range(rounds):
            began, cpu = time.monotonic(), cpu_s()
            totals = asyncio.run(engine_once(plan, targets, base))
            walls.append(time.monotonic() - began)
            cpus.append(cpu_s() - cpu)
            assert totals["changes"] == 0, totals
    return {"walls": walls, "cpus": cpus}


def measure_ansible(base: Path, count: int) -> dict[str, Any]:
    with loopback_targets(base, count) as targets:
        inventory = base / "inventory"
        inventory.write_text("".join(f"{n} ansible_host={t.address}\n" for n, t in targets.items()))
        playbook = base / "play.json"
        playbook.write_text(
            json.dumps([{"hosts": "all", "gather_facts": False, "tasks": ansible_tasks(base)}])
        )
        ssh = f"-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={base}/known_hosts"
        environment = os.environ | {
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_FORKS": "60",
            "ANSIBLE_SSH_ARGS": ssh,
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(base / "cp"),
            "ANSIBLE_STDOUT_CALLBACK": "minimal",
            "ANSIBLE_HOME": str(base / "ansible"),
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        }
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "-u", "root"]
        argv += ["--private-key", str(base / "key"), "-e", f"ansible_port={PORT}", str(playbook)]
        began, cpu = time.monotonic(), cpu_s()
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=3600, check=False
        )
        wall = time.monotonic() - began
        if done.returncode != 0 or "CHANGED" in done.stdout:
            sys.exit(f"ansible did not run as a no-op:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
        return {"walls": [wall], "cpus": [cpu_s() - cpu]}


def ansible_tasks(base: Path) -> list[dict[str, object]]:
    tasks: list[dict[str, object]] = []
    for number in range(FILES + DIRECTORIES + PACKAGES):
        wanted = resource_of(base, "{{ inventory_hostname }}", number)
        if isinstance(wanted, File):
            module = {
                "content": wanted.content,
                "dest": wanted.path,
                "mode": "0640",
                "owner": "root",
                "group": "root",
            }
            tasks.append({"ansible.builtin.copy": module})
        elif isinstance(wanted, Directory):
            tasks.append(
                {"ansible.builtin.file": {"path": wanted.path, "state": "directory", "mode": "0750"}}
            )
        elif isinstance(wanted, Package):
            query = {"argv": ["dpkg-query", "-W", *wanted.names]}
            tasks.append({"ansible.builtin.command": query, "changed_when": False})
    return tasks


def compare(nodes: list[int], rounds: int, ansible_nodes: list[int]) -> list[dict[str, Any]]:
    """Both engines in turn: half of our rounds, theirs, and the other half, so that both meet the same neighbours.

    One row per engine (stackhaven or ansible) and number of targets, with "walls" and "cpus", seconds of each round
    and of the controller's processor time in it, and the medians "wall_s" and "controller_cpu_s".
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="haven-bench-") as folder:
        base = Path(folder)
        for name in ("key", "host"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(base / name)], check=True
            )
        for count in sorted({*nodes, *ansible_nodes}):
            ours = measure_engine(base, count, (rounds + 1) // 2)
            if count in ansible_nodes:
                rows.append({"engine": "ansible", "nodes": count, **measure_ansible(base, count)})
            after = measure_engine(base, count, max(1, rounds // 2))
            rows.append(
                {"engine": "stackhaven", "nodes": count, **{key: ours[key] + after[key] for key in ours}}
            )
    for row in rows:
        row["wall_s"], row["controller_cpu_s"] = (
            statistics.median(row["walls"]),
            statistics.median(row["cpus"]),
        )
    return sorted(rows, key=lambda row: (row["nodes"], row["engine"] != "stackhaven"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="*", default=[3, 30])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ansible-nodes", type=int, nargs="*", default=[3])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = compare(arguments.nodes, arguments.rounds, arguments.ansible_nodes)
    ours = {row["nodes"]: row["wall_s"] for row in rows if row["engine"] == "stackhaven"}
    print("| no-op of 100 steps | nodes | wall, s | controller CPU, s | ratio |\n|---|---|---|---|---|")
    for row in rows:
        row["ratio"] = row["wall_s"] / ours[row["nodes"]] if row["nodes"] in ours else None
        ratio = f"{row['ratio']:.1f}" if row["ratio"] else ""
        print(
            f"| {row['engine']} | {row['nodes']} | {row['wall_s']:.2f} | {row['controller_cpu_s']:.2f} | {ratio} |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"bench": "engine_noop", "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
