"""`haven secret`: values that an operator gives, since they cannot be made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.errors import InputError

if TYPE_CHECKING:
    from stackhaven.model.cloud import Cloud

LONGEST = 4096


@click.group()
def secret() -> None:
    """Keep what cannot be made: passwords of things that were there before the cloud, such as BMCs.

    Secrets stand beside the cloud's file in `.haven/NAME/secrets.json`, which only its owner can read.
    """


@secret.command("set")
@click.argument("name")
@pass_app
def set_(app: App, name: str) -> None:
    """Keep a secret under NAME. Its value is asked for, or read from standard input; never an argument."""
    from stackhaven.model.secrets import read_secrets, set_secret
    from stackhaven.model.state import State

    cloud = _cloud_using(app, name)
    value = _value(name)
    _require_fit(cloud, name, value)
    state = State.beside(app.file, cloud.name)
    replaced = name in read_secrets(state.secrets)
    set_secret(state.secrets, name, value)
    click.echo(f"{name}: {'replaced' if replaced else 'kept'} in {state.secrets}")
    if replaced:
        click.echo("`haven up` brings the new value to the nodes")


@secret.command("list")
@pass_app
def list_(app: App) -> None:
    """Print the names of all secrets, and of those that are still to be given."""
    from stackhaven.model.fencing import password_names
    from stackhaven.model.secrets import read_secrets
    from stackhaven.model.state import State
    from stackhaven.operate.session import check_cloud

    cloud = check_cloud(app.file).require()
    known = read_secrets(State.beside(app.file, cloud.name).secrets)
    for name in sorted(known):
        click.echo(name)
    for name in password_names(cloud) if cloud.lab is None else ():
        if name not in known:
            click.echo(f"{name}  missing: haven secret set {name}")


def _cloud_using(app: App, name: str) -> Cloud:
    """The cloud, when something in it asks for a secret of this name; otherwise it is most likely a slip."""
    from stackhaven.design.addresses import layout_of
    from stackhaven.model.fencing import password_names
    from stackhaven.model.shape import similar
    from stackhaven.operate.session import check_cloud
    from stackhaven.services.contents import declarations_of, secret_names

    cloud = check_cloud(app.file).require()
    used = {*secret_names(declarations_of(layout_of(cloud))), *password_names(cloud)}
    if name not in used:
        raise InputError(
            f"nothing in {app.file} uses a secret {name}",
            todo=similar(name, sorted(used)) or "`haven secret list` prints the names",
            rule="secret-name",
        )
    return cloud


def _require_fit(cloud: Cloud, name: str, value: str) -> None:
    from stackhaven.model.fencing import bmcs_of
    from stackhaven.model.secrets import IPMI_PASSWORD_LENGTH

    for_ipmi = any(b.kind == "ipmi" and b.password_name == name for b in bmcs_of(cloud).values())
    if for_ipmi and len(value.encode()) > IPMI_PASSWORD_LENGTH:
        raise InputError(
            f"the value of {name} is longer than {IPMI_PASSWORD_LENGTH} bytes",
            why="IPMI takes no longer password, and a tool that cuts it off would never log in",
            todo="give the BMC a shorter one, or use Redfish",
            rule="secret-value",
        )


def _value(name: str) -> str:
    if sys.stdin.isatty():
        value: str = click.prompt(name, hide_input=True, confirmation_prompt=True)
    else:
        value = sys.stdin.read(LONGEST + 1).removesuffix("\n")
    if not value or len(value) > LONGEST or "\n" in value or "\0" in value:
        raise InputError(
            f"the value of {name} is empty or not one line",
            todo="write one line of text to standard input",
            rule="secret-value",
        )
    return value
