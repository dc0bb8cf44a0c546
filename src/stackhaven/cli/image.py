"""`haven image`: what guests boot."""

from __future__ import annotations

import click


@click.group()
def image() -> None:
    """Build the image that guests boot."""


@image.command("build-guest")
def build_guest_command() -> None:
    """Build a small guest from Debian packages: a cloud kernel and busybox.

    It boots in seconds without hardware virtualisation, takes its address by DHCP, reads its metadata, runs the
    script it is given as user data, and serves a page on port 80. On its console it says HAVEN-DHCP, HAVEN-META and
    HAVEN-READY. Built once for each recipe; prints where its files are.
    """
    from stackhaven.cli.narrate import narrated
    from stackhaven.lab.guest import build_guest

    with narrated() as progress:
        guest = build_guest(progress)
    click.echo(f"kernel  {guest.kernel}\ninitrd  {guest.initrd}\ndisk    {guest.disk}")
