"""IPMI 2.0 over LAN: what `ipmitool` and fence agents ask of a BMC."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal
from uuid import UUID

from pyghmi.ipmi.bmc import Bmc  # type: ignore[import-untyped]
from pyghmi.ipmi.private import session as library  # type: ignore[import-untyped]

from stackhaven.errors import HavenError
from stackhaven.lab.bmc.switch import Switch

PORT = 623

_LOG = logging.getLogger(__name__)

_POLL_S = 0.5
"""A longer one makes the first request after a quiet time wait that long, and a fence agent gives up."""

_START_POLL_S = 0.01
_SESSIONS_KEPT = 256
_DONE = 0x00
_FAILED = 0xFF


class IpmiBmc(Bmc):  # type: ignore[misc]
    """One node's BMC. Completion codes: 0 done, 0xff unspecified error (IPMI 2.0 specification, table 5-2)."""

    def __init__(self, switch: Switch, *, address: str, user: str, password: str, uuid: UUID) -> None:
        # The library wakes its receiving thread by a packet to itself, and knows only IPv6 addresses for that.
        library.myself = library.myself or address
        super().__init__({user: password}, port=PORT, bmcuuid=uuid, address=address)
        self._switch = switch

    def get_power_state(self) -> Literal["on", "off"]:
        """For "chassis power status"."""
        return "on" if self._switch.is_on() else "off"

    def power_off(self) -> int:
        """Done only when nothing of the node runs any more."""
        return self._carried_out(self._switch.off)

    def power_on(self) -> int:
        """Answered before the node has booted."""
        return self._carried_out(self._switch.on)

    def power_cycle(self) -> int:
        """Off, then on."""
        return self._carried_out(self._switch.cycle)

    def power_reset(self) -> int:
        """The same: a lab's node has no state that a reset would keep."""
        return self._carried_out(self._switch.cycle)

    def power_shutdown(self) -> int:
        """An orderly stop ("soft")."""
        return self._carried_out(self._switch.shutdown)

    def get_system_guid(self) -> UUID:
        """For "mc guid"."""
        return UUID(str(self.uuid))

    def _carried_out(self, order: Callable[[], None]) -> int:
        try:
            order()
        except HavenError as error:
            _LOG.error("%s: %s", self._switch.node, error)
            return _FAILED
        return _DONE


def serve_forever() -> None:
    """Answer for every `IpmiBmc` of this process; the calling thread stays here."""
    # Before its receiving thread waits for packets, the library cannot tell it of further sockets.
    while library.selectdeadline == 0:
        time.sleep(_START_POLL_S)
    while True:
        library.Session.wait_for_rsp(_POLL_S)
        _forget_old_sessions()


def _forget_old_sessions() -> None:
    """The library keeps the session of every client port for ever; fence agents open one per call."""
    clients = [key for key in library.Session.bmc_handlers if isinstance(key, tuple)]
    for client in clients[:-_SESSIONS_KEPT]:
        library.Session.bmc_handlers.pop(client, None)
