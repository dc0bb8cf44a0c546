"""``haven completion``: tab completion for the shells people use."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from stackhaven.errors import HavenError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print the completion script of a shell.

    \b
    bash:  haven completion bash > ~/.local/share/bash-completion/completions/haven
    zsh:   haven completion zsh > ~/.zfunc/_haven
    fish:  haven completion fish > ~/.config/fish/completions/haven.fish
    """
    from stackhaven.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise HavenError(f"no completion is known for {shell}", rule="completion")
    click.echo(kind(cli, {}, "haven", "_HAVEN_COMPLETE").source())
