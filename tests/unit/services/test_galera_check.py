"""The program beside a database member: when it ends the member's sessions."""

from __future__ import annotations

import pytest

from tests.unit.services.programs import program

pytestmark = pytest.mark.unit

check = program("mariadb", "galera_check")


def test_sessions_end_when_a_member_was_not_synced_for_a_moment_and_not_before() -> None:
    ill_since = None
    ended = []
    for number, synced in enumerate([True, True, False, False, False, False, False, True, False, True]):
        due, ill_since = check.sessions_to_end(synced, number * 0.5, ill_since)
        ended.append(due)
    assert ended == [False] * 5 + [True, True] + [False] * 3
