"""One piece of work on one node: look at all its resources at once, then bring those about that differ, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stackhaven.engine.link import AgentFailedError, Progress
from stackhaven.engine.pool import Channel
from stackhaven.engine.turn import Turn, interrupts
from stackhaven.plan.diff import file_diff
from stackhaven.plan.forecast import Look
from stackhaven.plan.mask import Masker
from stackhaven.plan.outcome import Change, Finding
from stackhaven.plan.resources import (
    Absent,
    Command,
    Directory,
    File,
    Package,
    Resource,
    Symlink,
    Sysctl,
    Unit,
    Wait,
)

MARGIN_S = 60.0
CHECK_S = 30.0
PACKAGE_S = 4000.0


@dataclass(frozen=True, kw_only=True)
class Converged:
    """What was changed on the way, and why it did not get to the end (empty if it did)."""

    changes: tuple[Change, ...] = ()
    error: str = ""


async def look(channel: Channel, resources: tuple[Resource, ...], masker: Masker) -> Look:
    """Check everything, change nothing; one round trip."""
    answers = await _check(channel, resources, lazy=False)
    findings = tuple(
        None if answer["holds"] else _finding(resource, answer, masker)
        for resource, answer in zip(resources, answers, strict=True)
    )
    return Look(resources=resources, findings=findings)


async def converge(
    channel: Channel,
    resources: tuple[Resource, ...],
    masker: Masker,
    note: Progress,
    *,
    node: str,
    turn: Turn,
) -> Converged:
    """Bring it about: one round trip where all holds, otherwise one more for each resource from the first that differs.

    Once something has been changed, everything after it is looked at again: a unit reads files, an action asks units.
    What would interrupt something that runs waits for this node's turn.

    Raises:
        LinkLostError: the node went away; what was under way there may or may not have been done.

    """
    answers = await _check(channel, resources, lazy=True)
    if not interrupts(resources, answers):
        return await _bring_about(channel, resources, answers, masker, note)
    async with turn.of(node) as forbidden:
        if forbidden:
            return Converged(error=forbidden)
        converged = await _bring_about(channel, resources, answers, masker, note)
        if converged.error:
            turn.break_off(node)
        return converged


async def _bring_about(
    channel: Channel,
    resources: tuple[Resource, ...],
    answers: list[dict[str, Any]],
    masker: Masker,
    note: Progress,
) -> Converged:
    changes: list[Change] = []
    first = next((i for i, answer in enumerate(answers) if not answer["holds"]), len(answers))
    for resource in resources[first:]:
        note(resource.label)
        try:
            answer = await channel.call(
                "apply", timeout_s=_apply_bound_s(resource), progress=note, resource=resource.wire()
            )
        except AgentFailedError as error:
            return Converged(changes=tuple(changes), error=masker(f"{resource.label}: {error.what}"))
        if answer["changed"]:
            changes.append(_change(resource, answer, masker))
    return Converged(changes=tuple(changes))


async def _check(channel: Channel, resources: tuple[Resource, ...], *, lazy: bool) -> list[dict[str, Any]]:
    if not resources:
        return []
    asked = sum(CHECK_S for resource in resources if isinstance(resource, Command | Wait))
    answers: list[dict[str, Any]] = await channel.call(
        "check", timeout_s=MARGIN_S + asked, resources=[resource.wire() for resource in resources], lazy=lazy
    )
    return answers


def _apply_bound_s(resource: Resource) -> float:
    """The longest that the agent may take, with a margin; after that the link counts as lost."""
    if isinstance(resource, Command):
        attempts = resource.retries + 1
        return attempts * (resource.timeout_s + resource.retry_delay_s + 2 * CHECK_S) + MARGIN_S
    if isinstance(resource, Wait):
        return resource.deadline_s + CHECK_S + MARGIN_S
    if isinstance(resource, Unit):
        return 2 * resource.timeout_s + resource.settle_s + MARGIN_S
    return PACKAGE_S if isinstance(resource, Package) else MARGIN_S


def _finding(resource: Resource, answer: dict[str, Any], masker: Masker) -> Finding:
    return Finding(
        label=resource.label,
        kind=resource.kind,
        verb=answer["verb"],
        why=masker(answer["why"]),
        known=answer["known"],
        diff=_diff(resource, answer, masker),
        paths=_paths(resource),
    )


def _change(resource: Resource, answer: dict[str, Any], masker: Masker) -> Change:
    return Change(
        label=resource.label,
        kind=resource.kind,
        verb=answer["verb"],
        did=masker(answer["did"]),
        diff=_diff(resource, answer, masker),
    )


def _diff(resource: Resource, answer: dict[str, Any], masker: Masker) -> str:
    if isinstance(resource, File) and answer["verb"] in {"create", "update", "replace"}:
        return file_diff(
            resource.path, answer["before"], resource.content, masker, sensitive=resource.sensitive
        )
    return ""


def _paths(resource: Resource) -> tuple[str, ...]:
    if isinstance(resource, File | Directory | Symlink | Absent):
        return (resource.path,)
    if isinstance(resource, Sysctl):
        return (f"/etc/sysctl.d/{resource.name}.conf",)
    return ()
