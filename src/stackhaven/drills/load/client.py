"""What every probe is given: where services are, a valid token, and calls that end in one of three ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stackhaven.drills.history import Outcome
from stackhaven.drills.load.http import CallError, Reply, Request, call


class ProbeFailed(Exception):  # noqa: N818  it is an outcome, not an error of ours
    """An attempt that did not succeed. `outcome`: fail when surely nothing was done, else unknown."""

    def __init__(self, kind: str, outcome: Outcome) -> None:
        super().__init__(kind)
        self.kind = kind
        self.outcome = outcome


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
        """A new token with the password, in the admin project.

        Raises:
            ProbeFailed: none was given.

        """
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": self.password}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "admin", "domain": domain}},
            }
        }
        reply = await self.send(
            Request(method="POST", url=f"{self.auth_url}/auth/tokens?nocatalog", body=body), timeout_s, {201}
        )
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
        return await self._finish(
            Request(method=method, url=url, headers=headers, body=body), timeout_s, good
        )

    async def send(self, request: Request, timeout_s: float, good: set[int]) -> Reply:
        """Any request; see `ask`."""
        return await self._finish(request, timeout_s, lambda status: status in good)

    async def _finish(self, request: Request, timeout_s: float, good: Callable[[int], bool]) -> Reply:
        try:
            reply = await call(request, timeout_s=timeout_s)
        except CallError as error:
            raise ProbeFailed(error.kind, outcome_of_error(request.method, sent=error.sent)) from None
        if not good(reply.status):
            raise ProbeFailed(f"HTTP {reply.status}", outcome_of_status(request.method, reply.status))
        return reply


def outcome_of_error(method: str, *, sent: bool) -> Outcome:
    """How a call without an answer ended: a read did nothing, a write that was sent may have been done."""
    return "unknown" if sent and method not in {"GET", "HEAD"} else "fail"


def outcome_of_status(method: str, status: int) -> Outcome:
    """How a call with a bad answer ended: 4xx and the balancer's 503 mean not done, 500, 502 and 504 may be done."""
    return "unknown" if status in {500, 502, 504} and method not in {"GET", "HEAD"} else "fail"
