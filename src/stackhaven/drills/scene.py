"""Finding out who plays which role right now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping

from stackhaven.drills.deeds import OnNode
from stackhaven.drills.errors import DrillError
from stackhaven.drills.ground import Ground
from stackhaven.drills.guard import Doer
from stackhaven.drills.targets import Scene
from stackhaven.observe.status.facts import NodeFacts
from stackhaven.services.common.ports import OVN_SOUTHBOUND

ASK_S = 20.0
OVN_ROLES = {"ovn-leader": "sb", "ovn-nb-leader": "nb"}

_WRITER = """python3 - <<'END'
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect("/run/haproxy/admin.sock")
s.sendall(b"show table mariadb\\n")
text = b""
while chunk := s.recv(65536): text += chunk
print(text.decode().split("server_key=")[1].split()[0])
END"""

_QUEUES = "rabbitmqctl -q list_queues leader --formatter json"

_GATEWAY = """ask="ovn-sbctl --timeout=5 --no-leader-only --db={db} --bare"
chassis=$($ask --columns=chassis find Port_Binding type=chassisredirect | sed '/^$/d' | sort | uniq -c | sort -rn |
  head -1 | sed 's/^ *[0-9]* //')
$ask --columns=hostname list Chassis $chassis"""


def scene_of(ground: Ground, doer: Doer, nodes: tuple[NodeFacts, ...], seed: int) -> Scene:
    """Who is what. A role that cannot be found out is absent; only a drill that names it fails."""
    holders = roles_in_facts(ground.layout.vip_internal, nodes)
    southbound = ",".join(f"tcp:{node.management}:{OVN_SOUTHBOUND}" for node in ground.layout.controllers)
    questions: Mapping[str, tuple[str, Callable[[str], str]]] = {
        "db-writer": (_WRITER, str.strip),
        "queue-leader": (_QUEUES, most_queues),
        "gateway": (_GATEWAY.format(db=southbound), str.strip),
    }
    asked = holders.get("vip-holder") or next((n.name for n in nodes if n.reachable), "")
    for role, (script, read) in questions.items():
        try:
            answer = doer.do(OnNode(node=asked, script=script, says=f"who is {role}", timeout_s=ASK_S))
            holder = read(answer)
        except (DrillError, ValueError, KeyError):
            continue
        if holder in {node.name for node in ground.layout.nodes}:
            holders[role] = holder
    return Scene(layout=ground.layout, declared=ground.site.declared, holders=holders, seed=seed)


def roles_in_facts(vip: str, nodes: tuple[NodeFacts, ...]) -> dict[str, str]:
    """The roles that the status already tells."""
    holders = {}
    for node in nodes:
        if vip in node.holds:
            holders["vip-holder"] = node.name
        for role, database in OVN_ROLES.items():
            server = node.raft_of(database)
            if server is not None and server.role == "leader":
                holders[role] = node.name
    return holders


def most_queues(answer: str) -> str:
    """The broker's node that leads most queues, from what ``list_queues leader`` prints; ValueError when none does."""
    leaders = Counter(str(row["leader"]).partition("@")[2] for row in json.loads(answer) if row.get("leader"))
    if not leaders:
        raise ValueError("no queue has a leader")
    return min(leaders, key=lambda name: (-leaders[name], name))
