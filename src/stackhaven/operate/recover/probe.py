"""Runs on a node: what is left of its database member, broker and network databases, as one JSON line.

Sent over the link, never installed; standard library only. It only looks. Everything is asked at the same time and
each question has a deadline; one that fails answers {"error": sentence}.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ASK_S = 3.0
BROKER_S = 20.0
LOG_LINES = 12
DATA = "/var/lib/mysql"
MNESIA = "/var/lib/rabbitmq/mnesia"
OVN = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}
UNIT_PROPERTIES = "ActiveState,SubState,NRestarts,Result"


def collect(request: dict[str, Any]) -> dict[str, Any]:
    """Answers by name. `request`: {node, address, database, queue, network, balancer}; false is not asked."""
    questions: dict[str, Callable[[], object]] = {}
    if request["database"]:
        questions["database"] = lambda: database(request["address"])
    if request["queue"]:
        questions["queue"] = lambda: broker(request["node"])
    if request["balancer"]:
        questions["balancer"] = lambda: balancer(request["balancer"])
    if request["network"]:
        for kind in OVN:
            questions[kind] = lambda kind=kind: raft(kind)  # type: ignore[misc]
    return ask_all(questions, BROKER_S + ASK_S if request["queue"] else 2 * ASK_S)


def ask_all(questions: dict[str, Callable[[], object]], deadline_s: float) -> dict[str, Any]:
    """All at once; what is not answered in time is left behind."""
    answers: dict[str, Any] = {}

    def ask(name: str, question: Callable[[], object]) -> None:
        try:
            answers[name] = question()
        except Exception as error:
            answers[name] = {"error": f"{type(error).__name__}: {error}"}

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in questions.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    found = dict(answers)
    for name in questions:
        found.setdefault(name, {"error": f"no answer within {deadline_s:g} s"})
    return found


def run(*argv: str, timeout_s: float = ASK_S) -> subprocess.CompletedProcess[str]:
    """A program to its end; its complaint is kept."""
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )


def unit(name: str) -> dict[str, str]:
    """What systemd says of it."""
    lines = run("systemctl", "show", f"--property={UNIT_PROPERTIES}", "--", name).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def text_of(path: str) -> str:
    """A file's text; empty where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def database(address: str) -> dict[str, Any]:
    """The member check's own answer, the saved state, and how the unit fares."""
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://{address}:9200/state", timeout=ASK_S) as answer:
            state = json.loads(answer.read().decode())
    except (OSError, ValueError) as error:
        state = {"running": False, "reason": str(error)}
    return {
        "unit": unit("mariadb.service"),
        "state": state,
        "view": text_of(f"{DATA}/gvwstate.dat"),
        "files": sorted(p.name for p in Path(DATA).iterdir()) if Path(DATA).is_dir() else None,
        "log": last_errors("mariadb.service"),
    }


def last_errors(name: str, most: int = 4) -> list[str]:
    """The last complaints of a unit in its journal."""
    lines = run("journalctl", "--no-pager", "-o", "cat", "-n", "200", "-u", name).stdout.splitlines()
    return [line[-300:] for line in lines if "ERROR" in line or "FATAL" in line][-most:]


def broker(node: str) -> dict[str, Any]:
    """The cluster as this broker sees it; the first of those that run also tells where queues have their replicas."""
    found: dict[str, Any] = {"unit": unit("rabbitmq-server.service"), "data": Path(MNESIA).is_dir()}
    status = run("rabbitmqctl", "-q", "cluster_status", "--formatter", "json", timeout_s=BROKER_S)
    if status.returncode:
        complaint = (status.stderr or status.stdout).strip().splitlines()
        log = text_of(f"/var/log/rabbitmq/rabbit@{node}.log").splitlines()[-LOG_LINES:]
        found["disagrees"] = [line[-300:] for line in log if "thinks it's clustered" in line][-1:]
        return {**found, "complaint": (complaint or [""])[0][:200]}
    found["status"] = json.loads(status.stdout)
    if min(found["status"]["running_nodes"], default="") == f"rabbit@{node}":
        columns = ("name", "type", "members", "online")
        queues = run("rabbitmqctl", "-q", "list_queues", *columns, "--formatter", "json", timeout_s=BROKER_S)
        found["queues"] = json.loads(queues.stdout) if queues.returncode == 0 else None
    return found


def balancer(listeners: list[str]) -> dict[str, Any]:
    """Sessions of these listeners on members that this balancer knows to be down, by "listener/member"."""
    header, *rows = administration("show stat").strip().splitlines()
    columns = header.removeprefix("# ").split(",")
    stats = [dict(zip(columns, row.split(","), strict=False)) for row in rows]
    down = {
        (s["pxname"], s["svname"])
        for s in stats
        if s["status"].startswith("DOWN") and s["pxname"] in listeners
    }
    found: dict[str, int] = {}
    for session in administration("show sess").splitlines():
        words = dict(word.split("=", 1) for word in session.split() if "=" in word)
        where = (words.get("be", ""), words.get("srv", ""))
        if where in down:
            found["/".join(where)] = found.get("/".join(where), 0) + 1
    return {"hung": found}


def administration(command: str) -> str:
    """HAProxy's answer on its administration socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_S)
        connection.connect("/run/haproxy/admin.sock")
        connection.sendall(f"{command}\n".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode("utf-8", "replace")


def raft(kind: str) -> dict[str, Any]:
    """One OVN database: its server's view of the cluster, or what its file says when the server is down."""
    path = f"/var/lib/ovn/ovn{kind}_db.db"
    found: dict[str, Any] = {"unit": unit(f"ovn-ovsdb-server-{kind}.service"), "file": Path(path).exists()}
    control = f"/run/ovn/ovn{kind}_db.ctl"
    done = run("ovn-appctl", "-t", control, "cluster/status", OVN[kind])
    found["status"] = done.stdout if done.returncode == 0 else ""
    if found["file"]:
        for name in ("db-cid", "db-sid"):
            found[name] = run("ovsdb-tool", name, path).stdout.strip()
    if not found["status"]:
        found["complaint"] = re.sub(r"^\S+\|", "", done.stderr.strip())[-300:]
    return found


def main(request: dict[str, Any]) -> None:
    """Print the answers, and leave without waiting for what hangs."""
    found = collect(request)
    found["done"] = True
    os.write(1, json.dumps(found).encode() + b"\n")
    os._exit(0)
