"""``haven status`` and ``haven verify``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from stackhaven.cli.context import App, pass_app

if TYPE_CHECKING:
    from stackhaven.observe.status.facts import CloudFacts
    from stackhaven.observe.status.finding import Finding
    from stackhaven.observe.status.judge import Expected

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
    from rich.console import Console
    from rich.live import Live

    from stackhaven.observe.status.judge import exit_code
    from stackhaven.observe.status.screen import as_data, screen

    console = Console(highlight=False)
    expected, facts, findings = _look(app)
    if as_json:
        click.echo(json.dumps(as_data(expected, facts, findings), indent=2))
    elif not watch:
        console.print(screen(expected, facts, findings))
    else:
        with Live(screen(expected, facts, findings), console=console, screen=console.is_terminal) as live:
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
