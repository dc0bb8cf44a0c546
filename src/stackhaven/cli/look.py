"""``haven status`` and ``haven verify``."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.drill import heal_first

if TYPE_CHECKING:
    from stackhaven.observe.status.facts import CloudFacts
    from stackhaven.observe.status.finding import Finding
    from stackhaven.observe.status.judge import Expected
    from stackhaven.observe.verify.bench import Bench

EXIT_INTERRUPTED = 130
WATCH_S = 3.0


@click.command()
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found out as JSON.")
@pass_app
@click.pass_context
def status(context: click.Context, app: App, watch: bool, as_json: bool) -> None:
    """Show the whole cloud on one screen: what is degraded, what it means, what to type.

    Asks every node and every service at once and takes ten seconds at most, also when half of the cloud is dead.
    Exit code: 0 healthy, 1 degraded, 2 down.
    """
    from rich.live import Live

    from stackhaven.cli.terminal import console
    from stackhaven.observe.status.judge import exit_code
    from stackhaven.observe.status.screen import as_data, screen

    heal_first(app)
    page = console()
    expected, facts, findings = _look(app)
    if as_json:
        click.echo(json.dumps(as_data(expected, facts, findings), indent=2))
    elif not watch:
        page.print(screen(expected, facts, findings))
    else:
        with Live(screen(expected, facts, findings), console=page, screen=page.is_terminal) as live:
            while True:
                time.sleep(WATCH_S)
                live.update(screen(*_look(app)), refresh=True)
    context.exit(exit_code(findings))


def _look(app: App) -> tuple[Expected, CloudFacts, tuple[Finding, ...]]:
    from stackhaven.observe.status.gather import gather
    from stackhaven.observe.status.judge import Expected, judge
    from stackhaven.operate.client_side import as_client

    session = app.session()
    expected = Expected(session.layout, session.site.declared)
    facts = gather(session.site, session.targets, lambda work: as_client(session.cloud, work))
    return expected, facts, judge(expected, facts)


@click.command()
@click.option(
    "--only",
    multiple=True,
    metavar="CHECK",
    help="Only this check, or all that begin so, with what they need; may be repeated.",
)
@click.option(
    "--keep", is_flag=True, help="Leave the project and its guests for a look; the next run removes them."
)
@click.option("--list", "as_list", is_flag=True, help="List the checks and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the result as JUnit XML.",
)
@pass_app
@click.pass_context
def verify(
    context: click.Context,
    app: App,
    *,
    only: tuple[str, ...],
    keep: bool,
    as_list: bool,
    as_json: bool,
    junit: Path | None,
) -> None:
    """Prove through the public APIs that the cloud works: in the end two guests on two computes meet.

    Every service is asked on its VIP, the catalogue and the tables of services and agents are read, then a tenant is
    made who uploads an image, draws a network and boots two guests that must reach each other and be reached from
    outside. Everything that was made is removed, also after a failure or Ctrl-C.

    Exit code: 0 verified, 1 something failed.
    """
    from stackhaven.cli.terminal import console
    from stackhaven.observe.verify import report as reports
    from stackhaven.observe.verify.view import Screen, print_summary
    from stackhaven.operate.operator_files import write_operator_files
    from stackhaven.operate.verification import all_checks, verify_cloud

    session = app.session()
    if as_list:
        for check in all_checks(session):
            click.echo(f"{check.name:<24} {check.title}")
        return
    write_operator_files(session)
    page = console(stderr=as_json)
    view = Screen(page)
    with view.shown():
        report = verify_cloud(
            session,
            view,
            only=only,
            keep=keep,
            building=view.building,
            tick=view.tick,
            interrupted=_interrupted,
        )
    if junit is not None:
        junit.write_text(reports.junit(report), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(report.as_data(), indent=2))
    print_summary(report, page)
    context.exit(EXIT_INTERRUPTED if report.interrupted else report.exit_code)


def _interrupted(bench: Bench, times: int) -> None:
    """The first Ctrl-C cleans up; the second leaves at once and says what is left."""
    if times == 1:
        click.echo("interrupted: removing what was made; Ctrl-C again leaves it", err=True)
        return
    click.echo(f"left behind: project {bench.name}; the next haven verify removes it", err=True)
    os._exit(EXIT_INTERRUPTED)
