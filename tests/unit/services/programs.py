"""Node programs loaded as modules: they live in files/ of their service, where nothing imports them."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

SERVICES = Path(__file__).parents[3] / "src" / "stackhaven" / "services"
PROGRAMS = sorted(SERVICES.glob("*/files/*.py"))


class PyMySQL(ModuleType):
    """As much of the database client, which only nodes have, as programs name."""

    class MySQLError(Exception):
        """Base of its errors."""

    class ProgrammingError(MySQLError):
        """No such table."""

    @staticmethod
    def connect(**_: object) -> Any:
        raise PyMySQL.MySQLError("there is no database here")


@cache
def program(service: str, name: str) -> Any:
    """The module of ``services/<service>/files/<name>.py``."""
    sys.modules.setdefault("pymysql", PyMySQL("pymysql"))
    spec = spec_from_file_location(f"program_{name}", SERVICES / service / "files" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
