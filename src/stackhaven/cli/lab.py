"""`haven lab`: real machines on this host."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.errors import InputError

if TYPE_CHECKING:
    from stackhaven.lab.image import Listed
    from stackhaven.lab.lab import Lab, LabStatus
    from stackhaven.lab.progress import Progress
    from stackhaven.operate.session import Session

_DASHBOARD = "horizon"
_EXIT_DEGRADED = 1
_nodes = click.argument("nodes", nargs=-1, required=True, metavar="NODE...")


@click.group()
def lab() -> None:
    """Make real machines on this host, and take their power away.

    Every machine is a Debian system with its own systemd, disk and network interfaces. A lab touches nothing outside
    of itself, and any number of them may stand side by side.
    """


@lab.command()
@click.option("--list", "show", is_flag=True, help="List the images on this host instead of building one.")
@click.option("--prune", is_flag=True, help="Remove images that no lab uses and no recipe of today makes.")
def image(show: bool, prune: bool) -> None:
    """Build the image that the lab's machines stand on, unless it is there.

    An image is named by the content of its recipe: a changed package list is a new image.
    """
    from stackhaven.cli.narrate import narrated
    from stackhaven.lab import guest
    from stackhaven.lab import image as images
    from stackhaven.lab.build import ensure_image
    from stackhaven.lab.home import Home
    from stackhaven.lab.recipe import RECIPES, TRIXIE

    home = Home.of_environment()
    if prune:
        current = frozenset(recipe.id for recipe in RECIPES.values()) | {guest.guest_id()}
        _print_images(images.prune(home, keep=current), "removed ")
    elif show:
        _print_images(images.listed(home))
    else:
        with narrated() as progress:
            built = ensure_image(TRIXIE, home, progress)
        click.echo(f"image {built.id}  {built.path}")


@lab.command()
@pass_app
def up(app: App) -> None:
    """Bring every machine up, each answering by SSH. Safe to stop and to call again.

    Machines that lost their power, or that a reboot of this host took away, are started with their disks.
    """
    from stackhaven.cli.narrate import narrated
    from stackhaven.operate.machines import ensure_machines

    session = app.session()
    opened = _lab_of(session)
    with narrated() as progress:
        ensure_machines(session, progress)
    _print_status(opened.status())


@lab.command()
@click.option(
    "--purge", is_flag=True, help="Take the power of all machines and remove disks, networks, everything."
)
@click.option("--name", help="With --purge: the lab of this name, whose cloud file may be gone.")
@pass_app
def down(app: App, purge: bool, name: str | None) -> None:
    """Stop every machine in an orderly way. The disks stay."""
    from stackhaven.cli.narrate import narrated
    from stackhaven.lab.lab import Lab
    from stackhaven.lab.spec import LabSpec

    if name is not None and not purge:
        raise InputError("--name says which lab to purge", todo="add --purge", rule="lab-name")
    with narrated() as progress:
        if purge:
            opened = (
                Lab(LabSpec(name=name, networks=(), nodes=())) if name is not None else _lab_of(app.session())
            )
            opened.purge(progress=progress)
            return
        late = _lab_of(app.session()).down(progress=progress)
    if late:
        click.echo(f"took the power of {', '.join(late)}: not stopped in time", err=True)


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@pass_app
def status(app: App, as_json: bool) -> int:
    """Show power, memory and disk of every machine. Exit code 1 when one that should run does not."""
    found = _lab_of(app.session()).status()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        _print_status(found)
    return _EXIT_DEGRADED if any(node.power == "lost" for node in found.nodes) else 0


@lab.group()
def power() -> None:
    """Switch machines on and off, as a hand on the power cable would."""


@power.command("on")
@_nodes
@pass_app
def power_on(app: App, nodes: tuple[str, ...]) -> None:
    """Start machines with their disks; return when they answer by SSH."""
    _with_each(app, nodes, lambda opened, node, progress: opened.power_on(node, progress=progress))


@power.command("off")
@_nodes
@pass_app
def power_off(app: App, nodes: tuple[str, ...]) -> None:
    """Take the power away: nothing is flushed or stopped, and nobody is told.

    Use `haven lab power shutdown` for an orderly end.
    """
    _with_each(app, nodes, lambda opened, node, _: opened.power_off(node))


@power.command("reset")
@_nodes
@pass_app
def power_reset(app: App, nodes: tuple[str, ...]) -> None:
    """Take the power away and give it back at once."""
    _with_each(app, nodes, lambda opened, node, progress: opened.power_reset(node, progress=progress))


@power.command("shutdown")
@_nodes
@pass_app
def power_shutdown(app: App, nodes: tuple[str, ...]) -> None:
    """Ask machines to stop in an orderly way; after 90 s their power is taken."""

    def stop(opened: Lab, node: str, _: Progress) -> None:
        if not opened.shutdown(node):
            click.echo(f"took the power of {node}: not stopped in time", err=True)

    _with_each(app, nodes, stop)


@lab.command()
@click.argument("name", required=False)
@pass_app
def snapshot(app: App, name: str | None) -> None:
    """Copy the disks of a stopped lab under NAME; without NAME, list the copies."""
    from stackhaven.cli.narrate import narrated
    from stackhaven.lab import snapshots

    opened = _lab_of(app.session())
    if name is None:
        click.echo("\n".join(snapshots.taken(opened)) or "no snapshots")
        return
    with narrated() as progress:
        snapshots.take(opened, name, progress)


@lab.command()
@click.argument("name")
@pass_app
def revert(app: App, name: str) -> None:
    """Put the disks of snapshot NAME in place of a stopped lab's. The snapshot stays."""
    from stackhaven.cli.narrate import narrated
    from stackhaven.lab import snapshots

    with narrated() as progress:
        snapshots.revert(_lab_of(app.session()), name, progress)


@lab.command()
@click.argument("node")
@click.argument("command", nargs=-1)
@pass_app
def shell(app: App, node: str, command: tuple[str, ...]) -> None:
    """Log in to a machine as root, by SSH; with COMMAND (after `--`), run that there instead."""
    session = app.session()
    target = session.targets[_lab_of(session).known(node).name]
    words = ["-T", "--", target.address, shlex.join(command)] if command else ["-t", "--", target.address]
    argv = [*target.client(), *words]
    os.execvp(argv[0], argv)


@lab.command()
@click.argument("target", required=False, metavar="[ADDRESS:PORT]")
@click.option("--port", default=8080, show_default=True, help="Port on this host's 127.0.0.1.")
@pass_app
def forward(app: App, target: str | None, port: int) -> None:
    """Make an address inside the lab reachable from this host until Ctrl-C. Default: the dashboard."""
    from stackhaven.lab import reach

    session = app.session()
    address, target_port = _target(session, target)
    click.echo(
        f"http://127.0.0.1:{port}/ is {address}:{target_port} of lab {session.cloud.name}; Ctrl-C ends it"
    )
    asyncio.run(reach.forward(_lab_of(session).spec.name, port, address, target_port))


def _lab_of(session: Session) -> Lab:
    from stackhaven.lab.lab import Lab
    from stackhaven.lab.spec import spec_of

    if session.cloud.lab is None:
        raise InputError(
            f"cloud {session.cloud.name} has no lab: its nodes are existing hosts",
            todo="write `lab: {}` in its file to have machines made on this host",
            rule="lab-none",
        )
    return Lab(spec_of(session.layout))


def _with_each(app: App, names: tuple[str, ...], act: Callable[[Lab, str, Progress], None]) -> None:
    from stackhaven.cli.narrate import narrated

    opened = _lab_of(app.session())
    opened.record()
    for name in names:
        opened.known(name)
    with narrated() as progress:
        opened.each(names, lambda name: act(opened, name, progress))


def _target(session: Session, text: str | None) -> tuple[str, int]:
    if text is None:
        for declaration in session.site.declared:
            for listener in declaration.listeners:
                if listener.name == _DASHBOARD:
                    return session.layout.vip_public, listener.port
        raise InputError("this cloud has no dashboard", todo="name an ADDRESS:PORT", rule="lab-forward")
    address, _, port = text.rpartition(":")
    if not address or not port.isdecimal():
        raise InputError(f"{text!r} is not ADDRESS:PORT", todo="such as 10.64.0.5:5000", rule="lab-forward")
    return address, int(port)


def _print_status(found: LabStatus) -> None:
    if not found.nodes:
        click.echo(f"lab {found.name} was never made; `haven lab up` makes it")
        return
    click.echo(f"lab {found.name}, image {found.image}")
    click.echo(f"{'NODE':16} {'ADDRESS':16} {'POWER':6} {'MEMORY':>9} {'DISK':>9}")
    for node in found.nodes:
        click.echo(
            f"{node.name:16} {node.address:16} {node.power:6} {node.memory_mb:6} MB {node.disk_mb:6} MB"
        )
    memory, disk = sum(n.memory_mb for n in found.nodes), sum(n.disk_mb for n in found.nodes)
    click.echo(f"{'all':16} {'':16} {'':6} {memory:6} MB {disk:6} MB")


def _print_images(found: tuple[Listed, ...], prefix: str = "") -> None:
    for one in found:
        users = f"used by {', '.join(one.labs)}" if one.labs else "not used"
        click.echo(f"{prefix}{one.id:20} {one.name:16} {one.size_mb:6} MB  {one.built_at}  {users}")
    if not found:
        click.echo("no images")
