"""``haven check``: everything that is wrong with a file, all at once."""

from __future__ import annotations

import json

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.design.addresses import layout_of
from stackhaven.model.finding import Finding, Severity
from stackhaven.operate.session import check_cloud

EXIT_WRONG = 2
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@pass_app
def check(app: App, as_json: bool) -> int:
    """Say everything that is wrong with a cloud.yaml, all at once.

    Each finding has its place in the file, the id of its rule and what to write instead. Errors stop `haven up`,
    warnings are shown. Nothing is touched and no machine is contacted. Exit code 2 when there is an error.
    """
    checked = check_cloud(app.file)
    errors = sum(f.severity is Severity.ERROR for f in checked.findings)
    if as_json:
        click.echo(json.dumps([f.as_data() for f in checked.findings], indent=2))
        return EXIT_WRONG if errors else 0
    for finding in checked.findings:
        click.echo(_coloured(finding))
    if checked.cloud is None or errors:
        click.echo(f"{errors} error{'s' if errors != 1 else ''}; nothing was touched")
        return EXIT_WRONG
    layout = layout_of(checked.cloud)
    click.echo(
        f"{app.file}: cloud {checked.cloud.name}, {len(layout.nodes)} machines, "
        f"{len(layout.controllers)} controllers, VIP {layout.vip_internal}: ready for `haven plan`"
    )
    return 0


def _coloured(finding: Finding) -> str:
    return str(finding).replace(
        f": {finding.severity}: ", f": {click.style(finding.severity, fg=_COLOURS[finding.severity])}: ", 1
    )
