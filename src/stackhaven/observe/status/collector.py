"""Runs on a node: gathers what it can tell of itself and prints it as one JSON line. Standard library only.

Sent over the link, never installed. Everything is asked at the same time and each question has a deadline, so that one
hung service costs its own answer only. A question that fails answers {"error": sentence}.
"""

# Importing pathlib or urllib would cost as much as all the rest.
# ruff: noqa: PTH110, PTH116, PTH123, PTH208

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ASK_S = 3.0
STAT_COLUMNS = ("pxname", "svname", "status", "check_status", "lastchg")
OVN = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}
UNIT_PROPERTIES = "Id,LoadState,ActiveState,SubState,NRestarts,Result"
PRIVATE_PAGES = (1, 2)
"""Columns of statm: resident and shared pages."""
BROKER_HOME = "/var/lib/rabbitmq"
BROKER_ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
CALLERS = 64
PARTITIONS = "rabbit_node_monitor partitions []"


def collect(request: dict[str, Any]) -> dict[str, Any]:
    """Answers by name. `request`: {address, units, vips, galera, haproxy, rabbitmq, ovn} (ports, paths or false)."""
    questions: dict[str, Callable[[], object]] = {
        "units": lambda: units(request["units"]),
        "machine": machine,
        "addresses": lambda: addresses(request["vips"]),
        "neighbours": lambda: neighbours(request["vips"]),
    }
    if request.get("galera"):
        questions["galera"] = lambda: json.loads(
            get(f"http://{request['address']}:{request['galera']}/state")
        )
    if request.get("haproxy"):
        questions["haproxy"] = lambda: balancer(request["haproxy"])
    if request.get("rabbitmq"):
        base = f"http://{request['address']}:{request['rabbitmq']}/metrics"
        questions["rabbitmq"] = lambda: broker(base)
    if request.get("ovn"):
        questions["ovn"] = lambda: {kind: raft(kind) for kind in OVN}
    return ask_all(questions)


def ask_all(questions: dict[str, Callable[[], object]]) -> dict[str, Any]:
    """All at once; what is not answered after `ASK_S` seconds is left behind."""
    answers: dict[str, Any] = {}

    def ask(name: str, question: Callable[[], object]) -> None:
        try:
            answers[name] = question()
        except Exception as error:
            answers[name] = {"error": f"{type(error).__name__}: {error}"}

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in questions.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ASK_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    found = dict(answers)
    for name in questions:
        found.setdefault(name, {"error": f"no answer within {ASK_S:g} s"})
    return found


def command(*argv: str) -> str:
    """The output of a program; its complaint is the error."""
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=ASK_S,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"{argv[0]} ended with {done.returncode}")
    return done.stdout


def get(url: str) -> str:
    """A page of this node's own."""
    host, _, path = url.removeprefix("http://").partition("/")
    address, _, port = host.rpartition(":")
    answer = exchange(
        socket.create_connection((address, int(port)), timeout=ASK_S),
        f"GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n",
    )
    head, _, body = answer.partition("\r\n\r\n")
    status = head.split(" ", 2)[1]
    if status != "200":
        raise RuntimeError(f"{url} answers {status}")
    return body


def exchange(connection: socket.socket, question: str) -> str:
    """Ask and listen until the other side has said everything."""
    with connection:
        connection.settimeout(ASK_S)
        connection.sendall(question.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode()


def units(names: list[str]) -> list[dict[str, str]]:
    """The properties of units, in order."""
    if not names:
        return []
    output = command("systemctl", "show", f"--property={UNIT_PROPERTIES}", "--", *names)
    blocks = output.strip("\n").split("\n\n")
    return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]


def machine() -> dict[str, Any]:
    """Memory and disks in MiB, load, pressure in percent of the last 10 s."""
    meminfo = dict(line.split(":", 1) for line in lines("/proc/meminfo"))
    return {
        "memory_mb": int(meminfo["MemTotal"].split()[0]) // 1024,
        "available_mb": int(meminfo["MemAvailable"].split()[0]) // 1024,
        "processes_mb": processes_mb(),
        "container": os.path.exists("/run/systemd/container"),
        "cores": len(os.sched_getaffinity(0)),
        "load": float(lines("/proc/loadavg")[0].split()[0]),
        "uptime_s": float(lines("/proc/uptime")[0].split()[0]),
        "pressure": {what: pressure(what) for what in ("cpu", "memory", "io")},
        "disks": disks(
            ("/", "/var", "/var/lib/mysql", "/var/lib/rabbitmq", "/var/lib/nova", "/var/lib/glance/images")
        ),
    }


def lines(path: str) -> list[str]:
    """The lines of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def processes_mb() -> int:
    """Memory that this node's processes have for themselves: in a container the kernel tells only the host's."""
    pages = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = lines(f"/proc/{name}/statm")[0].split()
            except (OSError, IndexError):
                continue
            pages += int(fields[PRIVATE_PAGES[0]]) - int(fields[PRIVATE_PAGES[1]])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def pressure(what: str) -> float:
    """Percent of the last ten seconds in which something waited for it; 0 where the kernel does not tell."""
    try:
        return float(lines(f"/proc/pressure/{what}")[0].split("avg10=")[1].split()[0])
    except (OSError, IndexError, ValueError):
        return 0.0


def disks(paths: tuple[str, ...]) -> list[dict[str, Any]]:
    """Size and room of the filesystems that hold these paths, each once; inodes in percent used."""
    found: dict[int, dict[str, Any]] = {}
    for path in paths:
        try:
            device, stat = os.stat(path).st_dev, os.statvfs(path)
        except OSError:
            continue
        used = 100 * (stat.f_files - stat.f_ffree) // stat.f_files if stat.f_files else 0
        found.setdefault(
            device,
            {
                "path": path,
                "size_mb": stat.f_blocks * stat.f_frsize // 2**20,
                "free_mb": stat.f_bavail * stat.f_frsize // 2**20,
                "inodes_percent": used,
            },
        )
    return list(found.values())


def addresses(vips: list[str]) -> dict[str, str]:
    """The VIPs that this node holds, each with the MAC of the interface that has it."""
    held = {}
    for link in json.loads(command("ip", "-json", "addr", "show")):
        for entry in link.get("addr_info", ()):
            if entry.get("local") in vips:
                held[entry["local"]] = link.get("address", "")
    return held


def neighbours(vips: list[str]) -> dict[str, str]:
    """The MAC that this node would send to for each VIP."""
    table = json.loads(command("ip", "-json", "neigh", "show"))
    return {
        entry["dst"]: entry["lladdr"]
        for entry in table
        if entry.get("dst") in vips and "lladdr" in entry and "FAILED" not in entry.get("state", ())
    }


def balancer(path: str) -> list[dict[str, str]]:
    """Every member of every listener as HAProxy's administration socket tells it."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ASK_S)
    connection.connect(path)
    header, *rows = exchange(connection, "show stat\n").strip().splitlines()
    columns = header.removeprefix("# ").split(",")
    wanted = {column: columns.index(column) for column in STAT_COLUMNS}
    found = []
    for row in rows:
        fields = row.split(",")
        if fields[wanted["svname"]] not in {"FRONTEND", "BACKEND"}:
            found.append({column: fields[at] for column, at in wanted.items()})
    return found


def broker(base: str) -> dict[str, Any]:
    """What a broker's metrics say of its cluster, its alarms, and which queues have a member here."""
    peers: dict[str, int] = {}
    alarms = []
    for line in get(base).splitlines():
        if line.startswith("erlang_vm_dist_node_state{"):
            peers[line.split('peer="')[1].split('"')[0]] = int(float(line.rsplit(" ", 1)[1]))
        elif line.startswith("rabbitmq_alarms_") and not line.endswith(" 0"):
            alarms.append(line.split()[0].removeprefix("rabbitmq_alarms_"))
    queues = set()
    for line in get(f"{base}/detailed?family=ra_metrics").splitlines():
        if line.startswith("rabbitmq_detailed_raft_term_total{") and 'queue="' in line:
            queues.add(line.split('queue="')[1].split('"')[0])
    return {"peers": peers, "alarms": alarms, "queues": sorted(queues), "parted": parted()}


def parted() -> list[str]:
    """The brokers from which this one is parted although they are connected; no metric tells."""
    with open(BROKER_ENVIRONMENT, encoding="utf-8") as file:
        node = next(line.split("=", 1)[1].strip() for line in file if line.startswith("NODENAME="))
    # Of two callers by one name the second is refused; each name stays in the broker's memory, so there are few.
    caller = f"haven_status{os.getpid() % CALLERS}"
    said = command("env", f"HOME={BROKER_HOME}", "erl_call", "-h", caller, "-sname", node, "-a", PARTITIONS)
    return re.findall(r"rabbit@([\w.-]+)", said)


def raft(kind: str) -> str:
    """What an OVN database server says of its cluster, as text."""
    return command("ovn-appctl", "-t", f"/run/ovn/ovn{kind}_db.ctl", "cluster/status", OVN[kind])


def main(request: dict[str, Any]) -> None:
    """Print the answers and the clock, and leave without waiting for what hangs."""
    found = collect(request)
    found["clock"] = time.time()
    os.write(1, json.dumps(found).encode() + b"\n")
    os._exit(0)
