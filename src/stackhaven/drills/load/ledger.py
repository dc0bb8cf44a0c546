"""Writes through every API, each remembered with how it ended, and what the APIs list at the end.

Call number n makes a thing; every second one deletes it as well. The others stay until the audit, so that both what
must be there and what must be gone can be looked for. What this module makes is recognised by its name.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stackhaven.drills.history import Found, Recorder, Write
from stackhaven.drills.load.client import Attempt, Client, ProbeFailed
from stackhaven.drills.load.loop import Probe

PREFIX = "haven-drill-"
WRITE_DEADLINE_S = 20.0
LIST_S = 20.0
AUDIT_S = 90.0
PAUSE_S = 2.0
AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Api:
    """One kind of thing that can be made, listed and deleted.

    Args:
        name: as in the record, and the name of its probe with ``-writes``.
        service: type of the service; `part` is its name among the services of a cloud.
        create: name to method, path and body.
        id_of: the id in the answer to a creation.
        delete: path, from id.
        listing: path that lists all of them.
        entries: (name, id) of each, from that list.
        version: microversion, where one is needed.
        unique: whether the API refuses a second thing of the same name, so that asking again cannot make two.
        period_s: time between two calls.

    """

    name: str
    does: str
    service: str
    part: str
    create: Callable[[str], tuple[str, str, object]]
    id_of: Callable[[Any, str], str]
    delete: Callable[[str], str]
    listing: str
    entries: Callable[[Any], Iterator[tuple[str, str]]]
    version: str = ""
    unique: bool = True
    period_s: float = 2.0


def _entries(
    key: str, inner: str = "", *, name_key: str = "name", id_key: str = "id"
) -> Callable[[Any], Iterator[tuple[str, str]]]:
    def entries(answer: Any) -> Iterator[tuple[str, str]]:
        for entry in answer[key]:
            thing = entry[inner] if inner else entry
            yield str(thing.get(name_key) or ""), str(thing[id_key])

    return entries


def _trait(name: str) -> str:
    return "CUSTOM_" + name.upper().replace("-", "_")


def _image(name: str) -> str:
    """An id chosen by the client makes an image's creation repeatable."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _traits(answer: Any) -> Iterator[tuple[str, str]]:
    for trait in answer["traits"]:
        name = str(trait).removeprefix("CUSTOM_").lower().replace("_", "-")
        yield name, str(trait)


NETWORKS = Api(
    name="network",
    does="a network made, every second one deleted",
    service="network",
    part="neutron",
    create=lambda name: (
        "POST",
        "/v2.0/networks",
        {"network": {"name": name, "admin_state_up": False}},
    ),
    id_of=lambda answer, _: str(answer["network"]["id"]),
    delete=lambda key: f"/v2.0/networks/{key}",
    listing="/v2.0/networks?fields=name&fields=id",
    entries=_entries("networks"),
    unique=False,
    period_s=4.0,
)
"""Two networks may have one name, so a lost answer is not asked for again under it."""


REGIONS = Api(
    name="region",
    does="a region made, every second one deleted",
    service="identity",
    part="keystone",
    create=lambda name: ("POST", "/regions", {"region": {"id": name}}),
    id_of=lambda _, name: name,
    delete=lambda key: f"/regions/{key}",
    listing="/regions",
    entries=_entries("regions", name_key="id"),
)
"""A deleted project would revoke tokens and empty the caches of everybody; a region concerns nobody."""


IMAGES = Api(
    name="image",
    does="an image without data made, every second one deleted",
    service="image",
    part="glance",
    create=lambda name: (
        "POST",
        "/v2/images",
        {"name": name, "id": _image(name), "disk_format": "raw", "container_format": "bare"},
    ),
    id_of=lambda _, name: _image(name),
    delete=lambda key: f"/v2/images/{key}",
    listing="/v2/images?limit=1000",
    entries=_entries("images"),
)


TRAITS = Api(
    name="trait",
    does="a trait made in placement, every second one deleted",
    service="placement",
    part="placement",
    create=lambda name: ("PUT", f"/traits/{_trait(name)}", None),
    id_of=lambda _, name: _trait(name),
    delete=lambda key: f"/traits/{key}",
    listing=f"/traits?name=startswith:{_trait(PREFIX)}",
    entries=_traits,
    version="placement 1.6",
)


def apis(public_key: str, services: Collection[str] | None = None) -> tuple[Api, ...]:
    """Those of a cloud with these services, by default all.

    `public_key` is a line that Nova takes for a key pair, so that it need not make one.
    """
    return tuple(api for api in _apis(public_key) if services is None or api.part in services)


def _apis(public_key: str) -> tuple[Api, ...]:
    return (
        NETWORKS,
        Api(
            name="keypair",
            does="a key pair made, every second one deleted",
            service="compute",
            part="nova",
            create=lambda name: (
                "POST",
                "/os-keypairs",
                {"keypair": {"name": name, "public_key": public_key}},
            ),
            id_of=lambda _, name: name,
            delete=lambda key: f"/os-keypairs/{key}",
            listing="/os-keypairs",
            entries=_entries("keypairs", "keypair", id_key="name"),
        ),
        IMAGES,
        REGIONS,
        TRAITS,
    )


def _good(also: int = 0) -> Callable[[int], bool]:
    return lambda status: 200 <= status < 300 or status == also


@dataclass(kw_only=True)
class Ledger:
    """The writes of one drill. `run` is part of every name, so that an old drill's leftovers are told apart."""

    run: str
    recorder: Recorder
    apis: tuple[Api, ...]
    _numbers: Mapping[str, Iterator[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = {api.name: itertools.count() for api in self.apis}

    @property
    def prefix(self) -> str:
        """How all names of this drill begin."""
        return f"{PREFIX}{self.run}-"

    def probes(self) -> tuple[Probe, ...]:
        """One for each API. A write whose end is unknown is asked for again, under a new name if it could make two."""
        return tuple(self._probe(api) for api in self.apis)

    def _probe(self, api: Api) -> Probe:
        async def attempt(client: Client, timeout_s: float) -> None:
            await self.write(client, api, next(self._numbers[api.name]), timeout_s)

        return Probe(
            name=f"{api.name}-writes",
            does=api.does,
            period_s=api.period_s,
            deadline_s=WRITE_DEADLINE_S,
            patience_s=WRITE_DEADLINE_S / 2,
            needs=(api.part,),
            attempt=attempt,
        )

    async def write(
        self, client: Client, api: Api, number: int, timeout_s: float, *, again: bool = False
    ) -> None:
        """Make thing `number`, and delete it when the number is odd; each step goes into the record.

        Args:
            client: who asks.
            api: where.
            number: of the thing; its name contains it.
            timeout_s: for both steps.
            again: the creation is asked for once more; what it finds made was made the first time.

        Raises:
            ProbeFailed: one of the steps did not succeed.

        """
        name = f"{self.prefix}{api.name}-{number}"
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout_s
        key = api.id_of({}, name) if api.unique else ""
        method, path, body = api.create(name)
        with self._remembered(api, "create", number, key):
            reply = await client.ask(
                method, api.service, path, timeout_s,
                body=body, version=api.version, good=_good(409 if again else 0),
            )  # fmt: skip
        key = key or api.id_of(reply.json(), name)
        self._remember(api, "create", name, None, key)
        if number % 2:
            await self._delete(client, api, number, key, max(0.1, ends - loop.time()))

    async def _delete(
        self, client: Client, api: Api, number: int, key: str, timeout_s: float, *, again: bool = False
    ) -> None:
        with self._remembered(api, "delete", number, key):
            await client.ask(
                "DELETE", api.service, api.delete(key), timeout_s,
                version=api.version, good=_good(404 if again else 0),
            )  # fmt: skip
        self._remember(api, "delete", f"{self.prefix}{api.name}-{number}", None, key)

    @contextmanager
    def _remembered(self, api: Api, op: str, number: int, key: str) -> Iterator[None]:
        """Have a step that does not succeed in the record, and repeatable when its end is unknown."""
        try:
            yield
        except ProbeFailed as failed:
            self._remember(api, op, f"{self.prefix}{api.name}-{number}", failed, key)
            if failed.outcome == "unknown":
                failed.repeat = self._repeat(api, op, number, key)
            raise

    def _repeat(self, api: Api, op: str, number: int, key: str) -> Attempt:
        async def repeat(client: Client, timeout_s: float) -> None:
            if op == "delete":
                await self._delete(client, api, number, key, timeout_s, again=True)
            elif api.unique:
                await self.write(client, api, number, timeout_s, again=True)
            else:
                await self.write(client, api, next(self._numbers[api.name]), timeout_s)

        return repeat

    def _remember(self, api: Api, op: str, name: str, failed: ProbeFailed | None, key: str = "") -> None:
        self.recorder.add(
            Write(
                at=self.recorder.now(),
                api=api.name,
                op="delete" if op == "delete" else "create",
                name=name,
                outcome=failed.outcome if failed else "ok",
                id=key,
            )
        )

    async def audit(self, client: Client) -> None:
        """List what there is in every API, into the record; an API that does not answer in `AUDIT_S` is unread."""
        loop = asyncio.get_running_loop()
        for api in self.apis:
            ends = loop.time() + AUDIT_S
            names: dict[str, int] | None = None
            while names is None and loop.time() < ends:
                try:
                    found = await listed(client, api)
                    names = dict(Counter(name for name, _ in found if name.startswith(self.prefix)))
                except ProbeFailed:
                    await asyncio.sleep(PAUSE_S)
            self.recorder.add(Found(at=self.recorder.now(), api=api.name, names=names))


async def listed(client: Client, api: Api) -> list[tuple[str, str]]:
    """(name, id) of everything that drills made; ProbeFailed when it cannot be listed."""
    reply = await client.ask("GET", api.service, api.listing, LIST_S, version=api.version)
    return [(name, key) for name, key in api.entries(reply.json()) if name.startswith(PREFIX)]


async def sweep(client: Client, some: Sequence[Api]) -> tuple[str, ...]:
    """Delete everything that any drill made through these APIs; gives what could not be deleted."""
    stuck: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def remove(api: Api, name: str, key: str) -> None:
        async with gate:
            try:
                await client.ask("DELETE", api.service, api.delete(key), LIST_S, version=api.version)
            except ProbeFailed as failed:
                stuck.append(f"{api.name} {name}: {failed.kind}")

    async with asyncio.TaskGroup() as group:
        for api in some:
            try:
                found = await listed(client, api)
            except ProbeFailed as failed:
                stuck.append(f"{api.name}: {failed.kind}")
                continue
            for name, key in found:
                group.create_task(remove(api, name, key))
    return tuple(stuck)
