"""Looking at a whole cloud and bringing it about: preflight, run, what is kept afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from stackhaven.engine.journal import Journal, journal_path
from stackhaven.engine.pool import Limits, Pool
from stackhaven.engine.preflight import PreflightError, Requirements, preflight
from stackhaven.engine.result import RunResult
from stackhaven.engine.runner import Mode, run
from stackhaven.engine.screen import View
from stackhaven.engine.stop import Stop, stop_on_signals
from stackhaven.model.secrets import write_owner_only
from stackhaven.operate.operator_files import write_operator_files
from stackhaven.operate.session import Session
from stackhaven.plan.plan import Plan
from stackhaven.services.contents import plan_of

T = TypeVar("T")


def plan_for(session: Session) -> Plan:
    """The whole plan of a cloud. Pure: no node is asked."""
    return Plan.of(plan_of(session.site))


def look(session: Session, plan: Plan, view: View) -> RunResult:
    """What a run would do now; changes nothing."""
    return asyncio.run(_run(session, plan, view, Mode.PLAN))


def bring_about(session: Session, plan: Plan, view: View) -> RunResult:
    """Make the cloud as described, holding it against other runs.

    What the operator signs in with is written before, the plan is kept as the last one when it is done.

    Raises:
        PreflightError: some node cannot be worked on; nothing was changed.
        HavenError: another run holds this cloud.

    """
    with session.state.lock("haven up"):
        write_operator_files(session)
        result = asyncio.run(_run(session, plan, view, Mode.APPLY))
        if result.ok:
            write_owner_only(session.state.last_plan, json.dumps(plan.as_json(), indent=1) + "\n")
    return result


async def _run(session: Session, plan: Plan, view: View, mode: Mode) -> RunResult:
    limits = Limits()
    pool = Pool(session.targets, limits)
    verb = "up" if mode is Mode.APPLY else "plan"
    with (
        Journal(journal_path(session.state.runs, verb), session.masker) as journal,
        view.shown(journal),
        stop_on_signals(Stop()) as stop,
    ):
        try:
            if mode is Mode.APPLY:
                await _until(stop, _require(pool, plan))
            return await run(
                plan, pool, mode=mode, journal=journal, masker=session.masker, stop=stop, limits=limits
            )
        finally:
            await pool.close()


async def _require(pool: Pool, plan: Plan) -> None:
    problems = await preflight(pool, plan.nodes, Requirements())
    if problems:
        raise PreflightError(problems)


async def _until(stop: Stop, work: Coroutine[Any, Any, T]) -> T | None:
    """Do it, unless a stop is asked for meanwhile; then it is let go of."""
    doing = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.soft.wait())
    await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if doing.done():
        return doing.result()
    doing.cancel()
    await asyncio.wait({doing}, timeout=5)
    return None
