"""The agent's source as one compressed block, sent to the node's Python at connect time."""

from __future__ import annotations

import zlib
from functools import cache
from importlib.resources import files

PACKAGES = ("stackhaven", "stackhaven.engine", "stackhaven.engine.agent")
MODULES = ("finding", "process", "files", "software", "units", "actions", "facts", "kinds", "main")

BOOTSTRAP = "import sys,zlib;s=sys.stdin.buffer;exec(zlib.decompress(s.read(int(s.readline()))))"
"""All that stands in an argument list. The rest follows on standard input: its length in a line, then the block."""

_LOADER = """
import sys
from importlib.machinery import ModuleSpec

class Sent:
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self, is_package=not SOURCES[name]) if name in SOURCES else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(SOURCES[module.__name__], module.__name__, "exec"), module.__dict__)

sys.meta_path.insert(0, Sent())
from stackhaven.engine.agent.main import main
main(sys.stdin.buffer.readline().decode().strip())
"""


@cache
def sources() -> dict[str, str]:
    """Module name to source; packages are empty. A module is compiled on the node when it is first imported."""
    folder = files("stackhaven.engine") / "agent"
    modules = {f"{PACKAGES[-1]}.{name}": (folder / f"{name}.py").read_text("utf-8") for name in MODULES}
    return dict.fromkeys(PACKAGES, "") | modules


def payload(marker: str) -> bytes:
    """What goes to standard input first. `marker`: the line by which the agent says that it is there."""
    return b"%d\n%s%s\n" % (len(_block()), _block(), marker.encode())


@cache
def _block() -> bytes:
    return zlib.compress(f"SOURCES = {sources()!r}\n{_LOADER}".encode(), 9)


PYTHON = "/usr/bin/python3"
"""The distribution's own, whatever an account's PATH puts before it."""


def remote_command(python: str = PYTHON) -> list[str]:
    """The argument list that starts the agent; isolated mode, so that nothing on the node changes what it imports."""
    return [python, "-I", "-S", "-c", BOOTSTRAP]
