"""The options each configuration file knows, as its own programs list them (see ``tools/option_lists.py``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

UWSGI_FILES = frozenset(
    f"{unit}-uwsgi.ini"
    for unit in (
        "glance-api",
        "horizon",
        "keystone",
        "neutron-api",
        "nova-api",
        "nova-api-metadata",
        "placement-api",
    )
)
"""Every API's uWSGI has a file of its own; all know the same options."""

_UWSGI_LIST = "uwsgi.ini"

_BACKENDS = {"glance-api.conf": "glance_store"}
"""Files with sections named after the operator's backends, and the section that lists what may stand in those."""


@dataclass(frozen=True)
class Options:
    """One file's options: section, option, and what is known of the option's value.

    Of a value: ``type``, ``min``, ``max``, ``choices``, ``secret``, ``removal`` (about to go), ``now`` (new name).
    """

    file: str
    sections: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def section(self, name: str) -> Mapping[str, Mapping[str, Any]] | None:
        """The options of a section, or None. A backend's section may have any name."""
        return self.sections.get(name)

    @property
    def backend(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What may stand in a section named after a backend, where the file has such."""
        return self.sections.get(_BACKENDS.get(self.file, ""))


def canonical(file: str, option: str) -> str:
    """An option's name as the list has it: oslo.config and MariaDB take a hyphen for an underscore, uWSGI does not."""
    return option if file in UWSGI_FILES else option.replace("-", "_")


@cache
def known_files() -> frozenset[str]:
    """Files that take settings, each with an option list."""
    stored = (
        f.name.removesuffix(".json") for f in resources.files(__name__).iterdir() if f.name.endswith(".json")
    )
    return frozenset(stored) - {_UWSGI_LIST} | UWSGI_FILES


@cache
def options_of(file: str) -> Options | None:
    """The options of a file by its base name, or None when there is no list."""
    if file not in known_files():
        return None
    stored = _UWSGI_LIST if file in UWSGI_FILES else file
    text = resources.files(__name__).joinpath(f"{stored}.json").read_text(encoding="utf-8")
    return Options(file, json.loads(text))
