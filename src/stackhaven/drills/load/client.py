"""What every probe is given: where services are, a valid token, and calls that end in one of three ways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from stackhaven.drills.history import Outcome
from stackhaven.drills.load.http import CallError, Reply, Request, call


class ProbeFailed(Exception):  # noqa: N818  it is an outcome, not an error of ours
    """An attempt that did not succeed.

    Args:
        kind: what went wrong, in a few words.
        outcome: fail when surely nothing was done, else unknown.
        repeat: asks for the same thing again, where that cannot make two of it; None where it could.

    """

    def __init__(self, kind: str, outcome: Outcome, repeat: Attempt | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.outcome = outcome
        self.repeat = repeat


@dataclass(kw_only=True)
class Client:
    """An administrator of the cloud. `endpoints`: public URL by service type; `token` is renewed by `sign_in`."""

    auth_url: str
    password: str
    region: str
    endpoints: Mapping[str, str]
    dashboard: str = ""
    token: str = ""

    async def sign_in(self, timeout_s: float) -> str:
        """A new token with the password, in the admin project. It costs the cloud a third of a second of CPU.

        Raises:
            ProbeFailed: none was given.

        """
        user = {"name": "admin", "domain": {"id": "default"}, "password": self.password}
        return await self._token({"methods": ["password"], "password": {"user": user}}, timeout_s)

    async def another_token(self, timeout_s: float, *, project: str = "admin") -> str:
        """A new token for the one we have: cheap, and no service has seen it. `project`: its name.

        Raises:
            ProbeFailed: none was given.

        """
        return await self._token({"methods": ["token"], "token": {"id": self.token}}, timeout_s, project)

    async def _token(self, identity: Mapping[str, object], timeout_s: float, project: str = "admin") -> str:
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        body = {"auth": {"identity": identity, "scope": scope}}
        request = Request(method="POST", url=f"{self.auth_url}/auth/tokens?nocatalog", body=body)
        reply = await self._finish(request, timeout_s, lambda status: status == 201, writes=False)
        return reply.headers.get("x-subject-token", "")

    async def ask(
        self,
        method: str,
        service: str,
        path: str,
        timeout_s: float,
        *,
        body: object = None,
        token: str = "",
        version: str = "",
        good: Callable[[int], bool] = lambda status: 200 <= status < 300,
    ) -> Reply:
        """Ask a service of this type. A write that may have been done in spite of its error ends as unknown.

        Raises:
            ProbeFailed: no answer, or not a good one.

        """
        headers = {"X-Auth-Token": token or self.token}
        if version:
            headers["OpenStack-API-Version"] = version
        url = self.endpoints[service].rstrip("/") + path
        request = Request(method=method, url=url, headers=headers, body=body)
        return await self._finish(request, timeout_s, good, writes=method not in {"GET", "HEAD"})

    async def fetch(self, url: str, timeout_s: float) -> Reply:
        """A page that is there.

        Raises:
            ProbeFailed: no answer, or not a good one.

        """
        request = Request(method="GET", url=url, headers={"Accept": "text/html"})
        return await self._finish(request, timeout_s, lambda status: status == 200, writes=False)

    async def _finish(
        self, request: Request, timeout_s: float, good: Callable[[int], bool], *, writes: bool
    ) -> Reply:
        try:
            reply = await call(request, timeout_s=timeout_s)
        except CallError as error:
            raise ProbeFailed(error.kind, "unknown" if writes and error.sent else "fail") from None
        if not good(reply.status):
            raise ProbeFailed(f"HTTP {reply.status}", outcome_of_status(reply.status, writes=writes))
        return reply


def outcome_of_status(status: int, *, writes: bool) -> Outcome:
    """How a call with a bad answer ended: 4xx and the balancer's 503 mean not done, 500, 502 and 504 may be done."""
    return "unknown" if writes and status in {500, 502, 504} else "fail"


Attempt = Callable[[Client, float], Awaitable[None]]
"""Makes a call within the seconds it is given; raises ProbeFailed."""
