"""``haven drill``: break the cloud on purpose, measure what its clients saw, heal it."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stackhaven.cli.context import App, pass_app

if TYPE_CHECKING:
    from stackhaven.drills.ground import Ground

MISSED = 1


@click.group()
def drill() -> None:
    """Break the cloud on purpose, measure what its clients saw, and heal it.

    Exit codes: 0 every promise was kept, 1 the cloud missed one, 3 the drill itself could not be carried out, 4 what
    was broken could not be healed.
    """


@drill.command("list")
def list_() -> None:
    """Show drills, suites, faults, targets and probes."""
    from rich.console import Console

    from stackhaven.drills.report.screen import print_contents

    print_contents(Console(highlight=False))


@drill.command()
@click.argument("name")
@click.option("--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="How often.")
@click.option(
    "--rate",
    type=float,
    default=1.0,
    metavar="SHARE",
    show_default=True,
    help="Call this share of as often: for a machine that does not bear the usual load. Such a figure is in no table.",
)
@click.option("--anyway", is_flag=True, help="Also on a cloud that is degraded already.")
@click.option("--yes", is_flag=True, help="Do not ask before existing hosts are disturbed.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@pass_app
@click.pass_context
def run(
    context: click.Context,
    app: App,
    *,
    name: str,
    repeat: int,
    rate: float,
    anyway: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Perform drill NAME, a YAML file, or every drill of suite:NAME.

    What was broken is healed at the end, also after Ctrl-C. If this program is killed, the next `haven drill` or
    `haven status` heals first.
    """
    from rich.console import Console

    from stackhaven.drills.contents import drills_of
    from stackhaven.drills.report.screen import print_result
    from stackhaven.drills.series import perform_all
    from stackhaven.drills.stage import Stage

    drills = [replace(one, rate=one.rate * rate).checked() for one in drills_of(name)]
    ground = ground_of(app)
    _confirm(ground, yes=yes)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stage = Stage(ground, lambda text: click.echo(ground.masker(text), err=True))
    with ground.state.lock(f"haven drill run {name}"):
        series = perform_all(stage, drills, repeat=repeat, anyway=anyway)
    if as_json:
        click.echo(json.dumps(series.as_data(), indent=2))
    else:
        for directory, result in series.results:
            print_result(console, directory, result)
        series.print_summary(console)
    context.exit(0 if series.kept else MISSED)


def _confirm(ground: Ground, *, yes: bool) -> None:
    """Existing hosts are disturbed only where the file allows it and the operator agrees."""
    from stackhaven.drills.errors import DrillError

    if ground.in_lab:
        return
    if not ground.site.cloud.drills.allowed:
        raise DrillError(
            f"cloud {ground.name} does not allow drills",
            why="they take services away from whoever uses it",
            todo="write `drills: {allowed: true}` in its file, if that is meant",
            rule="drill-not-allowed",
        )
    if not yes:
        click.confirm(f"Break cloud {ground.name} on purpose now?", abort=True, err=True)


@drill.command()
@click.argument("directory", required=False)
@pass_app
def report(app: App, directory: str | None) -> None:
    """List the records of this cloud, or write the report of one anew and say where it is."""
    from stackhaven.drills.perform import REPORT, judge_again
    from stackhaven.drills.series import record, records

    heal_first(app)
    drills = ground_of(app).drills
    if directory is None:
        for one in records(drills):
            click.echo(f"{one.kept_word:7} {one.headline}  {one.directory / REPORT}")
        return
    found = record(drills, directory)
    judge_again(found)
    click.echo(found / REPORT)


@drill.command()
@click.argument("directory")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_app
@click.pass_context
def judge(context: click.Context, app: App, directory: str, as_json: bool) -> None:
    """Judge an old record again, with the judges of today. DIRECTORY may be its name, or `last`."""
    from rich.console import Console

    from stackhaven.drills.perform import judge_again
    from stackhaven.drills.report.screen import print_result
    from stackhaven.drills.series import record

    heal_first(app)
    found = Path(directory) if Path(directory).is_dir() else record(ground_of(app).drills, directory)
    result = judge_again(found)
    if as_json:
        click.echo(json.dumps(result.as_data(), indent=2))
    else:
        print_result(Console(highlight=False), found, result)
    context.exit(0 if result.kept else MISSED)


@drill.command()
@click.argument("one")
@click.argument("other")
@pass_app
def compare(app: App, one: str, other: str) -> None:
    """Show the figures of two records, or of all records of two drills, side by side."""
    from rich.console import Console

    from stackhaven.drills.report.screen import print_comparison
    from stackhaven.drills.series import results_of

    heal_first(app)
    drills = ground_of(app).drills
    print_comparison(
        Console(highlight=False), (one, results_of(drills, one)), (other, results_of(drills, other))
    )


@drill.command("table")
@click.argument("names", nargs=-1)
@click.option(
    "--last", type=click.IntRange(1, 1000), default=5, show_default=True, help="Newest of each drill."
)
@click.option(
    "--since", metavar="TIMESTAMP", help="Only records that began then or later: 2026-11-21T08:00 (UTC)."
)
@click.option("--keep", type=click.Path(path_type=Path, dir_okay=False), help="JSON that keeps all samples.")
@click.option(
    "--write",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Page with markers to write it into.",
)
@click.option("--beside", is_flag=True, help="Compare clouds: a column for each cloud that --keep knows.")
@click.option("--json", "as_json", is_flag=True, help="Print all samples and figures as JSON.")
@pass_app
def table_(
    app: App,
    *,
    names: tuple[str, ...],
    last: int,
    since: str | None,
    keep: Path | None,
    page: Path | None,
    beside: bool,
    as_json: bool,
) -> None:
    """Show the figures of all records of this cloud, or of drills with these NAMES: medians, spread, floors.

    With --keep, rows that this cloud has no records of stay as they are in that file. With --write, only what stands
    between the markers of the page is replaced.
    """
    from stackhaven.cli.terminal import console
    from stackhaven.drills.report import kept
    from stackhaven.drills.report.beside import side_by_side
    from stackhaven.drills.report.rows import rows_of, with_floors
    from stackhaven.drills.report.table import markdown, print_table

    heal_first(app)
    ground = ground_of(app)
    rows, left_out = rows_of(
        ground.drills,
        last=last,
        since=_moment(since),
        provider_today=ground.site.cloud.vip.provider,
        machines_today=len(ground.layout.nodes),
    )
    table = kept.Table(rows=tuple(with_floors(rows, ground.layout)), left_out=tuple(left_out)).only(names)
    if keep is not None:
        table = kept.read_kept(keep).renewed(table)
    text = kept.inserted(page, side_by_side(table) if beside else markdown(table)) if page is not None else ""
    if keep is not None:
        kept.keep(keep, table)
    if page is not None:
        kept.store(page, text)
    if as_json:
        click.echo(json.dumps(table.as_data(), indent=2))
    elif page is None and beside:
        click.echo(side_by_side(table), nl=False)
    elif page is None:
        print_table(console(), table)


def _moment(text: str | None) -> float:
    """Seconds since 1970 of a timestamp, in UTC where it names no zone."""
    from datetime import UTC, datetime

    from stackhaven.errors import InputError

    if text is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--since {text!r} is no moment in time",
            todo="write it as 2026-11-21 or 2026-11-21T08:00",
            rule="drill-since",
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@drill.command()
@pass_app
def heal(app: App) -> None:
    """Put right what a drill that was killed has left broken."""
    from stackhaven.drills.stage import Stage

    ground = ground_of(app)
    with ground.state.lock("haven drill heal"):
        if not Stage(ground, partial(click.echo, err=True)).heal_what_is_left():
            click.echo("nothing is broken on purpose")


def heal_first(app: App) -> None:
    """Put right what a killed drill has left, unless a drill is at work this moment. Quick when there is nothing.

    Raises:
        HealError: it could not be put right.

    """
    from stackhaven.errors import HavenError

    state = app.session().state
    if not (state.root / "drills" / "heal.json").exists():
        return
    from stackhaven.drills.stage import Stage

    try:
        with state.lock("healing after a killed drill"):
            Stage(ground_of(app), partial(click.echo, err=True)).heal_what_is_left()
    except HavenError as error:
        if error.rule != "busy":
            raise


def ground_of(app: App) -> Ground:
    """The opened cloud, as drills need it."""
    from stackhaven.drills.ground import Ground
    from stackhaven.operate.client_side import as_client

    session = app.session()
    client: Any = partial(as_client, session.cloud)
    return Ground(
        site=session.site,
        state=session.state,
        targets=session.targets,
        masker=session.masker,
        as_client=client,
    )
