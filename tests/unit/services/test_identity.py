"""The catalogue program against an identity API that keeps what it is told."""

from __future__ import annotations

import copy
import io
import re
import urllib.error
from email.message import Message
from typing import Any

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

identity = program("keystone", "identity")
WANTED = {
    "region": "One",
    "users": [
        {"name": "nova", "password": "right", "roles": ["admin", "service"]},
        {"name": "glance", "password": "right", "roles": ["service"]},
    ],
    "endpoints": [
        {"type": "compute", "name": "nova", "public": "http://p:8774", "internal": "http://i:8774"},
        {"type": "image", "name": "glance", "public": "http://p:9292", "internal": "http://i:9292"},
    ],
}


class FakeKeystone:
    """Answers as the API does, from plain dictionaries."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("projects", "roles", "users", "services", "endpoints")
        }
        self.tables["roles"]["r-admin"] = {"id": "r-admin", "name": "admin"}
        self.assignments: set[tuple[str, str]] = set()
        self.writes: list[str] = []

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        path = path.split("?", maxsplit=1)[0]
        if method == "GET":
            return self.get(path)
        self.writes.append(f"{method} {path}")
        _, table, *rest = path.split("/")
        if method == "PUT":
            user, role = rest[2], rest[4]
            self.assignments.add((user, role))
        elif method == "POST":
            assert body is not None
            entry = copy.deepcopy(next(iter(body.values())))
            entry.setdefault("id", f"{table}-{len(self.writes)}")
            entry["region_id"] = entry.get("region_id", "")
            self.tables[table][entry["id"]] = entry
        elif method == "PATCH":
            assert body is not None
            self.tables[table][rest[0]].update(next(iter(body.values())))
        else:
            del self.tables[table][rest[0]]
        return {}

    def get(self, path: str) -> dict[str, Any]:
        if path == "/role_assignments":
            return {path[1:]: [{"user": {"id": u}, "role": {"id": r}} for u, r in self.assignments]}
        return {path[1:]: list(self.tables[path[1:]].values())}

    def sign_in(self, user: str, password: str, project: str) -> str:
        entry = next(u for u in self.tables["users"].values() if u["name"] == user)
        if entry["password"] != password:
            raise urllib.error.HTTPError("url", 401, "no", Message(), io.BytesIO())
        return f"token for {project}"


def converge(keystone: FakeKeystone, rounds: int = 6) -> list[str]:
    said: list[str] = []
    for _ in range(rounds):
        found = list(identity.differences(keystone, WANTED))
        if not found:
            return said
        for sentence, mend in found:
            said.append(sentence)
            mend()
    raise AssertionError(f"never done: {said}")


@pytest.fixture
def keystone() -> FakeKeystone:
    made = FakeKeystone()
    converge(made)
    made.writes.clear()
    return made


def test_everything_is_made_once_and_then_nothing(keystone: FakeKeystone) -> None:
    assert {u["name"] for u in keystone.tables["users"].values()} == {"nova", "glance"}
    assert {r["name"] for r in keystone.tables["roles"].values()} == {"admin", "service", "member"}
    assert len(keystone.assignments) == 3
    assert {e["url"] for e in keystone.tables["endpoints"].values()} == {
        url for e in WANTED["endpoints"] for url in (e["public"], e["internal"])
    }
    assert converge(keystone) == []
    assert keystone.writes == []


def test_an_endpoint_that_points_elsewhere_is_changed(keystone: FakeKeystone) -> None:
    entry = next(e for e in keystone.tables["endpoints"].values() if e["url"] == "http://p:8774")
    entry["url"] = "http://10.0.0.11:8774"
    assert converge(keystone) == ["public endpoint of compute (was http://10.0.0.11:8774)"]
    assert keystone.writes == [f"PATCH /endpoints/{entry['id']}"]


def test_a_second_endpoint_is_removed(keystone: FakeKeystone) -> None:
    first = next(iter(keystone.tables["endpoints"].values()))
    keystone.tables["endpoints"]["twin"] = {**first, "id": "twin"}
    assert converge(keystone) == [f"second {first['interface']} endpoint of compute"]
    assert "twin" not in keystone.tables["endpoints"]


def test_an_endpoint_of_another_region_is_left_alone(keystone: FakeKeystone) -> None:
    first = next(iter(keystone.tables["endpoints"].values()))
    keystone.tables["endpoints"]["far"] = {**first, "id": "far", "region_id": "Two", "url": "http://two"}
    assert converge(keystone) == []


def test_a_lost_role_is_given_back(keystone: FakeKeystone) -> None:
    keystone.assignments.pop()
    said = converge(keystone)
    assert len(said) == 1
    assert re.fullmatch(r"role \w+ of \w+", said[0])


def test_a_password_that_is_not_accepted_is_set(keystone: FakeKeystone) -> None:
    user = next(u for u in keystone.tables["users"].values() if u["name"] == "glance")
    user["password"] = "another"
    assert converge(keystone) == ["password of glance"]
    assert user["password"] == "right"


def test_sentences_hold_no_password(keystone: FakeKeystone) -> None:
    for user in keystone.tables["users"].values():
        user["password"] = "another"
    assert "right" not in " ".join(converge(keystone))
