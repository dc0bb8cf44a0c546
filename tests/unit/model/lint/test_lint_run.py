"""Any text will do, the page is current, and SARIF is SARIF."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackhaven.model.finding import Finding, Severity
from stackhaven.model.lint import Source, lint
from stackhaven.model.lint.handbook import page
from stackhaven.model.lint.sarif import as_sarif
from stackhaven.model.lint.sources import KIND_NAMES
from tests.unit.model.lint.cases import CASES

pytestmark = pytest.mark.unit

NAMES = [name for case in CASES for name in case.wrong]
LINES = [line for case in CASES for text in case.wrong.values() for line in text.split("\n") if line]
pieces = st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=60)), max_size=25).map("\n".join)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(NAMES), pieces), max_size=3))
def test_no_text_makes_it_fail(files: list[tuple[str, str]]) -> None:
    found = lint([Source(name, text) for name, text in files])
    assert all(f.rule and f.what and f.line <= 2000 for f in found)


@settings(max_examples=60, deadline=None)
@given(st.text(), st.text(max_size=20))
def test_no_file_name_makes_it_fail(text: str, name: str) -> None:
    assert isinstance(lint([Source(name, text)]), tuple)


@pytest.mark.parametrize("name", sorted({n.rsplit("/", 1)[-1] for n in NAMES}))
def test_braces_without_end_and_lines_without_end(name: str) -> None:
    assert isinstance(lint([Source(name, "{" * 5000 + "a" * 20_000 + "\n" + "[" * 5000)]), tuple)


def test_two_runs_say_the_same() -> None:
    sources = [Source(n, t) for case in CASES for n, t in case.wrong.items()]
    assert lint(sources) == lint(list(sources))


def test_every_kind_is_recognised_by_some_case() -> None:
    seen = {kind for case in CASES for n, t in case.wrong.items() for kind in Source(n, t).kinds}
    assert seen == set(KIND_NAMES)


def test_the_page_is_current() -> None:
    written = Path(__file__).parents[4] / "docs" / "reference" / "lint.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "run: haven lint --handbook > docs/reference/lint.md"
    )


def test_sarif_names_rule_place_and_level() -> None:
    found = [
        Finding(rule="a", what="wrong", todo="right", file="x.cfg", line=3, column=1),
        Finding(rule="b", what="odd", file="y.cfg", severity=Severity.WARNING),
    ]
    run = as_sarif(found, {"a": "about a"}, "0.1")["runs"][0]
    assert [r["ruleId"] for r in run["results"]] == ["a", "b"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert run["results"][1]["level"] == "warning"
    assert run["tool"]["driver"]["rules"][0]["shortDescription"]["text"] == "about a"


def test_a_large_balancer_is_read_in_time() -> None:
    stanza = "listen api{n}\n bind 10.0.0.1:{p}\n" + "".join(
        f" server c{i} 10.0.1.{i}:8774 check inter 2s\n" for i in range(50)
    )
    text = "".join(stanza.replace("{n}", str(n)).replace("{p}", str(9000 + n)) for n in range(200))
    begin = time.process_time()
    lint([Source("haproxy.cfg", text)])
    assert time.process_time() - begin < 5
