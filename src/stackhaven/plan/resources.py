"""Resources: the desired state of one thing on one node, as plain frozen data.

A resource knows nothing of how it is checked or applied: `wire` gives the message that the agent on the node
understands (see `stackhaven.engine.agent`), and the agent does check, apply, check again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Base of all kinds; `kind` is the agent's name for it."""

    kind: ClassVar[str] = ""

    @property
    def label(self) -> str:
        """What a person sees: the kind and the thing, such as ``file /etc/hosts``."""
        raise NotImplementedError

    def wire(self) -> dict[str, Any]:
        """The message for the agent: every field, plus the kind and the label. JSON-safe."""
        message: dict[str, Any] = {"kind": self.kind, "label": self.label}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Wait):
                value = value.wire()
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            message[field.name] = value
        return message


@dataclass(frozen=True, kw_only=True)
class File(Resource):
    """A regular file with exactly this content, written atomically (temporary file, fsync, rename).

    `sensitive`: its content is a secret as a whole (a key): a difference is only ever shown as "content differs".
    Single secret values inside an ordinary file need no mark: they are masked by value everywhere.
    """

    kind: ClassVar[str] = "file"
    path: str
    content: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    sensitive: bool = False

    @property
    def label(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, kw_only=True)
class Directory(Resource):
    """A directory with this mode and owner; parents are made as root 0755."""

    kind: ClassVar[str] = "directory"
    path: str
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"

    @property
    def label(self) -> str:
        return f"directory {self.path}"


@dataclass(frozen=True, kw_only=True)
class Symlink(Resource):
    """A symbolic link at `path` to `target`."""

    kind: ClassVar[str] = "symlink"
    path: str
    target: str

    @property
    def label(self) -> str:
        return f"symlink {self.path}"


@dataclass(frozen=True, kw_only=True)
class Absent(Resource):
    """Nothing at `path` (a file, a link or an empty directory is removed; a full directory is refused)."""

    kind: ClassVar[str] = "absent"
    path: str

    @property
    def label(self) -> str:
        return f"absent {self.path}"


@dataclass(frozen=True, kw_only=True)
class Package(Resource):
    """Debian packages installed, without recommends, without their services being started by the installer."""

    kind: ClassVar[str] = "package"
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        return "packages " + " ".join(self.names)


@dataclass(frozen=True, kw_only=True)
class Unit(Resource):
    """A systemd unit in this state.

    `watches`: paths (files, or directories taken with all that is below) whose content the running unit has read at
    its start. When one of them is newer than the unit's start, the unit is restarted (or reloaded with
    `reload=True`), and only then: that is what makes "restart exactly what changed" survive an interruption.
    `active=None` and `enabled=None` leave that aspect alone. `masked=True` excludes all the others.
    `timeout_s` bounds one start, stop or restart. `settle_s`: after a start the unit must stay active that long.
    """

    kind: ClassVar[str] = "unit"
    name: str
    active: bool | None = True
    enabled: bool | None = True
    masked: bool = False
    watches: tuple[str, ...] = ()
    reload: bool = False
    timeout_s: float = 120.0
    settle_s: float = 0.0

    @property
    def label(self) -> str:
        return f"unit {self.name}"


@dataclass(frozen=True, kw_only=True)
class Sysctl(Resource):
    """Kernel settings, alive now and written to ``/etc/sysctl.d/<name>.conf`` for the next boot.

    `optional` keys are skipped where this kernel, or the container's view of it, does not have them or does not
    let them be written.
    """

    kind: ClassVar[str] = "sysctl"
    name: str
    values: Mapping[str, str]
    optional: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"sysctl {self.name}"


@dataclass(frozen=True, kw_only=True)
class Wait(Resource):
    """A gate: holds when `argv` exits 0, or when TCP `host:port` accepts, or `url` answers with `status`.

    Polled on the node every `interval_s` until it holds or `deadline_s` has passed (then the step fails and the last
    output is shown). It never changes anything, so a plan only reports it when it does not hold now.
    """

    kind: ClassVar[str] = "wait"
    what: str
    argv: tuple[str, ...] = ()
    tcp: tuple[str, int] | None = None
    url: str = ""
    status: tuple[int, ...] = (200,)
    deadline_s: float = 120.0
    interval_s: float = 0.5

    @property
    def label(self) -> str:
        return f"wait {self.what}"


@dataclass(frozen=True, kw_only=True)
class Command(Resource):
    """An action that happens once: run `apply` unless `check` exits 0; `check` must exit 0 afterwards.

    `check` asks the living system, never a note of ours. `stdin` reaches `apply` (secrets travel there, never in
    arguments); `check_stdin` reaches `check`. `user` runs both as that user. With `unit`, `apply` runs as a
    transient systemd unit of that name, so that a lost link does not kill it and a second run finds it and waits.
    `retries`: further attempts of `apply` after a failure, `retry_delay_s` apart.
    """

    kind: ClassVar[str] = "command"
    what: str
    check: tuple[str, ...]
    apply: tuple[str, ...]
    stdin: str = ""
    check_stdin: str = ""
    user: str = "root"
    timeout_s: float = 120.0
    unit: str = ""
    retries: int = 0
    retry_delay_s: float = 1.0

    @property
    def label(self) -> str:
        return f"action {self.what}"
