"""The loop: one JSON object per line in, one per line out, several requests at a time."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time

from stackhaven.engine.agent.finding import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

LINE_BYTES = 16 * 1024 * 1024
WORKERS = 8
SILENCE_S = 90.0
"""Longest silence of the controller, which says something every 20 s: a half-dead link ends the agent."""


class Agent:
    """Answers requests until its input ends."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._sink_lock = threading.Lock()
        self._requests: queue.Queue[dict[str, Any]] = queue.Queue(maxsize=256)
        self._idle = 0
        self._workers = 0
        self._count_lock = threading.Lock()
        self.heard = time.monotonic()

    def serve(self, marker: str) -> None:
        """Read until the end of input or a line that is too long; returns then."""
        self._write_line(marker.encode())
        while True:
            line = self._source.readline(LINE_BYTES)
            if not line.endswith(b"\n"):
                return
            self.heard = time.monotonic()
            self._accept(line)

    def _accept(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            number, operation = request["id"], request["op"]
            if not isinstance(number, int) or not isinstance(operation, str):
                raise TypeError("id must be a number and op a text")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._answer({"id": None, "ok": False, "error": f"not a request: {type(error).__name__}"})
            return
        if operation == "ping":
            self._answer({"id": number, "ok": True, "result": None})
            return
        with self._count_lock:
            if self._idle <= 0 and self._workers < WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, daemon=True).start()
            else:
                self._idle -= 1
        self._requests.put(request)

    def _work(self) -> None:
        while True:
            request = self._requests.get()
            number = request["id"]
            try:
                result = self._perform(request)
                self._answer({"id": number, "ok": True, "result": result})
            except AgentError as error:
                self._answer({"id": number, "ok": False, "error": str(error)})
            except Exception as error:
                self._answer({"id": number, "ok": False, "error": f"{type(error).__name__}: {error}"})
            with self._count_lock:
                self._idle += 1

    def _perform(self, request: dict[str, Any]) -> object:
        operation = request["op"]
        if operation == "hello":
            from stackhaven.engine.agent.facts import hello

            return hello(request)
        if operation == "check":
            from stackhaven.engine.agent.kinds import check_all

            return check_all(request["resources"], bool(request.get("lazy")))
        if operation == "apply":
            from stackhaven.engine.agent.kinds import apply_one

            number = request["id"]
            return apply_one(request["resource"], lambda text: self._answer({"id": number, "progress": text}))
        raise AgentError(f"unknown operation: {operation!r}")

    def _answer(self, message: dict[str, Any]) -> None:
        self._write_line(json.dumps(message).encode())

    def _write_line(self, line: bytes) -> None:
        try:
            with self._sink_lock:
                self._sink.write(line + b"\n")
                self._sink.flush()
        except (OSError, ValueError):
            leave()


def leave() -> None:
    """End at once, with every process group the agent has started."""
    process = sys.modules.get("stackhaven.engine.agent.process")
    if process is not None:
        process.kill_all()
    os._exit(0)


def watch_silence(agent: Agent) -> None:
    """Leave when the controller has been silent for too long."""
    while True:
        time.sleep(SILENCE_S / 9)
        if time.monotonic() - agent.heard > SILENCE_S:
            leave()


def main(marker: str) -> None:
    """Serve on standard input and output. Prints of others go to standard error, where they harm no one."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    agent = Agent(sys.stdin.buffer, sink)
    threading.Thread(target=watch_silence, args=(agent,), daemon=True).start()
    try:
        agent.serve(marker)
    finally:
        leave()
