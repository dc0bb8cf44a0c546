"""``haven recover``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from stackhaven.cli.context import App, pass_app

if TYPE_CHECKING:
    from stackhaven.operate.recover.move import Diagnosis, Move
    from stackhaven.operate.recover.recovery import Recovered

COLOURS = {"healthy": "green", "waiting": "yellow", "ill": "red", "stuck": "red"}


@click.command()
@click.option(
    "--dry-run", is_flag=True, help="Say what is left and what would be done first; change nothing."
)
@click.option("--yes", is_flag=True, help="Agree to what is at stake in each move, without being asked.")
@click.option("--take", metavar="NODE", default="", help="Keep this member's data where members differ.")
@click.option(
    "--forget",
    metavar="NODE",
    default="",
    help="Let the queue's cluster forget a broker that never comes back.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for what may come back by itself.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON, for programs; implies no questions."
)
@pass_app
@click.pass_context
def recover(
    context: click.Context,
    app: App,
    *,
    dry_run: bool,
    yes: bool,
    take: str,
    forget: str,
    patience: float,
    as_json: bool,
) -> None:
    """Bring back the database, the queue and the network databases after what they cannot survive alone.

    Looks at what is left, shows who has what, and makes one move at a time, the next only when the one before has
    taken effect. Where something could be lost it says what, and asks. Data is copied or moved aside, never deleted.
    Safe to stop at any moment and to call again.

    Exit code: 0 all that answers is healthy, 1 something is not.
    """
    from stackhaven.cli.terminal import console
    from stackhaven.engine.screen import view_for
    from stackhaven.errors import InputError
    from stackhaven.operate.recover.judge import Wishes
    from stackhaven.operate.recover.recovery import propose
    from stackhaven.operate.recover.recovery import recover as bring_back

    session = app.session()
    controllers = [node.name for node in session.layout.controllers]
    for option, node in (("--take", take), ("--forget", forget)):
        if node and node not in controllers:
            raise InputError(
                f"{option} {node}: no controller has this name", todo=f"one of {', '.join(controllers)}"
            )
    wishes = Wishes(take=take, forget=forget, patience_s=patience)
    if dry_run:
        done = propose(session, wishes)
        if not as_json:
            show(done.diagnoses, evidence=True)
    else:
        done = bring_back(
            session,
            wishes,
            view=view_for(console(stderr=as_json), quiet=as_json),
            say=(lambda _: None) if as_json else show,
            agree=lambda move: yes or (not as_json and agreed(move)),
        )
    if as_json:
        click.echo(json.dumps(data_of(done), indent=2))
    else:
        conclude(done, dry_run=dry_run)
    context.exit(0 if done.ok else 1)


def show(found: tuple[Diagnosis, ...], *, evidence: bool = False) -> None:
    """One line per cluster; what is not healthy with its evidence and the next move."""
    for one in found:
        health = click.style(f"{one.health.value:>8}", fg=COLOURS[one.health.value])
        click.echo(f"{health}  {one.area}: {one.sentence}")
        if one.health.value != "healthy" or evidence:
            for line in one.evidence:
                click.echo(f"          {line}")
        if one.move is not None:
            click.echo(f"    next: {one.move.sentence}")
            if one.move.stake:
                click.echo(f"at stake: {one.move.stake}")
        if one.todo:
            click.echo(f"      do: {one.todo}")


def agreed(move: Move) -> bool:
    """Ask; everything but yes is no."""
    click.echo(click.style("at stake: ", bold=True) + move.stake)
    for line in move.evidence:
        click.echo(f"          {line}")
    return click.confirm(f"{move.sentence}?", default=False)


def conclude(done: Recovered, *, dry_run: bool) -> None:
    """The end in one or two lines."""
    for node, why in done.silent:
        click.echo(f"{node} does not answer: {why}")
    if dry_run:
        click.echo(f"looked for {done.seconds:.1f} s; nothing was changed")
        return
    for number, move in enumerate(done.moves, 1):
        click.echo(f"{number}. {move.sentence}")
    if done.problem:
        click.echo(click.style("not done: ", fg="red") + done.problem)
    verdict = "everything that answers is healthy" if done.ok else "not everything is healthy"
    click.echo(f"{verdict}, after {len(done.moves)} moves in {done.seconds:.1f} s")


def data_of(done: Recovered) -> dict[str, Any]:
    """JSON-safe."""
    return {**asdict(done), "ok": done.ok}
