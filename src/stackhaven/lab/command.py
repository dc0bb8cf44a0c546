"""Running the host's own commands: one function, always bounded, errors written for people."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence

from stackhaven.errors import HavenError

_SHOWN_LINES = 8


def run(
    argv: Sequence[str],
    *,
    stdin: str = "",
    timeout_s: float = 30.0,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it printed.

    Raises:
        HavenError: it is missing, took longer than `timeout_s`, or (with `check`) did not exit 0; the text ends with
            the last lines it printed.

    """
    try:
        done = subprocess.run(  # noqa: PLW1510  the exit code is judged below, with a text for people
            argv, input=stdin, capture_output=True, text=True, timeout=timeout_s, env=env, errors="replace"
        )
    except FileNotFoundError:
        raise HavenError(
            f"command {argv[0]} is not installed on this host", todo="make setup", rule="lab-host"
        ) from None
    except subprocess.TimeoutExpired:
        raise HavenError(
            f"`{shlex.join(argv)}` did not end within {timeout_s:g} s", rule="lab-command"
        ) from None
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:]
        raise HavenError(
            f"`{shlex.join(argv)}` exited {done.returncode}", why="\n       ".join(said), rule="lab-command"
        )
    return done
