"""``haven access``: where the dashboard and the APIs are, and how to sign in."""

from __future__ import annotations

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.lab.reach import ssh_prefix
from stackhaven.operate.session import Session
from stackhaven.services.common.ports import KEYSTONE

DASHBOARD = "horizon"
FORWARDED = "http://127.0.0.1:8080/"


@click.command()
@click.option("--password", "show", is_flag=True, help="Print the administrator's password and nothing else.")
@pass_app
def access(app: App, show: bool) -> None:
    """Say where the dashboard and the APIs are, and how to sign in.

    The password is printed only when asked for, so that it does not stay on a screen or in a log by accident.
    """
    session = app.session()
    if show:
        click.echo(session.site.secrets["keystone.admin"])
        return
    for line in directions(session):
        click.echo(line)


def directions(session: Session) -> list[str]:
    """The lines to print: no secret is among them."""
    haven = f"haven --file {session.file}"
    vip = session.layout.vip_public
    lines = [f"APIs:       http://{vip}:{KEYSTONE}/v3 (identity; all others are in its catalogue)"]
    port = next((i.port for d in session.site.declared for i in d.listeners if i.name == DASHBOARD), None)
    if port is not None:
        lines.append(f"Dashboard:  http://{vip}:{port}/" if port != 80 else f"Dashboard:  http://{vip}/")
    if port is not None and session.cloud.lab is not None:
        lines.append(f"            from this host: `{haven} lab forward`, then {FORWARDED}")
    lines.append(f"Sign in:    domain Default, user admin, password by `{haven} access --password`")
    lines.append(
        f"Clients:    OS_CLIENT_CONFIG_FILE={session.state.clouds_yaml} OS_CLOUD={session.cloud.name}"
    )
    lines.append(f"            or `source {session.state.openrc}`")
    if session.cloud.lab is not None:
        hub = " ".join(ssh_prefix(session.cloud.name)[:-1])
        lines.append(f"            from inside the lab, where its addresses are known: `{hub} COMMAND`")
    return lines
