"""The one way in which commands make a console to print on."""

from __future__ import annotations

from rich.console import Console

PIPE_WIDTH = 160
"""Columns where the output is no terminal, such as in a log."""


def console(*, stderr: bool = False) -> Console:
    """A console that prints names and addresses as they are: no colours of its own, no emoji in `:ab:`."""
    made = Console(stderr=stderr, highlight=False, emoji=False)
    return (
        made if made.is_terminal else Console(stderr=stderr, highlight=False, emoji=False, width=PIPE_WIDTH)
    )
