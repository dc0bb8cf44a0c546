"""The page, as text."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from stackhaven.observe.status.facts import CloudFacts
from stackhaven.observe.status.judge import judge
from stackhaven.observe.status.screen import as_data, screen
from tests.unit.observe.status.clouds import EXPECTED, cloud, dead_node, nothing_answers

pytestmark = pytest.mark.unit


def page(facts: CloudFacts, width: int = 100) -> str:
    written = io.StringIO()
    console = Console(file=written, width=width, highlight=False)
    console.print(screen(EXPECTED, facts, judge(EXPECTED, facts)))
    return written.getvalue()


def test_a_healthy_page_has_every_node_and_service() -> None:
    text = page(cloud())
    assert "HEALTHY" in text.splitlines()[0]
    for word in ("control1", "compute2", "holds", "Synced", "3/3", "leads", "keystone", "nova-conductor"):
        assert word in text


def test_what_is_wrong_comes_first_with_what_to_type() -> None:
    lines = page(cloud(dead_node("control1"))).splitlines()
    assert "DEGRADED" in lines[0]
    assert "control1" in lines[1]
    assert "means:" in lines[2]
    assert "haven lab power on control1" in lines[3]


def test_a_page_fits_on_a_narrow_terminal() -> None:
    facts = cloud(dead_node("control1"), **nothing_answers())
    assert max(map(len, page(facts, width=80).splitlines())) <= 80


def test_the_data_is_json_and_says_the_same() -> None:
    facts = cloud(dead_node("control1"))
    data = json.loads(json.dumps(as_data(EXPECTED, facts, judge(EXPECTED, facts))))
    assert data["verdict"] == "degraded"
    assert data["exit_code"] == 1
    assert data["findings"][0]["severity"] == "degraded"
    assert data["nodes"][0]["name"] == "control1"
