"""A defect of haven itself: what a developer needs is saved, the person gets one line."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

from stackhaven.cli.context import App


def save_report(error: BaseException, app: App) -> Path:
    """Write the traceback, without the cloud's secrets, to a file that only its owner reads. Returns the file."""
    text = "\n".join(
        (
            f"haven {version('stackhaven')}, Python {platform.python_version()}, {platform.platform()}",
            f"command: {' '.join(sys.argv[1:2])}",
            "",
            "".join(traceback.format_exception(error)),
        )
    )
    directory = _directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = directory / f"crash-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}.txt"
    descriptor = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(app.masked(text))
    return report


def _directory() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "stackhaven"
