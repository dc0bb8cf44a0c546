"""Power of one node: on, off as a power loss, reset, and an orderly shutdown."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from stackhaven.lab import cgroup, network
from stackhaven.lab.node import Disk, start
from stackhaven.lab.seed import SeedFile, plant
from stackhaven.lab.spec import LabNode, LabSpec

_HALT = signal.SIGRTMIN + 4
"""What systemd as PID 1 takes as "power off" (systemd(1), section SIGNALS)."""

_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A node with its disk and the seed it boots with."""

    spec: LabSpec
    node: LabNode
    disk: Disk
    seed: tuple[SeedFile, ...] = ()

    def running(self) -> bool:
        """Whether its init lives."""
        return cgroup.populated(self.node.cgroup) and cgroup.leader(self.node.cgroup) is not None

    def on(self) -> bool:
        """Boot it unless it runs; clears away what a crash of the host or of the lab has left. Whether it booted.

        Raises:
            HavenError: it did not boot.

        """
        if self.running():
            self._plant()
            return False
        self.off()
        self.disk.mount()
        self._plant()
        network.build_node(self.spec, self.node)
        start(self.node, self.disk)
        return True

    def off(self) -> None:
        """Take its power: nothing is flushed, stopped or said by it. Harmless when it is off.

        The cables are cut first: the kernel of a killed process still says goodbye to its peers (FIN, RST), which a
        machine without power does not.
        """
        network.cut(self.spec, self.node)
        cgroup.kill(self.node.cgroup)
        self._clear()

    def reset(self) -> None:
        """Take its power and give it back at once."""
        self.off()
        self.on()

    def shutdown(self, *, timeout_s: float) -> bool:
        """Ask it to power itself off; after `timeout_s` take its power. Whether it went by itself."""
        self._ask_to_halt()
        deadline = time.monotonic() + timeout_s
        while cgroup.populated(self.node.cgroup) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        orderly = not cgroup.populated(self.node.cgroup)
        self.off()
        return orderly

    def _ask_to_halt(self) -> None:
        leader = cgroup.leader(self.node.cgroup)
        if leader is None:
            return
        try:
            process = os.pidfd_open(leader)
        except ProcessLookupError:
            return
        try:
            # Still the same after it was opened: the number cannot have been given to another process meanwhile.
            if cgroup.leader(self.node.cgroup) == leader:
                signal.pidfd_send_signal(process, _HALT)
        except ProcessLookupError:
            return
        finally:
            os.close(process)

    def _plant(self) -> None:
        plant(self.disk.root, self.seed, record=self.disk.overlay / "seed")

    def _clear(self) -> None:
        cgroup.remove(self.node.cgroup)
        network.remove_node(self.spec, self.node)
        self.disk.unmount()
