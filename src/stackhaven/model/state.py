"""Where a cloud keeps what is not its description: ``.haven/NAME/`` beside its file, for its owner's eyes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.model.secrets import one_at_a_time

KEYGEN_TIMEOUT_S = 30


@dataclass(frozen=True)
class State:
    """The directory of one cloud. Two clouds never meet: each has its own, by name."""

    root: Path

    @classmethod
    def beside(cls, file: Path, name: str) -> State:
        """The state of cloud `name`, described in `file`. Makes the directory (0700); git never sees it."""
        base = file.absolute().parent / ".haven"
        state = cls(base / name)
        state.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (base, state.root, state.runs):
            directory.chmod(0o700)
        ignore = base / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return state

    @property
    def secrets(self) -> Path:
        """Passwords and keys by name (JSON, 0600)."""
        return self.root / "secrets.json"

    @property
    def known_hosts(self) -> Path:
        """The host keys of this cloud's machines, in OpenSSH's form."""
        return self.root / "known_hosts"

    @property
    def runs(self) -> Path:
        """One journal per run."""
        return self.root / "runs"

    @property
    def last_plan(self) -> Path:
        """The plan that was last applied."""
        return self.root / "last-plan.json"

    @property
    def clouds_yaml(self) -> Path:
        """For openstacksdk and the OpenStack client."""
        return self.root / "clouds.yaml"

    @property
    def openrc(self) -> Path:
        """The same as shell variables."""
        return self.root / "openrc"

    @property
    def lock_file(self) -> Path:
        """Held by the one run that may change the cloud."""
        return self.root / "lock"

    @property
    def key(self) -> Path:
        """The private SSH key of this cloud; made at first use, its public half is beside it (``.pub``).

        Raises:
            HavenError: rule ``ssh-keygen`` when it cannot be made.

        """
        private = self.root / "id_ed25519"
        if not private.exists():
            with one_at_a_time(private):
                if not private.exists():
                    _make_key(private, comment=f"haven-{self.root.name}")
        return private

    @property
    def public_key(self) -> str:
        """The line for ``authorized_keys``."""
        return self.key.with_suffix(".pub").read_text(encoding="utf-8").strip()

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold the cloud for the block. The kernel lets go when the holder dies, however it dies.

        Raises:
            HavenError: rule ``busy`` at once when another process holds it, with who and for what.

        """
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
                raise HavenError(
                    f"cloud {self.root.name} is held by {holder}",
                    why="two runs on one cloud would undo each other's steps",
                    todo="wait for it to end, or stop it with Ctrl-C; the next run goes on where it stopped",
                    rule="busy",
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} ({purpose})\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)


def _make_key(private: Path, *, comment: str) -> None:
    """A key pair, in place only when it is whole: a run that was killed in between leaves none."""
    with tempfile.TemporaryDirectory(dir=private.parent) as directory:
        made = Path(directory) / private.name
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(made)]
        try:
            subprocess.run(argv, check=True, capture_output=True, text=True, timeout=KEYGEN_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise HavenError(
                f"cannot make the SSH key {private}: {getattr(error, 'stderr', '') or error}",
                todo="apt install openssh-client",
                rule="ssh-keygen",
            ) from None
        made.with_suffix(".pub").replace(private.with_suffix(".pub"))
        made.replace(private)
