from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackhaven.model.finding import ModelError, Severity
from stackhaven.model.load import check_file, check_text, load_cloud, parse_cloud
from stackhaven.model.source import LARGEST_BYTES, parse

pytestmark = pytest.mark.unit

GOOD = """\
name: lab
lab: {}
nodes:
  c: {roles: [controller], count: 3}
  k: {roles: [compute, network], count: 2}
"""


def found(text: str) -> dict[str, tuple[int, str]]:
    """Rule id -> (line, text) of the first finding of each rule."""
    result: dict[str, tuple[int, str]] = {}
    for finding in check_text(text).findings:
        result.setdefault(finding.rule, (finding.line, str(finding)))
    return result


def test_a_good_file_has_no_findings() -> None:
    checked = check_text(GOOD)
    assert checked.findings == ()
    assert checked.require().name == "lab"


def test_an_unquoted_release_is_a_release() -> None:
    assert parse_cloud(GOOD + "release: 2025.1\n").release == "2025.1"


@pytest.mark.parametrize("value", ["", "~", "{}"])
def test_a_bare_lab_key_makes_a_lab(value: str) -> None:
    assert parse_cloud(GOOD.replace("lab: {}", f"lab: {value}")).lab is not None


def test_merge_keys_and_anchors_are_understood() -> None:
    text = """\
name: x
lab: {}
nodes:
  c1: &c {roles: [controller], memory_mb: 4096}
  c2: *c
  c3: {<<: *c, memory_mb: 8192}
  k: {roles: [compute, network], count: 2}
"""
    nodes = parse_cloud(text).nodes
    assert (nodes["c2"].memory_mb, nodes["c3"].memory_mb) == (4096, 8192)


@pytest.mark.parametrize(
    ("text", "rule", "line", "hint"),
    [
        (GOOD + "nodez: {}\n", "key-unknown", 6, "did you mean `nodes`?"),
        (GOOD.replace("count: 3", "cuont: 3"), "key-unknown", 4, "did you mean `count`?"),
        (GOOD.replace("controller", "controler"), "value-unknown", 4, "write controller, compute or network"),
        (GOOD.replace("count: 3", "count: three"), "value-type", 4, "write a whole number"),
        (GOOD.replace("count: 3", "count: 0"), "value-type", 4, "write 1 or more"),
        (GOOD.replace("roles: [controller], ", ""), "key-missing", 4, "add `roles:`"),
        (GOOD.replace("[controller]", "[]"), "value-type", 4, "nodes.c.roles is empty"),
        (GOOD.replace("name: lab", "name: My Lab"), "name-form", 1, "a-z, 0-9 and -"),
        (GOOD.replace("  c:", "  C1:"), "name-form", 4, "31 characters"),
        (GOOD.replace("  k:", "  c:"), "yaml-duplicate", 5, "line 4"),
        (GOOD + "vip: {internal: 10.0.0.300}\n", "value-type", 6, "write an IPv4 address"),
        (GOOD + "networks: {tunnel: {cidr: 172.16.24.9/24}}\n", "value-type", 6, "write 172.16.24.0/24"),
        (GOOD + "networks: {tunnel: {cidr: 10.1.2.0/29}}\n", "net-small", 6, "/28 or larger"),
        (GOOD + "sizes:\n", "value-type", 6, "sizes has no value"),
        (GOOD.replace("lab: {}\n", ""), "key-missing", 1, "add `networks:`"),
        ("name: x\n\tlab: {}\n", "yaml-syntax", 2, "never with tabs"),
        ("name: a: b\n", "yaml-syntax", 1, "put quotes"),
        ("name: [\n", "yaml-syntax", 2, "not YAML"),
        ("- a\n", "yaml-shape", 1, "begin with `name: mycloud`"),
        ("just words\n", "yaml-shape", 1, "not a mapping"),
        ("", "yaml-empty", 0, "the file is empty"),
        ("# nothing\n", "yaml-empty", 0, "the file is empty"),
        (GOOD + "---\nname: y\n", "yaml-many", 7, "one file describes one cloud"),
        (GOOD + "region: !python/object x\n", "yaml-tag", 6, "unknown YAML tag"),
        (GOOD + 'region: "\\ud83c"\n', "yaml-character", 6, "write the character"),
        (GOOD + '"\\ud83c": x\n', "yaml-character", 6, "write the character"),
        (GOOD + "? [a, b]\n: c\n", "yaml-key", 6, "a single word"),
        (GOOD + "settings: &s {nova.conf: *s}\n", "yaml-unfolds", 0, "aliases"),
    ],
)
def test_each_mistake_names_its_line_and_what_to_write(text: str, rule: str, line: int, hint: str) -> None:
    findings = found(text)
    assert rule in findings, findings
    assert findings[rule][0] == line
    assert hint in findings[rule][1]


def test_two_escapes_of_one_character_are_that_character() -> None:
    """JSON writes them so, and a file may be JSON."""
    assert "name-form" in found(GOOD.replace("name: lab", 'name: "\\ud83c\\udf35"'))
    assert parse('a: "\\ud83c\\udf35"', "cloud.yaml").data == {"a": "\U0001f335"}


def test_all_mistakes_are_told_at_once_and_in_file_order() -> None:
    text = """\
nam: x
name: lab
lab: {}
networks:
  management: {cidr: 10.0.0.0/24, gateway: 10.9.9.1}
  tunnel: {cidr: 10.0.0.128/25}
  external: {cidr: 10.1.0.0/24, mtu: huge}
vip: {internal: 10.7.7.7}
nodes:
  c: {roles: [controller], count: 2}
  c: {roles: [compute]}
overcommit: {ram: 3}
"""
    findings = check_text(text).findings
    assert [f.line for f in findings] == sorted(f.line for f in findings)
    rules = {f.rule for f in findings}
    assert {"key-unknown", "value-type", "yaml-duplicate", "controllers-even", "overcommit-high"} <= rules
    with pytest.raises(ModelError) as caught:
        parse_cloud(text)
    assert caught.value.exit_code == 2
    assert "nothing was touched" in str(caught.value)


def test_a_broken_key_does_not_hide_relations_between_others() -> None:
    rules = {f.rule for f in check_text(GOOD.replace("count: 3", "count: 4") + "typo: 1\n").findings}
    assert {"key-unknown", "controllers-even"} <= rules


def test_rules_are_not_judged_on_half_the_truth() -> None:
    """A node that cannot be read is gone from the remains: nothing may then be said of the number of nodes."""
    rules = {f.rule for f in check_text(GOOD.replace("[controller]", "[controler]")).findings}
    assert rules == {"value-unknown"}


def test_warnings_do_not_stop() -> None:
    checked = check_text(GOOD + "overcommit: {ram: 1.5}\n")
    assert [f.severity for f in checked.findings] == [Severity.WARNING]
    assert checked.require().overcommit.ram == 1.5


def test_a_secret_value_is_never_printed() -> None:
    text = GOOD + "admin_password: hunter2hunter2\nvip: {internal: Gq7xZ2pLw9Kd4vTn8sRb1yFh}\n"
    printed = "\n".join(map(str, check_text(text).findings))
    assert "secret-in-model" in printed
    assert "hunter2" not in printed
    assert "Gq7x" not in printed


def test_files_that_are_no_cloud(tmp_path: Path) -> None:
    def rule(path: Path) -> str:
        (finding,) = check_file(path).findings
        assert str(path) in finding.what
        return finding.rule

    assert rule(tmp_path / "nothing.yaml") == "file-missing"
    assert rule(tmp_path) == "file-directory"
    (binary := tmp_path / "binary").write_bytes(b"\x7fELF\x00\x01\xff")
    assert rule(binary) == "file-binary"
    (latin := tmp_path / "latin").write_bytes("name: k\xf6ln".encode("latin-1"))
    assert rule(latin) == "file-binary"
    (huge := tmp_path / "huge").write_bytes(b"# x\n" * (LARGEST_BYTES // 4 + 1))
    assert rule(huge) == "file-huge"


def test_load_cloud_reads_a_file(tmp_path: Path) -> None:
    (path := tmp_path / "cloud.yaml").write_text("\ufeff" + GOOD, encoding="utf-8")
    assert load_cloud(path).name == "lab"


words = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
anything = st.recursive(
    words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "name",
    "lab",
    "nodes",
    "networks",
    "vip",
    "settings",
    "services",
    "sizes",
    "images",
    "overcommit",
    "x",
]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), anything, max_size=8))
def test_no_file_makes_the_check_fall_over(data: dict[str, object]) -> None:
    checked = check_text(json.dumps(data, allow_nan=True))
    assert checked.cloud is not None or checked.findings


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_check_fall_over(text: str) -> None:
    assert check_text(text).findings
