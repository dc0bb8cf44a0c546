"""The power switch of one node, as its BMC works it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from stackhaven.errors import HavenError

_LOG = logging.getLogger(__name__)


class Power(Protocol):
    """What a switch needs of the lab."""

    def power_off(self, name: str) -> None:
        """Take a node's power."""

    def switch_on(self, name: str) -> None:
        """Begin to boot a node."""

    def shutdown(self, name: str) -> bool:
        """Stop a node in an orderly way."""

    def running(self) -> tuple[str, ...]:
        """The nodes whose init lives."""


class Switch:
    """One node's power. Whoever asks it off may rely on it: when `off` returns, nothing of the node runs.

    Switching on takes longer than a client waits for an answer, so it goes on in a thread and is answered at once,
    like a machine that is on while it still boots. Orders are carried out in the order of their arrival.
    """

    def __init__(self, lab: Power, node: str) -> None:
        self._lab = lab
        self.node = node
        self._order = threading.Lock()
        self._beginning = threading.Event()

    def is_on(self) -> bool:
        """Whether it runs or begins to."""
        return self._beginning.is_set() or self.node in self._lab.running()

    def off(self) -> None:
        """Take the power.

        Raises:
            HavenError: something of the node is still alive.

        """
        with self._order:
            _LOG.info("%s: off", self.node)
            self._lab.power_off(self.node)

    def on(self) -> None:
        """Give the power; returns before the node has booted."""
        self._order.acquire()
        self._begin()

    def cycle(self) -> None:
        """Take the power and give it back; returns before the node has booted.

        Raises:
            HavenError: something of the node is still alive; then it is not switched on.

        """
        self._order.acquire()
        try:
            _LOG.info("%s: off, and on again", self.node)
            self._lab.power_off(self.node)
        except BaseException:
            self._order.release()
            raise
        self._begin()

    def shutdown(self) -> None:
        """Ask the node to stop in an orderly way; returns before it has."""
        self._order.acquire()
        _LOG.info("%s: shut down", self.node)
        self._in_a_thread(lambda: self._lab.shutdown(self.node))

    def _begin(self) -> None:
        _LOG.info("%s: on", self.node)
        self._beginning.set()
        self._in_a_thread(lambda: self._lab.switch_on(self.node))

    def _in_a_thread(self, work: Callable[[], object]) -> None:
        """Carry an order out, then let the next one in."""

        def carry_out() -> None:
            try:
                work()
            except HavenError as error:
                _LOG.error("%s: %s", self.node, error)
            finally:
                self._beginning.clear()
                self._order.release()

        threading.Thread(target=carry_out, name=f"power of {self.node}", daemon=True).start()
