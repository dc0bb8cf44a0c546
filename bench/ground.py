"""Where rows are measured: a temporary directory, and one running cloud for all rows that want one."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from bench.row import ROOT, BenchError, Done, timed

HAVEN = str(Path(sys.executable).with_name("haven"))
NAME = "bench"
UP_S = 2400
PURGE_S = 300


@dataclass(frozen=True)
class Cloud:
    """The commands on one cloud file. `env` is what they run with; the caller's when None."""

    file: Path
    haven: str = HAVEN
    env: Mapping[str, str] | None = None

    @classmethod
    def of_example(cls, folder: Path, haven: str = HAVEN, env: Mapping[str, str] | None = None) -> Cloud:
        """`examples/lab.yaml` under the name of the bench, in a folder of its own."""
        text = (ROOT / "examples" / "lab.yaml").read_text(encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "cloud.yaml"
        file.write_text(text.replace("name: lab\n", f"name: {NAME}\n", 1), encoding="utf-8")
        return cls(file, haven, env)

    def __call__(self, *arguments: str, timeout_s: float = UP_S, codes: Sequence[int] = (0,)) -> Done:
        """Run `haven` with these arguments."""
        return timed(
            [self.haven, "--file", str(self.file), *arguments], timeout_s=timeout_s, env=self.env, codes=codes
        )

    def purge(self) -> None:
        """Leave no trace of its lab."""
        self("lab", "down", "--purge", timeout_s=PURGE_S)


@dataclass
class Ground:
    """Made once for a bench. `quick` takes fewer samples; `given` is a running cloud to look at and to leave as it is.

    Use as a context manager: the end purges the cloud that was made here.
    """

    quick: bool = False
    given: Path | None = None
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _cloud: Cloud | None = field(default=None, repr=False)

    def __enter__(self) -> Ground:
        self._folder = tempfile.TemporaryDirectory(prefix="haven-bench-", dir="/var/tmp")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_cloud()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """A directory that is gone afterwards."""
        assert self._folder is not None, "the ground is a context manager"
        return Path(self._folder.name)

    def rounds(self, full: int) -> int:
        """How many samples to take."""
        return min(full, 2) if self.quick else full

    def cloud(self) -> Cloud:
        """A running cloud: the given one, or one that is brought up now, unmeasured.

        Raises:
            BenchError: it does not come up.

        """
        if self._cloud is None:
            if self.given is not None:
                self._cloud = Cloud(self.given)
            else:
                self._cloud = self.new_cloud()
                self._cloud("up")
        return self._cloud

    def new_cloud(self) -> Cloud:
        """The file of a cloud that does not run, and no trace of an earlier one. The end of the bench purges it.

        Raises:
            BenchError: not root.

        """
        if os.geteuid() != 0:
            raise BenchError("a lab needs root")
        self.end_cloud()
        cloud = Cloud.of_example(self.folder / "cloud")
        cloud.purge()
        self._cloud = cloud
        return cloud

    def end_cloud(self) -> None:
        """Purge the cloud that was made here, if any."""
        cloud, self._cloud = self._cloud, None
        if cloud is not None and cloud.file != self.given:
            cloud.purge()
