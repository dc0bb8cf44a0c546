"""The probe for real: sent to the Python of this machine, where none of the clusters runs."""

from __future__ import annotations

import asyncio
import time

import pytest

from stackhaven.engine.ssh import LocalTarget
from stackhaven.operate.recover.gather import NODE_S, ask, cloud_facts

pytestmark = pytest.mark.integration

REQUEST = {
    "node": "here",
    "address": "127.0.0.1",
    "database": True,
    "queue": True,
    "network": True,
    "balancer": ["mariadb"],
}


def test_a_machine_without_any_of_it_answers_in_time() -> None:
    began = time.monotonic()
    answer = asyncio.run(ask(LocalTarget(name="here"), REQUEST))
    assert time.monotonic() - began < NODE_S
    assert not isinstance(answer, str), answer
    assert answer["done"] is True
    facts = cloud_facts({"here": answer})
    assert facts.silent == {}
    assert not any(member.running for member in facts.database)


def test_a_machine_that_says_nothing_is_given_up() -> None:
    mute = LocalTarget(name="mute", prefix=("sh", "-c", "exit 3"))
    answer = asyncio.run(ask(mute, REQUEST))
    assert isinstance(answer, str)
    assert answer
