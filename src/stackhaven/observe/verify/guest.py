"""What a guest is told to do, and what its console says of it. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

TRIES = 40
PAUSE_S = 3

_SAYS_WHO = """\
#!/bin/sh
uuid=$(wget -q -T 20 -O - http://169.254.169.254/openstack/latest/meta_data.json \\
    | sed -n 's/.*"uuid": *"\\([^"]*\\)".*/\\1/p')
echo "HAVEN-UUID $uuid"
"""
_SCRIPT = """\
meets() {{
    for attempt in $(seq 1 {tries}); do
        if "$@"; then return 0; fi
        sleep {pause}
    done
    return 1
}}
pings() {{ ping -c 1 -W 2 {peer} > /dev/null 2>&1; }}
reads() {{ page=$(wget -q -T 5 -O - http://{peer}/ 2> /dev/null) && [ -n "$page" ]; }}
if meets pings; then echo "HAVEN-PING {peer} ok"; else echo "HAVEN-PING {peer} failed"; fi
if meets reads; then echo "HAVEN-HTTP {peer} ok $page"; else echo "HAVEN-HTTP {peer} failed"; fi
"""


def user_data(peer: str) -> str:
    """Base64, as Nova wants it: the guest looks for its own id, and for the other guest at that address."""
    return told(_SCRIPT.format(peer=peer, tries=TRIES, pause=PAUSE_S))


def told(script: str) -> str:
    """User data of a guest that looks for its own id, as the checks of guests ask, and then does what `script` says."""
    return base64.b64encode((_SAYS_WHO + script).encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Console:
    """What a guest has said so far; an empty text or None is "nothing yet". `address` is without prefix length."""

    booted: bool = False
    address: str = ""
    instance_id: str = ""
    metadata_failed: bool = False
    uuid: str = ""
    ping: str | None = None
    http: str | None = None
    ready: bool = False

    @property
    def stage(self) -> str:
        """How far it has come, in words."""
        if not self.booted:
            return "it has not booted"
        if not self.address:
            return "it booted, but has no address from DHCP"
        if self.metadata_failed:
            return f"it has address {self.address}, but metadata did not answer"
        if not self.instance_id:
            return f"it has address {self.address} and asks for metadata"
        return "it has its metadata" if not self.ready else "it is ready"


def read_console(text: str) -> Console:
    """From the lines that begin with HAVEN-; the last of a kind counts."""
    said: dict[str, str] = dict(re.findall(r"HAVEN-([A-Z]+(?:-FAILED)?)[ \t]*([^\r\n]*)", text))
    lease = dict(re.findall(r"(\S+?)=(\S*)", said.get("DHCP", "")))
    meta = dict(re.findall(r"(\S+?)=(\S*)", said.get("META", "")))
    return Console(
        booted="BOOT" in said,
        address=lease.get("ip", "").partition("/")[0],
        instance_id=meta.get("instance-id", ""),
        metadata_failed="META-FAILED" in said,
        uuid=said.get("UUID", "").strip(),
        ping=_outcome(said.get("PING")),
        http=_outcome(said.get("HTTP")),
        ready="READY" in said,
    )


def _outcome(line: str | None) -> str | None:
    """What follows the other's address: "ok ...", "failed", or None when nothing was said."""
    return None if line is None else line.partition(" ")[2].strip()
