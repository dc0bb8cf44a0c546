"""Small modules and functions: what does not fit a page is not read. An exception needs a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

SOURCE = Path(__file__).parents[2] / "src" / "stackhaven"
MODULE_LINES = 400
FUNCTION_LINES = 60
LONG_MODULES: dict[str, str] = {}
"""Module below `src/stackhaven` -> why it is longer."""

LONG_FUNCTIONS: dict[str, str] = {
    f"services/{name}/__init__.py:steps": "the system's table of contents: one literal list of steps, in reading order"
    for name in ("keystone", "mariadb", "ovn")
} | {
    "design/sizing/documents.py:_compute": "a literal table of worked examples",
    "design/availability/montecarlo.py:simulate": "one event loop; cut in two it would share nine variables",
    "observe/verify/contents.py:_tenant_checks": "a literal table of checks, in the order of a tenant's life",
}
"""``module:function`` -> why it is longer."""


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


MODULES = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}


def test_modules_are_short() -> None:
    long = {
        name
        for name, path in MODULES.items()
        if len(path.read_text(encoding="utf-8").splitlines()) >= MODULE_LINES
    }
    assert long - LONG_MODULES.keys() == set()
    assert LONG_MODULES.keys() - long == set(), "no longer an exception"


def test_functions_are_short() -> None:
    long = {
        f"{name}:{function}"
        for name, path in MODULES.items()
        for function, lines in functions(path)
        if lines >= FUNCTION_LINES
    }
    assert long - LONG_FUNCTIONS.keys() == set()
    assert LONG_FUNCTIONS.keys() - long == set(), "no longer an exception"
