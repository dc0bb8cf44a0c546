"""How `haven verify` stands before the APIs: as a client, with a client's one repetition."""

from __future__ import annotations

import pytest

from stackhaven.observe.verify.bench import connect

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("service", ["identity", "compute", "network", "image"])
def test_a_connection_that_is_reset_is_made_once_more(service: str) -> None:
    """A VIP that moved just after a blackout failed one check of 36, although the next connection would have come."""
    connection = connect("192.0.2.1", user="admin", password="secret", project="admin", region="one")
    assert connection.config.get_connect_retries(service) == 1
