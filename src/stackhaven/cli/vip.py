"""``haven vip``: where the VIP is, and a planned move of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.drill import ground_of, heal_first
from stackhaven.errors import HavenError

if TYPE_CHECKING:
    from stackhaven.drills.ground import Ground
    from stackhaven.drills.hands import Hands

LOOK_S = 10.0


@click.group(invoke_without_command=True)
@pass_app
@click.pass_context
def vip(context: click.Context, app: App) -> None:
    """Say which controller holds the internal VIP; with `move`, move it to another one.

    Exit code: 0 one controller holds it, 1 none or several.
    """
    if context.invoked_subcommand is not None:
        return
    from stackhaven.drills.hands import Hands

    ground = ground_of(app)
    names = holders(ground, Hands(ground))
    click.echo(f"{ground.layout.vip_internal}: {', '.join(names) or 'on no controller that answers'}")
    context.exit(0 if len(names) == 1 else 1)


@vip.command()
@pass_app
def move(app: App) -> None:
    """Move the VIP to another controller without losing a call.

    For work on its holder; with keepalived only. Calls in progress are let end, for six seconds at most; new ones wait
    for the new holder, a second or three. Consoles and connections to the database are cut and made anew. Which
    controller takes over is decided by their priority, which falls in the order of the file. It stays there until the
    next move or failure.
    """
    from stackhaven.drills.faults.base import Victim
    from stackhaven.drills.faults.planned import MOVE_VIP
    from stackhaven.drills.hands import Hands

    heal_first(app)
    ground = ground_of(app)
    hands = Hands(ground)
    with ground.state.lock("haven vip move"):
        before = holders(ground, hands)
        if len(before) != 1:
            raise HavenError(
                f"the VIP {ground.layout.vip_internal} is on "
                + (f"several controllers: {', '.join(before)}" if before else "no controller that answers"),
                todo="haven status",
                rule="vip-holder",
            )
        click.echo(f"moving the VIP away from {before[0]}", err=True)
        said = ""
        for deed in MOVE_VIP.aim(ground, Victim(nodes=before, says=before[0])).inject:
            said = hands.do(deed).strip()
        after = holders(ground, hands)
    click.echo(f"{ground.layout.vip_internal}: {', '.join(after)} ({said})")


def holders(ground: Ground, hands: Hands) -> tuple[str, ...]:
    """The controllers that have the internal VIP; those that do not answer count as not having it."""
    from stackhaven.drills.deeds import OnNode
    from stackhaven.drills.faults.planned import HOLDS

    names = [node.name for node in ground.layout.controllers]
    script = HOLDS.format(vip=ground.layout.vip_internal)

    def holds(name: str) -> bool:
        return hands.holds(OnNode(node=name, script=script, says=f"{name} holds the VIP", timeout_s=LOOK_S))

    with ThreadPoolExecutor(len(names) or 1) as pool:
        return tuple(name for name, yes in zip(names, pool.map(holds, names), strict=True) if yes)
