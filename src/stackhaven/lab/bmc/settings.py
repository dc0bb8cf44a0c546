"""What the process of the virtual BMCs is told: by a file of mode 0600, since its arguments are seen by all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from stackhaven.lab.home import Home
from stackhaven.lab.spec import LabSpec


@dataclass(frozen=True, kw_only=True)
class BmcSettings:
    """The lab, where it lives on this host, and the password of each node's BMC."""

    home: Path
    spec: LabSpec
    passwords: Mapping[str, str]

    @property
    def certificate(self) -> Path:
        """Key and certificate of the Redfish side, in one PEM file."""
        return directory(Home(self.home), self.spec.name) / "redfish.pem"


_FORM = TypeAdapter(BmcSettings)


def directory(home: Home, lab: str) -> Path:
    """Where the virtual BMCs of a lab keep their files."""
    return home.lab(lab).root / "bmc"


def as_text(settings: BmcSettings) -> str:
    """The file's content."""
    return _FORM.dump_json(settings, indent=1).decode() + "\n"


def from_text(text: str) -> BmcSettings:
    """What `as_text` wrote."""
    return _FORM.validate_json(text)
