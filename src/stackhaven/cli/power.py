"""``haven down``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from stackhaven.cli.context import App, pass_app

if TYPE_CHECKING:
    from stackhaven.operate.down import Guests


@click.command()
@click.option(
    "--guests",
    type=click.Choice(["refuse", "stop", "leave"]),
    default="refuse",
    show_default=True,
    help="What to do when guests run: refuse to stop the cloud, shut them down, or cut them off.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one event per line as JSON, for programs.")
@pass_app
@click.pass_context
def down(context: click.Context, app: App, guests: Guests, as_json: bool) -> None:
    """Stop the cloud in the order from which it starts again without recovery; the machines stay up.

    First what clients call, then hypervisors, OpenStack, network, VIP, queue and cache, the database members last and
    one by one. `haven up` starts it again; `haven lab down` takes the machines' power afterwards. Ctrl-C stops after
    the running steps, and calling it again goes on.

    Exit code: 0 everything is stopped, 1 something is not.
    """
    from stackhaven.cli.terminal import console
    from stackhaven.engine.report import print_summary, result_data
    from stackhaven.engine.screen import view_for
    from stackhaven.operate.down import stop_cloud

    page = console()
    stopped = stop_cloud(app.session(), view_for(page, as_json=as_json), guests=guests)
    if as_json:
        click.echo(
            json.dumps({"kind": "result", **result_data(stopped.result), "left_out": stopped.left_out})
        )
    else:
        print_summary(stopped.result, page)
        if stopped.note:
            click.echo(stopped.note, err=True)
        for node, reason in stopped.left_out:
            click.echo(f"left out: {node}: {reason}", err=True)
    context.exit(stopped.result.exit_code or (1 if stopped.left_out else 0))
