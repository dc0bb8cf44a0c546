"""Rules on `settings`: every override is an option that the service really has, with a value it would take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stackhaven.model.cloud import Scalar
from stackhaven.model.finding import Path, Severity
from stackhaven.model.options import Options, canonical, known_files, options_of
from stackhaven.model.rules.base import Hit, Subject, rule
from stackhaven.model.shape import similar

Spec = Mapping[str, Any]
_BOOLEANS = frozenset({"true", "false", "yes", "no", "on", "off", "1", "0"})
_NUMBERS = {"integer": r"[+-]?\d+", "port": r"\d{1,5}", "floating point": r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"}


def _options(subject: Subject) -> Iterator[tuple[Path, Options, str, Spec | None, Scalar]]:
    """Every setting of a known section: its path, the file's options, the section, what is known, the value."""
    for file, sections in subject.cloud.settings.items():
        known = options_of(file)
        if known is None:
            continue
        for section, options in sections.items():
            listed = _section(known, section, options)
            for option, value in options.items() if listed is not None else ():
                path = ("settings", file, section, option)
                yield path, known, section, (listed or {}).get(canonical(file, option)), value


def _section(known: Options, section: str, options: Mapping[str, Scalar]) -> Mapping[str, Spec] | None:
    """What a section may hold: as listed, or a backend's when every option in it is one of a backend."""
    listed = known.section(section)
    if listed is None and known.backend and all(canonical(known.file, o) in known.backend for o in options):
        return known.backend
    return listed


@rule("settings-file", "settings")
def settings_file(subject: Subject) -> Iterator[Hit]:
    """`settings` names a file that no service of the cloud writes."""
    for file in subject.cloud.settings:
        if file not in known_files():
            hint = similar(file, sorted(known_files()))
            yield Hit(("settings", file), f"settings: there is no file {file}", hint, on_key=True)


@rule("settings-section", "settings")
def settings_section(subject: Subject) -> Iterator[Hit]:
    """`settings` names a section that the service does not read: the override would be silently without effect."""
    for file, sections in subject.cloud.settings.items():
        known = options_of(file)
        if known is None:
            continue
        for section, options in sections.items():
            if _section(known, section, options) is None:
                what = f"{file} has no section [{section}]"
                hint = similar(section, sorted(known.sections))
                yield Hit(("settings", file, section), what, hint, on_key=True)


@rule("settings-option", "settings")
def settings_option(subject: Subject) -> Iterator[Hit]:
    """`settings` names an option that the service does not have: it would be silently without effect (E-06, E-07)."""
    for path, known, section, spec, _ in _options(subject):
        if spec is not None:
            continue
        option = canonical(known.file, str(path[-1]))
        near = similar(option, known.section(section) or known.backend or {})
        elsewhere = [f"[{name}]" for name, options in known.sections.items() if option in options]
        if elsewhere:
            near = f"{path[-1]} belongs to " + " or ".join(elsewhere[:4])
        what = f"{known.file} [{section}] has no option {path[-1]}"
        yield Hit(path, what, near or "look it up in the service's configuration reference", on_key=True)


@rule("settings-value", "settings")
def settings_value(subject: Subject) -> Iterator[Hit]:
    """A setting's value is not of the option's type, out of its bounds, or not one of its choices."""
    for path, known, section, spec, value in _options(subject):
        expected = _misfit(spec, value) if spec else ""
        if expected:
            shown = str(value).lower() if isinstance(value, bool) else value
            yield Hit(
                path, f"{known.file} [{section}] {path[-1]}: {shown!r} is not {expected}", f"write {expected}"
            )


def _misfit(spec: Spec, value: Scalar) -> str:
    """What the option takes, when the value is not that; nothing when it fits or little is known."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    kind, choices = spec.get("type", ""), spec.get("choices")
    if text.startswith("$"):
        return ""
    if kind == "boolean":
        return "" if text.lower() in _BOOLEANS else "true or false"
    if kind in _NUMBERS:
        return _number_misfit(spec, text)
    if choices and not kind and text.lower() not in {c.lower() for c in choices}:
        return "one of " + ", ".join(choices)
    return ""


def _number_misfit(spec: Spec, text: str) -> str:
    kind, low, high = spec["type"], spec.get("min"), spec.get("max")
    if not re.fullmatch(_NUMBERS[kind], text):
        return "a number" if kind == "floating point" else "a whole number"
    if low is not None and float(text) < low:
        return f"{low} or more"
    if high is not None and float(text) > high:
        return f"{high} or less"
    return ""


@rule("settings-renamed", "settings", severity=Severity.WARNING)
def settings_renamed(subject: Subject) -> Iterator[Hit]:
    """An option has a new name, or is about to go. The old one still works in this release, not for ever."""
    for path, known, section, spec, _ in _options(subject):
        if spec and "now" in spec:
            what = f"{known.file} [{section}] {path[-1]} has another name now"
            yield Hit(path, what, f"write {spec['now']}", on_key=True)
        elif spec and "removal" in spec:
            what = f"{known.file} [{section}] {path[-1]} will be removed in a later release"
            yield Hit(path, what, "plan to do without it", on_key=True)
