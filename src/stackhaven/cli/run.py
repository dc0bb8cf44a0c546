"""`haven plan`, `haven up` and `haven log`."""

from __future__ import annotations

import json

import click

from stackhaven.cli.context import App, pass_app


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option(
    "--diff/--no-diff", "diffs", default=True, help="Show differences of files (secrets are masked)."
)
@click.option("--offline", is_flag=True, help="Show the table of contents without contacting any node.")
@pass_app
@click.pass_context
def plan(context: click.Context, app: App, as_json: bool, diffs: bool, offline: bool) -> None:
    """Show what `haven up` would change, node by node; change nothing.

    Exit code: 0 nothing to do, 3 changes pending, 1 a node could not be looked at.
    """
    from stackhaven.cli.terminal import console
    from stackhaven.engine.report import print_contents, print_pending, result_data
    from stackhaven.engine.screen import view_for
    from stackhaven.operate.converge import look, plan_for

    session = app.session()
    whole = plan_for(session)
    page = console()
    if offline:
        if as_json:
            click.echo(json.dumps(whole.as_json(), indent=2))
        else:
            print_contents(whole, page)
        return
    result = look(session, whole, view_for(console(stderr=True), quiet=as_json))
    if as_json:
        click.echo(json.dumps(result_data(result), indent=2))
    else:
        print_pending(result, whole, page, diffs=diffs)
    context.exit(result.exit_code)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one event per line as JSON, for programs.")
@pass_app
@click.pass_context
def up(context: click.Context, app: App, as_json: bool) -> None:
    """Make the cloud as its file says. Safe to stop at any moment and to call again: it goes on.

    Changes only what differs and restarts only what reads it. Ctrl-C stops after the running steps, a second one at
    once. Exit code: 0 the cloud is as described, 1 something failed, 130 interrupted.
    """
    from stackhaven.cli.narrate import narrated
    from stackhaven.cli.terminal import console
    from stackhaven.engine.report import print_summary, result_data
    from stackhaven.engine.screen import view_for
    from stackhaven.operate.converge import bring_about, plan_for
    from stackhaven.operate.machines import ensure_machines

    session = app.session()
    whole = plan_for(session)
    page = console()
    with narrated() as progress:
        ensure_machines(session, progress)
    result = bring_about(session, whole, view_for(page, as_json=as_json))
    if as_json:
        click.echo(json.dumps({"kind": "result", **result_data(result)}))
    else:
        print_summary(result, page)
        if result.ok and result.totals["changes"]:
            page.print("next: haven verify")
    context.exit(result.exit_code)


@click.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@pass_app
def log(app: App, run: str | None, as_json: bool) -> None:
    """List past runs, or show one: RUN is the beginning of its name, or `last`."""
    from stackhaven.cli.terminal import console
    from stackhaven.engine.history import find_run, list_runs
    from stackhaven.engine.report import print_past_run, print_past_runs

    runs = app.session().state.runs
    if run is None:
        past = list_runs(runs)
        if as_json:
            click.echo(json.dumps([one.summary() for one in past], indent=2))
        else:
            print_past_runs(past, console())
        return
    found = find_run(runs, run)
    if as_json:
        click.echo(json.dumps({**found.summary(), "events": found.events}, indent=2))
    else:
        print_past_run(found, console())
