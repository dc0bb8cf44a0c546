"""A link: one agent on one node, reached through the streams of a local process, many requests at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from typing import Any

from stackhaven.engine.bundle import payload
from stackhaven.engine.ssh import Target, kill, reason_of
from stackhaven.errors import HavenError

LINE_BYTES = 16 * 1024 * 1024
POLLUTION_BYTES = 64 * 1024
STDERR_BYTES = 16 * 1024
OPEN_S = 30.0
PING_S = 20.0
CLOSE_S = 5.0
LAST_WORDS_S = 0.5
"""How long the client's own complaint is waited for after its output has ended."""

Progress = Callable[[str], None]


class LinkLostError(HavenError):
    """The node cannot be reached, or no longer; what was under way there has an unknown end."""

    def __init__(self, node: str, reason: str, *, todo: str = "") -> None:
        super().__init__(f"{node}: {reason}", todo=todo, rule="link")
        self.node = node
        self.reason = reason


class AgentFailedError(HavenError):
    """The agent answered that a request failed; the text is for the operator."""


class Link:
    """Open by `Link.open`; `call` any number at a time; `close` at the end. Every wait has a limit."""

    def __init__(self, target: Target, process: asyncio.subprocess.Process) -> None:
        self.node = target.name
        self.lost = False
        self._process = process
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[int, Progress] = {}
        self._number = 0
        self._stderr = bytearray()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, target: Target, *, timeout_s: float = OPEN_S) -> Link:
        """Start the process, send the agent, wait for its marker.

        Raises:
            LinkLostError: unreachable, wrong host key, refused, no sudo, no Python: the reason says which.

        """
        try:
            process = await asyncio.create_subprocess_exec(
                *target.argv(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LINE_BYTES,
                start_new_session=True,
            )
        except OSError as error:
            raise LinkLostError(target.name, f"cannot start {target.argv()[0]}: {error.strerror}") from error
        link = cls(target, process)
        link._tasks.append(asyncio.create_task(link._drain_stderr()))
        try:
            async with asyncio.timeout(timeout_s):
                await link._greet()
        except (TimeoutError, OSError, ValueError, EOFError) as error:
            raise await link._failure_to_open(timed_out=isinstance(error, TimeoutError)) from error
        except BaseException:
            await link.close(grace_s=0)
            raise
        link._tasks.append(asyncio.create_task(link._read_answers()))
        link._tasks.append(asyncio.create_task(link._keep_alive()))
        return link

    async def call(
        self, operation: str, *, timeout_s: float, progress: Progress | None = None, **arguments: Any
    ) -> Any:
        """One request.

        Raises:
            AgentFailedError: the agent says no.
            LinkLostError: the link died, or no answer came within `timeout_s` seconds.

        """
        if self.lost:
            raise self._loss()
        self._number += 1
        number = self._number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        if progress is not None:
            self._progress[number] = progress
        line = json.dumps({"id": number, "op": operation, **arguments}).encode() + b"\n"
        if len(line) > LINE_BYTES:
            raise AgentFailedError(f"{self.node}: a request of {len(line)} bytes is too large")
        try:
            async with asyncio.timeout(timeout_s):
                self._stdin.write(line)
                await self._stdin.drain()
                return await answer
        except TimeoutError as error:
            self._end(f"no answer within {timeout_s:.0f} s")
            raise self._loss() from error
        except (OSError, RuntimeError) as error:
            # The reader may be about to say why: what the client complained of before it ended.
            await asyncio.wait({self._tasks[1]}, timeout=2 * LAST_WORDS_S)
            self._end("the link broke")
            raise self._loss() from error
        finally:
            self._pending.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # who asked is told by the error raised here
            self._progress.pop(number, None)

    async def close(self, *, grace_s: float = CLOSE_S) -> None:
        """End the agent by ending its input; kill the local process if that does not help. Never raises."""
        self._end("closed")
        with contextlib.suppress(OSError, RuntimeError):
            self._stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        kill(self._process)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._process.wait()

    @property
    def _stdin(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout

    async def _greet(self) -> None:
        marker = f"haven-agent-{secrets.token_hex(8)}"
        self._stdin.write(payload(marker))
        await self._stdin.drain()
        skipped = 0
        while True:
            line = await self._stdout.readline()
            if line.rstrip(b"\r\n").endswith(marker.encode()):
                return
            skipped += len(line)
            if not line or skipped > POLLUTION_BYTES:
                raise EOFError("no marker")

    async def _failure_to_open(self, *, timed_out: bool) -> LinkLostError:
        if not timed_out:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._process.wait()
                    await self._tasks[0]
        complaint = bytes(self._stderr).decode("utf-8", "replace")
        code = self._process.returncode
        await self.close(grace_s=0)
        if timed_out and not complaint.strip():
            return LinkLostError(self.node, "unreachable: no answer in time", todo="is it powered on?")
        what, todo = reason_of(complaint, code)
        return LinkLostError(self.node, what, todo=todo)

    async def _read_answers(self) -> None:
        while True:
            try:
                line = await self._stdout.readline()
            except (OSError, ValueError):
                line = b""
            if not line:
                await asyncio.wait({self._tasks[0]}, timeout=LAST_WORDS_S)
                self._end("the connection was lost")
                return
            try:
                self._dispatch(json.loads(line))
            except (ValueError, TypeError, AttributeError):
                self._end("the agent sent something that is not an answer")
                return

    def _dispatch(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if number is None:
            raise ValueError("the agent did not understand us")
        if "progress" in message:
            if number in self._progress:
                self._progress[number](str(message["progress"]))
            return
        answer = self._pending.get(number)
        if answer is None or answer.done():
            return
        if message.get("ok"):
            answer.set_result(message.get("result"))
        else:
            answer.set_exception(AgentFailedError(str(message.get("error"))))

    async def _keep_alive(self) -> None:
        with contextlib.suppress(LinkLostError):
            while True:
                await asyncio.sleep(PING_S)
                await self.call("ping", timeout_s=2 * PING_S)

    async def _drain_stderr(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self._stderr += chunk
            del self._stderr[:-STDERR_BYTES]

    def _end(self, reason: str) -> None:
        if self.lost:
            return
        self.lost = True
        self._reason = reason
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(self._loss())
        if reason != "closed":
            kill(self._process)

    def _loss(self) -> LinkLostError:
        complaint = bytes(self._stderr).decode("utf-8", "replace").strip().splitlines()
        detail = f" ({complaint[-1]})" if complaint else ""
        return LinkLostError(self.node, f"{self._reason}{detail}")
