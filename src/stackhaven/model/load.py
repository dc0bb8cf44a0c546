"""From a file to a checked cloud: all that is wrong at once, each with its line and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import ValidationError

from stackhaven.model.cloud import Cloud
from stackhaven.model.finding import Finding, ModelError, Severity, in_file_order
from stackhaven.model.remains import without_errors
from stackhaven.model.rules import Facts, Subject, findings_of
from stackhaven.model.source import parse, read_text
from stackhaven.model.words import findings_in


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found. `cloud` is there when there are no errors; findings are in file order."""

    cloud: Cloud | None
    findings: tuple[Finding, ...]

    def require(self) -> Cloud:
        """The cloud.

        Raises:
            ModelError: when there is any error.

        """
        if self.cloud is None or any(f.severity is Severity.ERROR for f in self.findings):
            raise ModelError(self.findings)
        return self.cloud


def load_cloud(path: FilePath, facts: Facts | None = None) -> Cloud:
    """The cloud described in a file.

    Raises:
        ModelError: with every finding; nothing was touched.

    """
    return check_file(path, facts).require()


def parse_cloud(text: str, filename: str = "cloud.yaml", facts: Facts | None = None) -> Cloud:
    """The cloud described in a text; `filename` is only named in errors.

    Raises:
        ModelError: with every finding.

    """
    return check_text(text, filename, facts).require()


def check_file(path: FilePath, facts: Facts | None = None) -> Checked:
    """All findings of a file; a file that cannot be read is a finding too."""
    try:
        text = read_text(path)
    except ModelError as error:
        return Checked(cloud=None, findings=error.findings)
    return check_text(text, str(path), facts)


def check_text(text: str, filename: str = "cloud.yaml", facts: Facts | None = None) -> Checked:
    """All findings of a text: of its form, of every key, and of the relations between keys."""
    try:
        document = parse(text, filename)
    except ModelError as error:
        return Checked(cloud=None, findings=error.findings)
    if document.data.get("lab", ...) is None:
        document.data["lab"] = {}
    findings = list(document.findings)
    broken: set[str] = set()
    try:
        cloud: Cloud | None = Cloud.model_validate(document.data)
        remains = cloud
    except ValidationError as error:
        cloud = None
        findings += findings_in(document, error.errors(include_url=False))
        remains, broken = without_errors(document.data)
    if remains is not None:
        subject = Subject(cloud=remains, document=document, facts=facts or Facts())
        findings += findings_of(subject, broken=broken)
    return Checked(cloud=cloud, findings=in_file_order(findings))
