"""Building images: in a directory of its own, by one builder at a time, renamed into place when whole."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from stackhaven.errors import HavenError
from stackhaven.lab import host, locks
from stackhaven.lab.command import run
from stackhaven.lab.freeze import freeze
from stackhaven.lab.home import Home, require_free_space
from stackhaven.lab.image import FACTS_FILE, Image
from stackhaven.lab.leftovers import mounts_below
from stackhaven.lab.progress import Event, Phase, Progress, silent, stage
from stackhaven.lab.recipe import INSTALL_SCRIPT, Recipe, install_script

IMAGE_SPACE_GB = 5.0
"""Tree 2.5 GB, downloads 0.5 GB, and room to work."""

_BUILD_TIMEOUT_S = 3600.0
_LOG_LINES = 12
_SHOW_EVERY_S = 1.0


def ensure_image(recipe: Recipe, home: Home, progress: Progress = silent) -> Image:
    """The image of a recipe, built if it is not on this host. Builders of any image wait for each other.

    Raises:
        HavenError: the host lacks a tool or space, or the build failed (with the last lines of its log).

    """
    image = Image(id=recipe.id, path=home.images / recipe.id)
    if (image.path / FACTS_FILE).exists():
        return image
    host.require_for_building()
    require_free_space(home.images, gb=IMAGE_SPACE_GB, purpose="building an image")
    with workshop(home, image.path, progress) as (directory, lock):
        if directory is not None:
            with stage(progress, f"build image {recipe.name} ({recipe.id})"):
                _build(recipe, home, directory, lock, progress)
    return image


@contextmanager
def workshop(home: Home, target: Path, progress: Progress) -> Iterator[tuple[Path | None, int]]:
    """A directory to build `target` in, and the lock's descriptor to hand on to the building processes.

    The directory becomes `target` when the block ends well. It is None when someone else has built it meanwhile.
    A child that holds the descriptor keeps the lock even if this process is killed, so nobody builds over it.
    """

    def waiting() -> None:
        progress(Event(what="wait for another image build to end", phase=Phase.RUNNING))

    with locks.held(
        home.images / ".build.lock", purpose="image build", timeout_s=_BUILD_TIMEOUT_S, waiting=waiting
    ) as lock:
        if (target / FACTS_FILE).exists():
            yield None, lock
            return
        directory = home.images / ".building"
        _discard(directory)
        directory.mkdir()
        try:
            yield directory, lock
            _discard(target)
            directory.rename(target)
        finally:
            _discard(directory)


def write_facts(directory: Path, *, name: str, **more: object) -> None:
    """Leave what a person wants to know of an image beside it; its presence says that the image is whole."""
    size = run(("du", "-s", "--block-size=1M", str(directory)), timeout_s=120).stdout.split()[0]
    facts = {
        "name": name,
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "size_mb": int(size),
        **more,
    }
    (directory / FACTS_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _build(recipe: Recipe, home: Home, directory: Path, lock: int, progress: Progress) -> None:
    began = time.monotonic()
    home.apt_cache.mkdir(parents=True, exist_ok=True)
    script = directory / INSTALL_SCRIPT
    script.write_text(install_script(), encoding="utf-8")
    log = directory / "build.log"
    follow(_mmdebstrap(recipe, home.apt_cache, script, directory / "root"), log, lock, progress)
    with stage(progress, "freeze the image"):
        freeze(directory / "root")
    write_facts(
        directory, name=recipe.name, recipe=recipe.document(), seconds=round(time.monotonic() - began, 1)
    )


def _mmdebstrap(recipe: Recipe, cache: Path, script: Path, root: Path) -> tuple[str, ...]:
    fill = f'mkdir -p "$1"/var/cache/apt/archives && cp -al {shlex.quote(str(cache))}/. "$1"/var/cache/apt/archives/'
    install = f'sh {shlex.quote(str(script))} "$1" {shlex.join((str(cache), *recipe.packages))}'
    return (
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        f"--include={','.join(recipe.base)}",
        *(f"--dpkgopt=path-exclude={path}" for path in recipe.left_out),
        *(f"--dpkgopt=path-include={path}" for path in recipe.kept),
        "--skip=download/empty",
        "--skip=essential/unlink",
        f"--setup-hook={fill}",
        f"--customize-hook={install}",
        recipe.suite,
        str(root),
    )


def follow(argv: tuple[str, ...], log: Path, lock: int, progress: Progress) -> None:
    """Run a long builder, keep all it says in `log`, and tell what it is at.

    Raises:
        HavenError: rule ``lab-build``, with the log's last lines; the log is kept beside the images.

    """
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as stream:
        builder = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(lock,)
        )
        try:
            assert builder.stdout is not None
            narrator = _Narrator(progress, began)
            for raw in builder.stdout:
                line = raw.decode(errors="replace")
                stream.write(line)
                narrator(line)
            code = builder.wait(timeout=_BUILD_TIMEOUT_S)
        finally:
            _end(builder)
    if code != 0:
        raise _failure(argv[0], code, log)


def _failure(builder: str, code: int, log: Path) -> HavenError:
    kept = log.parent.parent / "failed-build.log"
    shutil.copyfile(log, kept)
    tail = log.read_text(encoding="utf-8").splitlines()[-_LOG_LINES:]
    return HavenError(
        f"{builder} exited {code} while it built an image",
        why="\n       ".join(tail),
        todo=f"see {kept}; when a mirror could not be reached, try again",
        rule="lab-build",
    )


class _Narrator:
    """Turns a builder's lines into progress: its own headlines, and how many packages are through."""

    _COUNTED_AS: ClassVar = {"Get:": "fetched", "Unpacking ": "unpacked", "Setting up ": "configured"}
    _COUNTED = re.compile(f"({'|'.join(_COUNTED_AS)})")
    _TOTAL = re.compile(r"(\d+) newly installed")

    def __init__(self, progress: Progress, began: float) -> None:
        self._progress, self._began = progress, began
        self._headline = "start"
        self._counts: Counter[str] = Counter()
        self._total, self._shown_at = 0, began

    def __call__(self, line: str) -> None:
        if line.startswith("I: "):
            self._headline = line[3:].strip().removesuffix("...")
            self._counts.clear()
            if not self._headline.startswith("running --"):
                self._show(self._headline)
        elif total := self._TOTAL.search(line):
            self._total = int(total[1])
        elif counted := self._COUNTED.match(line):
            doing = self._COUNTED_AS[counted[1]]
            self._counts[doing] += 1
            if time.monotonic() - self._shown_at > _SHOW_EVERY_S:
                self._show(f"{self._headline}: {doing} {self._counts[doing]} of {self._total}")

    def _show(self, what: str) -> None:
        self._shown_at = time.monotonic()
        self._progress(Event(what=what, phase=Phase.RUNNING, elapsed_s=self._shown_at - self._began))


def _end(builder: subprocess.Popen[bytes]) -> None:
    if builder.poll() is None:
        builder.terminate()
        try:
            builder.wait(timeout=30)
        except subprocess.TimeoutExpired:
            builder.kill()
            builder.wait(timeout=30)


def _discard(directory: Path) -> None:
    """Remove a build directory. What is mounted below it is the host's own: it goes first, or nothing goes."""
    for point in mounts_below(directory):
        run(("umount", str(point)))
    if mounts_below(directory):
        raise HavenError(f"{directory} still has mounts below it and is not removed", rule="lab-build")
    if directory.exists():
        shutil.rmtree(directory)
