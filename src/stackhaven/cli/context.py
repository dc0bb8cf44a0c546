"""What every command shares: which file, the cloud opened from it, and how warnings and errors are printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stackhaven.operate.session import Session

DEFAULT_FILE = Path("cloud.yaml")


@dataclass
class App:
    """One call of ``haven``. `file` is the cloud's description."""

    file: Path = DEFAULT_FILE
    _session: Session | None = field(default=None, repr=False)

    def session(self) -> Session:
        """The cloud, opened at first use; warnings are printed to standard error.

        Raises:
            ModelError: when anything is wrong with the file.

        """
        if self._session is None:
            from stackhaven.operate.session import open_session

            self._session = open_session(self.file)
            for warning in self._session.warnings:
                click.echo(click.style(str(warning), fg="yellow"), err=True)
        return self._session

    def masked(self, text: str) -> str:
        """A text without the cloud's secrets, as far as they are known yet."""
        return self._session.masker(text) if self._session is not None else text


pass_app = click.make_pass_decorator(App, ensure=True)
"""Decorator: the command's first argument is the `App`."""
