"""What operators do on purpose, and clients should not notice: the VIP moved, every API restarted."""

from __future__ import annotations

import shlex

from stackhaven.drills.deeds import OnNode, Strike
from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Fault, Victim, on_units
from stackhaven.drills.ground import Ground
from stackhaven.services.base import Listener
from stackhaven.services.keepalived import RUN, move

MOVE_S = 90.0
RESTART_S = 240.0
"""One unit: it is drained, ends its calls, starts, loads its application and passes its checks, on a busy machine."""

HOLDS = "ip -4 -o address | grep -qwF {vip}"
"""Whether a node holds a VIP."""

_NOTHING_LEFT = f"! nft list table inet {move.TABLE} 2>/dev/null && ! grep -qs 1 /run/{RUN}/{move.RELEASED}"


def _move_vip(ground: Ground, victim: Victim) -> Strike:
    """The other controllers first, so that whichever becomes the holder is ready for it."""
    _require_movable(ground, victim)
    (holder,) = victim.nodes
    vip = ground.layout.vip_internal
    controllers = [node.name for node in ground.layout.controllers]
    receive = (
        OnNode(node=name, script=move.RECEIVE, says=f"{name}: make ready for the VIP")
        for name in controllers
        if name != holder
    )
    release = OnNode(
        node=holder, script=move.RELEASE, says=f"{holder}: give the VIP to another", timeout_s=MOVE_S
    )
    return Strike(
        says=f"moved the VIP away from {victim.says}",
        nodes=victim.nodes,
        inject=(*receive, release),
        in_turn=True,
        effect=(
            OnNode(node=holder, script=f"! {HOLDS.format(vip=vip)}", says=f"{holder} does not hold the VIP"),
        ),
        heal=tuple(OnNode(node=n, script=move.STOP, says=f"{n}: end the move") for n in controllers),
        healed=tuple(
            OnNode(node=n, script=_NOTHING_LEFT, says=f"{n}: nothing is left of the move")
            for n in controllers
        ),
    )


def _require_movable(ground: Ground, victim: Victim) -> None:
    controllers = {node.name for node in ground.layout.controllers}
    if ground.site.cloud.vip.provider != "keepalived":
        raise DrillError(
            "a move of the VIP that waits for calls is there for keepalived only, and this VIP is Pacemaker's",
            todo="on a controller: crm_resource --resource vip --ban --lifetime PT60S; it cuts calls in progress",
            rule="vip-provider",
        )
    if len(controllers) < 2:
        raise DrillError("there is no other controller that could take the VIP", rule="drill-victim")
    if len(victim.nodes) != 1 or not controllers.issuperset(victim.nodes):
        raise DrillError(
            f"the VIP is moved away from one controller, not from {', '.join(victim.nodes)}",
            todo="such as: move-vip vip-holder",
            rule="drill-victim",
        )


_RESTART = """systemctl restart {unit}
python3 - {listener} {node} {address} {port} {path} <<'END'
import csv, http.client, socket, sys, time

listener, node, address, port, path = sys.argv[1:]

def answers():
    connection = http.client.HTTPConnection(address, int(port), timeout=5)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

def gets_calls():
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect("/run/haproxy/admin.sock")
            s.sendall(b"show stat -1 4 -1\\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    except OSError:
        return False
    rows = csv.DictReader(text.lstrip("# ").splitlines())
    return any(
        (row["pxname"], row["svname"], row["status"]) == (listener, node, "UP") for row in rows
    )

deadline = time.monotonic() + {limit_s:.0f}
for asked, missing in ((answers, "does not answer"), (gets_calls, "gets no calls from the load balancer")):
    while not asked():
        if time.monotonic() > deadline:
            sys.exit(f"{{listener}} on {{node}} was restarted and {{missing}}")
        time.sleep(0.5)
END
"""


def _restart_apis(ground: Ground, victim: Victim) -> Strike:
    """Node by node, and on each unit by unit: the next one waits until this one has its calls again."""
    listeners = [one for declared in ground.site.declared for one in declared.listeners if one.unit]
    strangers = [name for name in victim.nodes if name not in {n.name for n in ground.layout.controllers}]
    if strangers or not listeners:
        raise DrillError(
            f"no API runs on {', '.join(strangers or victim.nodes)}",
            todo="such as: restart-apis all-controllers",
            rule="drill-victim",
        )
    units = tuple(f"{listener.unit}.service" for listener in listeners)
    hit = Victim(nodes=victim.nodes, units=units, says=victim.says)
    start = 'systemctl is-active --quiet "$unit" || systemctl start --no-block "$unit"'
    return Strike(
        says=f"restarted {len(units)} APIs on {victim.says}, one after the other",
        nodes=victim.nodes,
        inject=tuple(_restart(ground, name, listener) for name in victim.nodes for listener in listeners),
        in_turn=True,
        heal=on_units(hit, start, "start"),
        healed=on_units(hit, 'systemctl is-active --quiet "$unit"', "runs:"),
    )


def _restart(ground: Ground, name: str, listener: Listener) -> OnNode:
    return OnNode(
        node=name,
        script=_RESTART.format(
            unit=shlex.quote(f"{listener.unit}.service"),
            listener=shlex.quote(listener.name),
            node=shlex.quote(name),
            address=ground.layout.node(name).management,
            port=listener.backend_port or listener.port,
            path=shlex.quote((listener.check.split() or ["GET", "/"])[1]),
            limit_s=RESTART_S / 2,
        ),
        says=f"{name}: restart {listener.unit}",
        timeout_s=RESTART_S,
    )


MOVE_VIP = Fault(
    name="move-vip",
    does="the VIP is moved to another controller when no call is in progress; new calls wait for it (keepalived)",
    covers=(),
    aim=_move_vip,
    mends_itself=True,
)
RESTART_APIS = Fault(
    name="restart-apis",
    does="every API is restarted, controller by controller, each when the one before gets calls again",
    covers=(),
    aim=_restart_apis,
    mends_itself=True,
)
