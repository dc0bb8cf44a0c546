"""The table of kinds: how each is checked and applied. Modules are loaded when a kind first comes up."""

from __future__ import annotations

import sys

from stackhaven.engine.agent.finding import AgentError, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HOMES = {
    "file": "files",
    "directory": "files",
    "symlink": "files",
    "absent": "files",
    "package": "software",
    "sysctl": "software",
    "unit": "units",
    "command": "actions",
    "wait": "actions",
}


def check_all(resources: list[dict[str, Any]], lazy: bool) -> list[dict[str, Any]]:
    """Check in order; all units by one question to systemd.

    `lazy`: once something differs, actions and gates after it are not asked; they are answered with `known` false.
    """
    states = _unit_states(resources)
    findings = []
    differs = False
    for resource in resources:
        if lazy and differs and resource["kind"] in {"command", "wait"}:
            finding = Finding(False, "not asked yet", known=False)
        else:
            finding = check_one(resource, states.get(resource.get("name", "")))
        differs = differs or not finding.holds
        findings.append(finding.wire())
    return findings


def check_one(resource: dict[str, Any], unit_state: dict[str, Any] | None = None) -> Finding:
    """One resource; an error while looking is an answer, not a failure of the request."""
    kind = resource.get("kind")
    try:
        if kind == "unit":
            from stackhaven.engine.agent.units import check_unit

            return check_unit(resource, unit_state)
        finding: Finding = _function("check", kind)(resource)
    except (AgentError, OSError) as error:
        return Finding(False, f"cannot tell: {error}", known=False)
    return finding


def apply_one(resource: dict[str, Any], report: Callable[[str], None]) -> dict[str, Any]:
    """Check, apply, check again. A resource that still differs after its change has failed."""
    found = check_one(resource)
    if found.holds:
        return {"changed": False, "did": "", "before": None, "verb": ""}
    if resource["kind"] == "wait":
        did = _function("apply", "wait")(resource, report)
        return {"changed": False, "did": did, "before": None, "verb": "wait"}
    did = _function("apply", resource["kind"])(resource, found)
    again = check_one(resource)
    if not again.holds:
        hint = ""
        if resource["kind"] == "unit" and "newer than its start" in again.why:
            hint = "; is it written by the unit itself? then it must not be watched"
        raise AgentError(f"{did}, but still not as wanted: {again.why}{hint}")
    return {"changed": True, "did": did, "before": found.before, "verb": found.verb}


def _unit_states(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    names = [resource["name"] for resource in resources if resource["kind"] == "unit"]
    if len(names) < 2:
        return {}
    from stackhaven.engine.agent.units import show

    try:
        return dict(zip(names, show(names)))
    except (AgentError, OSError):
        return {}


def _function(verb: str, kind: object) -> Callable[..., Any]:
    if kind not in HOMES:
        raise AgentError(f"unknown kind of resource: {kind!r}")
    home = f"stackhaven.engine.agent.{HOMES[str(kind)]}"
    __import__(home)
    function: Callable[..., Any] = getattr(sys.modules[home], f"{verb}_{kind}")
    return function
