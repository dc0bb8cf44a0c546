"""The OpenStack APIs by plain HTTP: one token, a few reads, a deadline on every call.

`haven status` must answer in seconds on a loaded machine, also when half the cloud is dead; a client library costs
more time than the calls. Proxies of the environment are not used: a cloud's VIP is reached directly.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackhaven.errors import HavenError

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ApiError(HavenError):
    """A service did not answer, or not as it should."""


@dataclass(frozen=True)
class Answer:
    """Status code, headers in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; ApiError when it is none."""
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            raise ApiError(f"the answer is no JSON: {self.body[:80]!r}") from None


def fetch(
    method: str,
    url: str,
    *,
    timeout_s: float,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One call; an HTTP error status is an answer too.

    Raises:
        ApiError: no answer within `timeout_s` seconds without a sign of life, or the connection failed.

    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers=dict(headers or {}), method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _DIRECT.open(request, timeout=timeout_s) as answer:
            return _answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers, error.read())
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise ApiError(f"{url}: {getattr(error, 'reason', error)}") from None


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, {key.lower(): value for key, value in headers.items()}, body)


@dataclass(frozen=True)
class Api:
    """A signed-in administrator. `endpoints`: public URL by service type."""

    token: str
    endpoints: Mapping[str, str]
    timeout_s: float

    def __repr__(self) -> str:
        return f"Api({', '.join(sorted(self.endpoints))})"

    def get(self, service: str, path: str, *, version: str = "") -> Any:
        """Read `path` of the service of this type; `version` is the microversion, such as ``compute 2.53``.

        Raises:
            ApiError: the service is not in the catalogue, did not answer, or refused.

        """
        return self._call("GET", service, path, version=version)

    def post(self, service: str, path: str, body: object) -> Any:
        """Send `body` to `path`; see `get` for the errors."""
        return self._call("POST", service, path, body=body)

    def _call(self, method: str, service: str, path: str, *, body: object = None, version: str = "") -> Any:
        if service not in self.endpoints:
            raise ApiError(f"the catalogue has no {service} service")
        headers = {"X-Auth-Token": self.token, "Accept": "application/json"}
        if version:
            headers["OpenStack-API-Version"] = version
        url = self.endpoints[service].rstrip("/") + path
        answer = fetch(method, url, timeout_s=self.timeout_s, body=body, headers=headers)
        if answer.status >= 300:
            raise ApiError(f"{service} answers {answer.status} to {method} {path}")
        return answer.json()


def sign_in(auth_url: str, *, password: str, region: str, timeout_s: float) -> Api:
    """The administrator's token and the catalogue's public endpoints of the region.

    Raises:
        ApiError: identity does not answer, or refuses the password.

    """
    domain = {"id": "default"}
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "admin", "domain": domain, "password": password}},
            },
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
    }
    answer = fetch("POST", f"{auth_url}/auth/tokens", timeout_s=timeout_s, body=body)
    if answer.status != 201:
        raise ApiError(f"identity answers {answer.status} to a sign-in")
    endpoints = {
        entry["type"]: endpoint["url"]
        for entry in answer.json()["token"].get("catalog", ())
        for endpoint in entry["endpoints"]
        if endpoint["interface"] == "public" and endpoint["region_id"] == region
    }
    return Api(answer.headers["x-subject-token"], endpoints, timeout_s)
