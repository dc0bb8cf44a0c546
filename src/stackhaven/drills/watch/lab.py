"""Looking at a lab's nodes from the host, inside their network namespaces: also at those that are cut off.

A node's own addresses and its database's state are true whatever the network between the nodes does, and reading them
starts no process: ten times a second costs next to nothing.
"""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any

from stackhaven.drills.ground import Ground
from stackhaven.drills.history import Recorder
from stackhaven.drills.watch.base import Watcher
from stackhaven.errors import HavenError
from stackhaven.lab import netns
from stackhaven.lab.spec import LabNode, spec_of
from stackhaven.services.common.ports import GALERA_CHECK

VIP_PERIOD_S = 0.1
MEMBER_PERIOD_S = 0.2
MEMBER_DEADLINE_S = 1.0

_FIB = Path("/proc/thread-self/net/fib_trie")
_ARP = Path("/proc/thread-self/net/arp")
_LOCAL = re.compile(r"\|-- ([\d.]+)\n\s+/32 host LOCAL")


def local_addresses(fib_trie: str) -> frozenset[str]:
    """The addresses that are a machine's own, from the text of its ``/proc/net/fib_trie``."""
    return frozenset(_LOCAL.findall(fib_trie))


def arp_table(text: str) -> dict[str, str]:
    """Address to MAC, from the text of ``/proc/net/arp``; incomplete entries are left out."""
    rows = (line.split() for line in text.splitlines()[1:])
    return {row[0]: row[3] for row in rows if len(row) >= 4 and row[2] != "0x0"}


class VipWatcher(Watcher):
    """Which nodes have the VIP, and which of them clients would send to."""

    def __init__(self, ground: Ground, recorder: Recorder) -> None:
        super().__init__("vip watcher", recorder, period_s=VIP_PERIOD_S)
        spec = spec_of(ground.layout)
        controllers = {node.name for node in ground.layout.controllers}
        self._nodes = tuple(node for node in spec.nodes if node.name in controllers)
        self._owners = {
            nic.mac: node.name for node in spec.nodes for nic in node.nics if nic.network == "management"
        }
        self._hub = spec.hub
        self._vip = ground.layout.vip_internal

    def look(self) -> None:
        """One sample: ``{"holders": [node ...], "arp": node that the clients' ARP points to}``."""
        holders = [node.name for node in self._nodes if self._has(node)]
        with netns.entered(self._hub):
            table = arp_table(_ARP.read_text(encoding="ascii"))
        mac = table.get(self._vip, "")
        self.note("vip", {"holders": holders, "arp": self._owners.get(mac, mac)})

    def _has(self, node: LabNode) -> bool:
        try:
            with netns.entered(node.netns):
                return self._vip in local_addresses(_FIB.read_text(encoding="ascii"))
        except (HavenError, OSError):
            return False


class MemberWatcher(Watcher):
    """One database member, asked from inside its own machine."""

    def __init__(self, ground: Ground, recorder: Recorder, node: str) -> None:
        super().__init__(f"member watcher {node}", recorder, period_s=MEMBER_PERIOD_S)
        self._node = spec_of(ground.layout).node(node)

    def look(self) -> None:
        """One sample: node, state in a word, whether primary, and the addresses of its component."""
        self.note("member", {"node": self._node.name, **self._ask()}, key=self._node.name)

    def _ask(self) -> dict[str, Any]:
        try:
            with netns.entered(self._node.netns):
                connection = http.client.HTTPConnection(
                    self._node.address, GALERA_CHECK, timeout=MEMBER_DEADLINE_S
                )
                try:
                    connection.request("GET", "/state")
                    return member_state(connection.getresponse().read())
                finally:
                    connection.close()
        except HavenError:
            return {"state": "off", "primary": False, "component": []}
        except (OSError, http.client.HTTPException):
            return {"state": "silent", "primary": False, "component": []}


def member_state(answer: bytes) -> dict[str, Any]:
    """What a member's own check says, in the form of a sample."""
    try:
        told = json.loads(answer)
    except ValueError:
        return {"state": "silent", "primary": False, "component": []}
    status = told.get("status") or {}
    addresses = str(status.get("wsrep_incoming_addresses", "")).split(",")
    if not told.get("running"):
        return {"state": "down", "primary": False, "component": []}
    state = str(status.get("wsrep_local_state_comment", "")).lower()
    return {
        "state": state or "unknown",
        "primary": bool(told.get("primary")),
        "component": sorted(address for address in addresses if address),
    }
