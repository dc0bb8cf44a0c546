#!/usr/bin/python3
"""Runs on a node: one move of a recovery. Standard library only.

    recovery check|apply MOVE ARGUMENT...

`check` exits 0 when the move is done, as the living system tells; `apply` does it and may be called again after it was
cut off at any point. Data is moved aside or copied to /var/lib/stackhaven/recovery, never deleted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = Path("/var/lib/stackhaven/recovery")
MYSQL = Path("/var/lib/mysql")
ORDER = Path("/run/mysqld/haven-order.json")
MNESIA = Path("/var/lib/rabbitmq/mnesia")
STREAMS = "/usr/lib/rabbitmq/bin/rabbitmq-streams"
OVN = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}
RAFT_PORTS = {"nb": 6643, "sb": 6644}
ENDED = {"inactive", "failed"}
ASK_S = 30
STOP_S = 25
UP_S = 240
TRANSFER_S = 3600


class FailedError(Exception):
    """A move that could not be made, in an operator's words."""


def say(text: object) -> None:
    """For whoever reads the output of the move."""
    sys.stdout.write(f"{text}\n")


def run(*argv: str, timeout_s: float = ASK_S) -> str:
    """A program's output."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise FailedError(f"{' '.join(argv[:4])}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def active(unit: str) -> str:
    """Its ActiveState."""
    return run("systemctl", "show", "--property=ActiveState", "--value", "--", unit).strip()


def begin(unit: str) -> None:
    """Start without waiting: members of a cluster wait for each other."""
    subprocess.run(["systemctl", "reset-failed", unit], capture_output=True, timeout=ASK_S, check=False)
    run("systemctl", "start", "--no-block", unit)


def end(unit: str) -> None:
    """Stop; what does not end by itself, such as a member without a majority, is killed."""
    run("systemctl", "stop", "--no-block", unit)
    if not holds(lambda: active(unit) in ENDED, STOP_S):
        run("systemctl", "kill", "--signal=KILL", unit)
    wait(lambda: active(unit) in ENDED, STOP_S, f"{unit} does not end")


def holds(condition: Callable[[], bool], deadline_s: float) -> bool:
    """Whether it comes to hold in time."""
    until = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


def wait(condition: Callable[[], bool], deadline_s: float, complaint: str) -> None:
    """Wait until it holds."""
    if not holds(condition, deadline_s):
        raise FailedError(f"{complaint} within {deadline_s:g} s")


def aside(path: Path, name: str) -> None:
    """Move it to where recoveries keep things."""
    if not path.exists():
        return
    if path.is_mount():
        raise FailedError(f"{path} is a filesystem of its own: move what is in it aside by hand, then again")
    KEPT.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = KEPT / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}"
    shutil.move(path, target)
    say(f"{path} is now {target}")


def member(address: str) -> dict[str, object]:
    """What the database member check says."""
    try:
        with urllib.request.urlopen(f"http://{address}:9200/state", timeout=3) as answer:
            state = json.load(answer)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def copy_of(position: str) -> Path:
    """Where the copy of a data directory at this position is kept."""
    return KEPT / f"galera-{position.replace(':', '-')}"


def copy(position: str) -> None:
    """Copy the data directory of a member that does not run."""
    if subprocess.run(["pidof", "mariadbd"], capture_output=True, timeout=ASK_S, check=False).returncode == 0:
        raise FailedError("mariadbd runs; its files cannot be copied")
    size = sum(f.stat().st_size for f in MYSQL.rglob("*") if f.is_file() and f.name != "galera.cache")
    KEPT.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(KEPT).free
    if free < size * 1.1:
        raise FailedError(f"no room for a copy: {size >> 20} MiB wanted, {free >> 20} MiB free at {KEPT}")
    part = KEPT / "part"
    shutil.rmtree(part, ignore_errors=True)
    run("cp", "--archive", "--reflink=auto", str(MYSQL), str(part), timeout_s=TRANSFER_S)
    run("sync", "--file-system", str(part), timeout_s=ASK_S * 10)
    part.rename(copy_of(position))
    say(f"copied {size >> 20} MiB to {copy_of(position)}")


def check_bootstrap(address: str, _: str) -> bool:
    """Whether this member is in a primary component."""
    return bool(member(address).get("primary"))


def bootstrap(address: str, position: str) -> None:
    """Order the start program to bootstrap from exactly this position, and see it done."""
    ORDER.write_text(json.dumps({"position": position}), encoding="utf-8")
    ORDER.chmod(0o644)
    try:
        begin("mariadb.service")
        wait(lambda: check_bootstrap(address, position), UP_S, "no primary component")
    finally:
        ORDER.unlink(missing_ok=True)


def check_synced(address: str) -> bool:
    """Whether this member is synced."""
    return bool(member(address).get("synced"))


def reseed(address: str) -> None:
    """Stop, move the data aside, and take a whole copy from the cluster."""
    end("mariadb.service")
    aside(MYSQL, "galera-aside")
    MYSQL.mkdir(mode=0o755)
    shutil.chown(MYSQL, "mysql", "mysql")
    begin("mariadb.service")
    wait(lambda: check_synced(address), TRANSFER_S, "the member is not synced")


def cluster() -> dict[str, list[str]]:
    """The broker's view of its cluster."""
    try:
        status = json.loads(run("rabbitmqctl", "-q", "cluster_status", "--formatter", "json"))
    except (FailedError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def check_broker(*_: str) -> bool:
    """Whether it runs."""
    return bool(cluster())


def force_boot() -> None:
    """Start without waiting for the others."""
    end("rabbitmq-server.service")
    run("rabbitmqctl", "-q", "force_boot")
    begin("rabbitmq-server.service")
    wait(check_broker, UP_S, "the broker does not answer")


def check_forget(node: str) -> bool:
    """Whether the cluster does not count it."""
    known = cluster().get("disk_nodes", [])
    return bool(known) and f"rabbit@{node}" not in known


def forget(node: str) -> None:
    """Take its replicas from all queues, then the node from the cluster."""
    # One that founded a cluster of its own is stopped first: its clients go to the others.
    stop = ["rabbitmqctl", "-q", "-n", f"rabbit@{node}", "stop_app"]
    subprocess.run(stop, capture_output=True, timeout=UP_S, check=False)
    run("rabbitmq-queues", "-q", "shrink", f"rabbit@{node}", timeout_s=UP_S)
    run("rabbitmqctl", "-q", "forget_cluster_node", f"rabbit@{node}", timeout_s=UP_S)


def check_joined(peer: str) -> bool:
    """Whether this broker is in one cluster with that one."""
    return f"rabbit@{peer}" in cluster().get("running_nodes", [])


def reset(peer: str) -> None:
    """Stop, move its data aside; started empty, it finds its peers by its configuration."""
    end("rabbitmq-server.service")
    aside(MNESIA, "rabbitmq-aside")
    begin("rabbitmq-server.service")
    wait(lambda: check_joined(peer), UP_S, f"the broker did not join {peer}")


def check_grow(node: str, *queues: str) -> bool:
    """Whether every one of these ("quorum NAME" or "stream NAME") has a replica on the node, or is no more."""
    rows = json.loads(run("rabbitmqctl", "-q", "list_queues", "name", "members", "--formatter", "json"))
    members = {row["name"]: row["members"] or [] for row in rows}
    names = [queue.split(" ", 1)[1] for queue in queues]
    return all(f"rabbit@{node}" in members[name] for name in names if name in members)


def grow(node: str, *queues: str) -> None:
    """Add replicas; a quorum queue's new one catches up before the next is added."""
    if any(queue.startswith("quorum ") for queue in queues):
        run("rabbitmq-queues", "-q", "grow", f"rabbit@{node}", "all", timeout_s=UP_S)
    for queue in queues:
        kind, name = queue.split(" ", 1)
        if kind == "stream" and not check_grow(node, queue):
            run(
                "runuser",
                "-u",
                "rabbitmq",
                "--",
                STREAMS,
                "-q",
                "add_replica",
                name,
                f"rabbit@{node}",
                timeout_s=UP_S,
            )


def raft(database: str) -> str:
    """The server's view of its cluster; empty where it is down."""
    try:
        return run("ovn-appctl", "-t", f"/run/ovn/ovn{database}_db.ctl", "cluster/status", OVN[database])
    except FailedError:
        return ""


def check_led(database: str, *_: str) -> bool:
    """Whether it is a member of a cluster with a leader."""
    return is_led(raft(database))


def check_rejoined(database: str, cluster_id: str, *_: str) -> bool:
    """Whether it is a member of that cluster."""
    text = raft(database)
    return is_led(text) and cluster_id[:4] in text.partition("Cluster ID:")[2][:8]


def is_led(text: str) -> bool:
    """Whether a server's view shows a member of a cluster with a leader."""
    return "Status: cluster member" in text and bool(re.search(r"^Leader: (?!unknown)", text, re.MULTILINE))


def check_kick(database: str, server: str) -> bool:
    """Whether the cluster does not count it."""
    text = raft(database)
    return bool(text) and not re.search(rf"^ +{re.escape(server)} \(", text, re.MULTILINE)


def kick(database: str, server: str) -> None:
    """Remove a server from the cluster."""
    run("ovn-appctl", "-t", f"/run/ovn/ovn{database}_db.ctl", "cluster/kick", OVN[database], server)
    wait(lambda: check_kick(database, server), UP_S, f"server {server} is still counted")


def files_of(database: str) -> tuple[Path, str]:
    """The database's file and its server's unit."""
    return Path(f"/var/lib/ovn/ovn{database}_db.db"), f"ovn-ovsdb-server-{database}.service"


def rejoin(database: str, cluster_id: str, local: str, *peers: str) -> None:
    """Start anew as a member of the cluster of these peers."""
    file, unit = files_of(database)
    end(unit)
    aside(file, file.name)
    port = RAFT_PORTS[database]
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    remotes = [f"tcp:{peer}:{port}" for peer in peers]
    run(
        "ovsdb-tool",
        f"--cid={cluster_id}",
        "join-cluster",
        str(new),
        OVN[database],
        f"tcp:{local}:{port}",
        *remotes,
    )
    new.rename(file)
    begin(unit)
    wait(lambda: check_rejoined(database, cluster_id), UP_S, "the server did not become a member")


def found(database: str, local: str) -> None:
    """Make a new cluster of one from this copy; the old file is kept."""
    file, unit = files_of(database)
    end(unit)
    KEPT.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copy2(file, KEPT / f"{file.name}-{time.strftime('%Y%m%dT%H%M%S')}")
    alone, new = file.with_suffix(".alone"), file.with_suffix(".new")
    for path in (alone, new):
        path.unlink(missing_ok=True)
    run("ovsdb-tool", "cluster-to-standalone", str(alone), str(file))
    run("ovsdb-tool", "create-cluster", str(new), str(alone), f"tcp:{local}:{RAFT_PORTS[database]}")
    new.rename(file)
    alone.unlink()
    begin(unit)
    wait(lambda: check_led(database), UP_S, "the new cluster has no leader")


def balancer(command: str) -> str:
    """HAProxy's answer on its administration socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_S)
        connection.connect("/run/haproxy/admin.sock")
        connection.sendall(f"{command}\n".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode("utf-8", "replace")


def check_sweep(*servers: str) -> bool:
    """Whether no session is left on these servers ("listener/member")."""
    sessions = balancer("show sess")
    return not any(f" be={be} srv={srv} " in sessions for be, srv in (s.split("/") for s in servers))


def sweep(*servers: str) -> None:
    """End the sessions of servers that are gone: their clients wait for an answer that nobody sends."""
    for server in servers:
        balancer(f"shutdown sessions server {server}")
    wait(lambda: check_sweep(*servers), ASK_S, "sessions are still there")


def check_restart(unit: str, since: str) -> bool:
    """Whether it was started after that moment (seconds since 1970) and runs."""
    begun = run(
        "systemctl", "show", "--property=ActiveEnterTimestamp", "--timestamp=unix", "--value", "--", unit
    )
    return active(unit) == "active" and float(begun.strip().lstrip("@") or 0) >= float(since)


def restart(unit: str, _: str) -> None:
    """Restart what runs and does nothing."""
    run("systemctl", "restart", unit, timeout_s=UP_S)


MOVES: dict[str, tuple[Callable[..., bool], Callable[..., None]]] = {
    "start": (lambda unit: active(unit) not in ENDED, begin),
    "stop": (lambda unit: active(unit) in ENDED, end),
    "copy": (lambda position: copy_of(position).exists(), copy),
    "bootstrap": (check_bootstrap, bootstrap),
    "reseed": (check_synced, reseed),
    "force-boot": (check_broker, force_boot),
    "forget": (check_forget, forget),
    "reset": (check_joined, reset),
    "grow": (check_grow, grow),
    "kick": (check_kick, kick),
    "rejoin": (check_rejoined, rejoin),
    "found": (check_led, found),
    "sweep": (check_sweep, sweep),
    "restart": (check_restart, restart),
}


def main(verb: str, move: str, *arguments: str) -> int:
    """The exit code."""
    os.umask(0o022)
    check, apply = MOVES[move]
    try:
        if verb == "check":
            return 0 if check(*arguments) else 1
        apply(*arguments)
    except (FailedError, OSError, subprocess.SubprocessError) as error:
        say(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
