#!/usr/bin/python3
"""Tells over HTTP what this Galera member is.

GET /       200 when the member is synced in the primary component (or was a moment ago, and they agree on a new
            one), else 503: what the load balancer asks.
GET /state  the same as JSON, with the recovered position of a member that is down: what the other members ask when
            they decide at start who bootstraps, and what recovery looks at.

It also ends the sessions of a member that has not been synced for a moment. A load balancer could do that when it marks
the member down, but HAProxy 3.0 then forgets sessions that are just being connected, and their clients wait.

And it has the server started anew when it has left the group for good: after a transfer that lacks a write set, or a
vote that it lost, a server goes on without its group for ever. It serves nobody then, and has nothing that the others
lack.
"""

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pymysql

SOCKET = "/run/mysqld/mysqld.sock"
PHASE = "/run/mysqld/haven-phase.json"
GRASTATE = "/var/lib/mysql/grastate.dat"
STATUS = (
    "wsrep_local_state",
    "wsrep_cluster_status",
    "wsrep_connected",
    "wsrep_ready",
    "wsrep_cluster_size",
    "wsrep_cluster_state_uuid",
    "wsrep_last_committed",
    "wsrep_local_state_comment",
    "wsrep_incoming_addresses",
    "threads_connected",
)
LOOK_S = 0.25
DEADLINE_S = 1
SILENT_S = 1.0
ILL_FOR_S = 1.5
BLINK_S = 0.8
DATABASE_PORT = 3306
UNIT = "mariadb.service"
LEFT_FOR_S = 10
LEFT_AT_MOST_S = 600
"""How long a server may be without its group: doubled each time in vain, because each start may copy everything."""


class Member:
    """This member's state, asked for again and again through one lasting connection.

    Who wants to know it never waits for the database: one that stands still would hold up every check until its
    deadline. An answer that has become old says as much.
    """

    def __init__(self):
        self.connection = None
        self.last = (time.monotonic(), {"running": False, "reason": "not asked yet"})
        self.synced_at = float("-inf")
        self.left_since = None

    def look(self):
        answer = self._ask()
        now = time.monotonic()
        self.last = (now, answer)
        if answer.get("synced"):
            self.synced_at = now
        if not has_left(answer):
            self.left_since = None
        elif self.left_since is None:
            self.left_since = now

    def state(self):
        answered_at, answer = self.last
        if time.monotonic() - answered_at > SILENT_S:
            return {"running": False, "reason": "no answer"}
        return answer

    def serves(self):
        """Whether clients are well off here, and the member's state.

        When a lost member comes back, all are without a primary component for half a second, while they agree on the
        new one. Balancers that saw that took every member out for one and a half.
        """
        state = self.state()
        blinks = state["running"] and not state["primary"] and time.monotonic() - self.synced_at < BLINK_S
        return state.get("synced", False) or blinks, state

    def _ask(self):
        try:
            if self.connection is None:
                self.connection = pymysql.connect(
                    unix_socket=SOCKET,
                    user="mysql",
                    connect_timeout=DEADLINE_S,
                    read_timeout=DEADLINE_S,
                    write_timeout=DEADLINE_S,
                )
            names = ",".join(f"'{name}'" for name in STATUS)
            with self.connection.cursor() as cursor:
                cursor.execute(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
                status = {name.lower(): value for name, value in cursor.fetchall()}
        except (pymysql.MySQLError, OSError) as error:
            self.connection = None
            return {"running": False, "reason": type(error).__name__}
        primary = status.get("wsrep_cluster_status") == "Primary"
        synced = primary and status.get("wsrep_local_state") == "4" and status.get("wsrep_ready") == "ON"
        return {"running": True, "primary": primary, "synced": synced, "status": status}


def full_state(member):
    """The database's own answer, plus what the start program noted of a member that is not up."""
    state = dict(member.state())
    state["boot_id"] = open("/proc/sys/kernel/random/boot_id").read().strip()
    try:
        with open(PHASE) as file:
            state["start"] = json.load(file)
    except (OSError, ValueError):
        state["start"] = None
    state["stored"] = stored_position()
    return state


def stored_position():
    """What an orderly stop left in grastate.dat; the sequence number of a member that runs or crashed is -1 there."""
    try:
        with open(GRASTATE) as file:
            fields = dict(re.findall(r"^(\w+):\s*(\S+)\s*$", file.read(), re.MULTILINE))
        return {
            "uuid": fields["uuid"],
            "seqno": int(fields["seqno"]),
            "safe": fields["safe_to_bootstrap"] == "1",
        }
    except (OSError, KeyError, ValueError):
        return None


def handler(member):
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self):
            if self.path == "/state":
                self._send(200, json.dumps(full_state(member)))
                return
            serves, state = member.serves()
            reason = state.get("status", {}).get("wsrep_local_state_comment") or state.get("reason", "")
            self._send(200 if serves else 503, "synced" if serves else f"not synced: {reason}")

        do_HEAD = do_OPTIONS = do_GET

        def _send(self, code, text):
            body = (text + "\n").encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def handle(self):
            # Who asks does not always wait for the answer.
            with contextlib.suppress(ConnectionError, TimeoutError):
                super().handle()

        def log_message(self, *_):
            pass

    return Handler


def keep_looking(member):
    while True:
        member.look()
        time.sleep(LOOK_S)


def sessions_to_end(synced_at, now):
    """Whether the member has not been synced for so long that its clients are better off with an error."""
    return now - synced_at >= ILL_FOR_S


def end_sessions(member, address):
    """Look again and again; clients of a member that does not serve get an error and come back elsewhere."""
    while True:
        began = time.monotonic()
        time.sleep(LOOK_S)
        now = time.monotonic()
        if now - began > SILENT_S:
            continue  # The whole machine stood still, and nobody has looked yet.
        if sessions_to_end(member.synced_at, now):
            command = ["ss", "-K", "-H", "-n", "-t", "state", "established"]
            subprocess.run(
                [*command, "src", address, "sport", "=", f":{DATABASE_PORT}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=10,
                check=False,
            )


def has_left(answer):
    """Whether the server runs and has closed its connection to the group, which it never opens again."""
    status = answer.get("status", {})
    return status.get("wsrep_cluster_status") == "Disconnected" and status.get("wsrep_connected") == "OFF"


def main_process():
    """The server's process if its unit neither starts nor stops, else 0."""
    command = ["systemctl", "show", "--property", "ActiveState,MainPID", UNIT]
    said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    fields = dict(line.partition("=")[::2] for line in said.splitlines())
    return int(fields["MainPID"]) if fields["ActiveState"] == "active" else 0


class Patience:
    """How long a server may be without its group before it is started anew: longer after each time in vain."""

    def __init__(self):
        self.seconds = LEFT_FOR_S
        self.ended_at = float("-inf")

    def is_over(self, member, now):
        if member.synced_at > self.ended_at:
            self.seconds = LEFT_FOR_S
        if member.left_since is None or now - member.left_since < self.seconds:
            return False
        self.seconds, self.ended_at = min(2 * self.seconds, LEFT_AT_MOST_S), now
        return True


def start_anew_when_left(member):
    """End a server that has left its group, for its unit to start it again and have it join."""
    patience = Patience()
    while True:
        time.sleep(1)
        if patience.is_over(member, time.monotonic()):
            try:
                process = main_process()
                if process:
                    print("the server has left its group for good and is started anew", flush=True)
                    os.kill(process, signal.SIGKILL)
            except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
                print(f"the server cannot be started anew: {error}", flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    address = sys.argv[1]
    os.umask(0o077)
    member = Member()
    member.look()
    server = Server((address, 9200), handler(member))
    threading.Thread(target=end_sessions, args=(member, address), daemon=True).start()
    threading.Thread(target=start_anew_when_left, args=(member,), daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # In the main thread: without looks all the rest is worthless, and the unit starts a program anew that ended.
    keep_looking(member)


if __name__ == "__main__":
    main()
