"""Folders of services stand alone; programs for nodes run on the nodes' Python with what nodes have."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.unit.services.programs import PROGRAMS, SERVICES

pytestmark = pytest.mark.unit

FOLDERS = sorted(p.parent.name for p in SERVICES.glob("*/__init__.py") if p.parent.name != "common")
ON_NODES = {"pymysql", "keystone", "neutron", "nova", "ovs"}
OLDEST = (3, 11)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), feature_version=OLDEST)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_service_imports_another(folder: str) -> None:
    others = tuple(f"stackhaven.services.{other}" for other in FOLDERS if other != folder)
    for path in (SERVICES / folder).glob("*.py"):
        assert [n for n in imported(path) if n.startswith(others)] == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_needs_only_what_a_node_has(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert roots <= sys.stdlib_module_names | ON_NODES


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_says_what_it_is_and_can_be_executed(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("#!/usr/bin/python3\n")
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_bounds_every_wait(path: Path) -> None:
    """A call of another program or a connection without a limit could hang a node's start for ever."""
    bounded = dict.fromkeys(("run", "urlopen", "create_connection"), "timeout") | {
        "connect": "connect_timeout"
    }
    for node in ast.walk(ast.parse(text := path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in bounded:
            # A socket has its limit from `settimeout`.
            if ast.unparse(node.func) in {"asyncio.run", "sock.connect"}:
                continue
            given = {keyword.arg for keyword in node.keywords}
            assert bounded[node.func.attr] in given, ast.get_source_segment(text, node)
