"""Text templates beside the service that owns them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template


@cache
def _environment() -> Environment:
    return Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )  # the output is configuration text, not a page: there is nothing to escape


@cache
def _template(package: str, name: str) -> Template:
    return _environment().from_string(files(package).joinpath("templates", name).read_text(encoding="utf-8"))


def render(package: str, name: str, **values: object) -> str:
    """The template ``templates/<name>`` of a service's folder, filled; an undefined name is an error."""
    return _template(package, name).render(**values)
