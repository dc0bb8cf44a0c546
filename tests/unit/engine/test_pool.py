from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stackhaven.engine.link import LinkLostError
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.ssh import LocalTarget, Target

pytestmark = pytest.mark.unit


class Fake:
    opening = 0
    most_opening = 0
    alive = 0
    most_alive = 0

    def __init__(self) -> None:
        self.lost = False

    async def call(self, operation: str, *, timeout_s: float, progress: Any = None, **arguments: Any) -> Any:
        return None

    async def close(self, *, grace_s: float = 0) -> None:
        if not self.lost:
            type(self).alive -= 1
        self.lost = True


def kind() -> type[Fake]:
    return type("Counted", (Fake,), {})


def pool_of(count: int, limits: Limits, made: type[Fake]) -> Pool:
    async def opener(target: Target) -> Fake:
        made.opening += 1
        made.most_opening = max(made.most_opening, made.opening)
        await asyncio.sleep(0.001)
        made.opening -= 1
        made.alive += 1
        made.most_alive = max(made.most_alive, made.alive)
        return made()

    names = [f"n{i}" for i in range(count)]
    return Pool({name: LocalTarget(name=name) for name in names}, limits, opener=opener)


def run(main: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(10):
            return await main

    return asyncio.run(bounded())


def test_one_link_per_node_however_many_ask() -> None:
    made = kind()
    pool = pool_of(1, Limits(), made)

    async def use() -> int:
        async with pool.use("n0") as channel:
            return id(channel)

    async def main() -> None:
        assert len(set(await asyncio.gather(*(use() for _ in range(20))))) == 1
        await pool.close()

    run(main())
    assert made.alive == 0


def test_openings_and_open_links_are_bounded_and_nobody_waits_for_ever() -> None:
    made = kind()
    pool = pool_of(30, Limits(opening=3, nodes=5), made)

    async def use(node: str) -> None:
        async with pool.use(node):
            await asyncio.sleep(0.001)

    async def main() -> None:
        await asyncio.gather(*(use(f"n{i % 30}") for i in range(120)))
        await pool.close()

    run(main())
    assert made.most_opening <= 3
    assert made.most_alive <= 5
    assert made.alive == 0


def test_a_link_that_died_while_idle_is_opened_again_once() -> None:
    pool = pool_of(1, Limits(), kind())

    async def main() -> None:
        for _ in range(2):
            async with pool.use("n0") as channel:
                channel.lost = True
        with pytest.raises(LinkLostError, match="lost again"):
            async with pool.use("n0"):
                pass

    run(main())


def test_an_unknown_node_is_told() -> None:
    async def main() -> None:
        with pytest.raises(LinkLostError, match="no way to reach it"):
            async with pool_of(1, Limits(), kind()).use("other"):
                pass

    run(main())


def test_a_refusal_is_remembered_for_everyone_who_waits() -> None:
    tries = []

    async def opener(target: Target) -> Fake:
        tries.append(target.name)
        await asyncio.sleep(0.001)
        raise LinkLostError(target.name, "unreachable")

    pool = Pool({"n": LocalTarget(name="n")}, Limits(), opener=opener)

    async def use() -> None:
        with pytest.raises(LinkLostError, match="unreachable"):
            async with pool.use("n"):
                pass

    async def main() -> None:
        await asyncio.gather(*(use() for _ in range(10)))

    run(main())
    assert tries == ["n"]
