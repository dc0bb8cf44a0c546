"""Helper programs that services put on nodes: standard-library Python or shell, beside the service that owns them."""

from __future__ import annotations

from importlib.resources import files

from stackhaven.plan import File

LIB = "/usr/local/lib/stackhaven"


def packaged(package: str, name: str) -> str:
    """The text of ``files/<name>`` in a service's folder."""
    return files(package).joinpath("files", name).read_text(encoding="utf-8")


def script(package: str, name: str) -> File:
    """A helper program as an executable file on the node, named as in the folder without its ending."""
    return File(path=path_of(name), content=packaged(package, name), mode=0o755)


def path_of(name: str) -> str:
    """Where `script` puts the helper of that file name."""
    return f"{LIB}/{name.rsplit('.', 1)[0].replace('_', '-')}"
