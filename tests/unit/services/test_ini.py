"""Configuration files: layers, reasons and the operator's word, which is the last."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.plan import File
from stackhaven.services.common.ini import Because, merge, render_ini
from stackhaven.services.contents import plan_of
from tests.unit.services.clouds import site_of

pytestmark = pytest.mark.unit

names = st.from_regex(r"[a-z][a-z_-]{0,8}", fullmatch=True)
values = st.one_of(st.booleans(), st.integers(), st.from_regex(r"[a-zA-Z0-9:/.,@{}]{1,12}", fullmatch=True))
sections = st.dictionaries(names, st.dictionaries(names, values, min_size=1), max_size=4)


def read(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(delimiters="=", comment_prefixes="#", default_section="")
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(sections, sections)
def test_what_is_written_is_read_back_and_the_operator_wins(
    ours: dict[str, dict[str, bool | int | str]], theirs: dict[str, dict[str, bool | int | str]]
) -> None:
    expected = {
        name: {key: spelled(value) for key, value in options.items()}
        for name, options in merge(ours, theirs).items()
    }
    assert read(render_ini(ours, overrides=theirs)) == expected


def test_a_reason_stands_above_its_setting() -> None:
    text = render_ini({"database": {"max_retries": Because(-1, "never give up")}})
    assert text == "[database]\n# never give up\nmax_retries = -1\n"


def test_an_override_drops_the_reason_it_no_longer_follows() -> None:
    text = render_ini({"a": {"b": Because(1, "because")}}, overrides={"a": {"b": 2}})
    assert "because" not in text


def test_the_operators_settings_reach_every_node_that_has_the_file() -> None:
    site = site_of("odd")
    found: dict[str, set[str]] = {}
    for step in plan_of(site):
        for node in step.nodes:
            for resource in step.resources(node):
                if isinstance(resource, File):
                    name = resource.path.rsplit("/", 1)[1]
                    for option, value in site.cloud.settings.get(name, {}).get("DEFAULT", {}).items():
                        assert f"\n{option} = {value}\n" in resource.content
                        found.setdefault(name, set()).add(node)
    assert found == {"nova.conf": {n.name for n in site.layout.nodes}}
