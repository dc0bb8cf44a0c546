"""What clients do with a cloud, as probes."""

from __future__ import annotations

from stackhaven.drills.load.client import Attempt, Client, ProbeFailed
from stackhaven.drills.load.loop import Probe

READ_DEADLINE_S = 10.0


async def _token(client: Client, timeout_s: float) -> None:
    await client.sign_in(timeout_s)


async def _fresh_token(client: Client, timeout_s: float) -> None:
    """No service can have validated a token that is this young."""
    token = await client.another_token(timeout_s)
    await client.ask("GET", "compute", "/flavors?limit=1", timeout_s, token=token)


def _read(service: str, path: str) -> Attempt:
    async def attempt(client: Client, timeout_s: float) -> None:
        await client.ask("GET", service, path, timeout_s)

    return attempt


async def _dashboard(client: Client, timeout_s: float) -> None:
    """The sign-in page: it needs the web server, Django and the session cache, and costs no password hash."""
    reply = await client.fetch(client.dashboard, timeout_s)
    if b"csrfmiddlewaretoken" not in reply.body:
        raise ProbeFailed("no sign-in form", "fail")


def _reads(name: str, does: str, attempt: Attempt, *, period_s: float, needs: tuple[str, ...]) -> Probe:
    return Probe(
        name=name,
        needs=needs,
        does=does,
        period_s=period_s,
        deadline_s=READ_DEADLINE_S,
        patience_s=READ_DEADLINE_S / 2,
        attempt=attempt,
    )


READS: tuple[Probe, ...] = (
    _reads("token", "a token with a password", _token, period_s=10.0, needs=("keystone",)),
    _reads(
        "fresh-token",
        "a new token, used at once where nobody has seen it",
        _fresh_token,
        period_s=2.0,
        needs=("keystone", "nova"),
    ),
    _reads("servers", "list of servers", _read("compute", "/servers"), period_s=0.5, needs=("nova",)),
    _reads(
        "networks",
        "list of networks",
        _read("network", "/v2.0/networks?fields=id"),
        period_s=1.0,
        needs=("neutron",),
    ),
    _reads("images", "list of images", _read("image", "/v2/images"), period_s=1.0, needs=("glance",)),
    _reads("dashboard", "sign-in page of the dashboard", _dashboard, period_s=2.0, needs=("horizon",)),
)
