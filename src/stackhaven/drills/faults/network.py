"""Faults of the network: a link cut, groups that do not hear each other, a link that is slow.

In the lab they are made where a switch would make them, in the hub. On existing hosts they are packet filters on the
machines themselves, which leave the operator's SSH alone and remove themselves after `DEAD_MAN_S`.
"""

from __future__ import annotations

import shutil

from stackhaven.drills.deeds import Deed, InHub, OnNode, Strike
from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Fault, Victim, lab_node, others
from stackhaven.drills.ground import Ground

DEAD_MAN_S = 600
SLOW_KBIT = 2000
_TABLE = "haven_drill"
_SSH = 22


def _cut(ground: Ground, victim: Victim) -> Strike:
    says = f"cut the management link of {victim.says}"
    if not ground.in_lab:
        drop = [f"iifname != lo tcp dport != {_SSH} drop", f"oifname != lo tcp sport != {_SSH} drop"]
        return _filters(says, {node: tuple(drop) for node in victim.nodes})
    cables = [_cable(ground, node, "management") for node in victim.nodes]
    return Strike(
        says=says,
        nodes=victim.nodes,
        inject=tuple(InHub(script=f"ip link set {c} down", says=f"cut {c}") for c in cables),
        effect=tuple(InHub(script=f"! {_is_up(c)}", says=f"{c} is down") for c in cables),
        heal=tuple(
            InHub(script=f"! ip link show {c} || ip link set {c} up", says=f"plug {c}") for c in cables
        ),
        healed=tuple(InHub(script=_is_up(c), says=f"{c} is up") for c in cables),
    )


def _partition(ground: Ground, victim: Victim) -> Strike:
    return _divide(ground, victim, both_ways=True)


def _one_way(ground: Ground, victim: Victim) -> Strike:
    return _divide(ground, victim, both_ways=False)


def _divide(ground: Ground, victim: Victim, *, both_ways: bool) -> Strike:
    """The victim's nodes and all others do not hear each other, or the others do not hear the victim."""
    rest = tuple(node.name for node in others(ground, victim.nodes))
    says = (
        f"cut {victim.says} off from the other nodes"
        if both_ways
        else f"made the other nodes deaf for {victim.says}"
    )
    if not ground.in_lab:
        return _filters(says, _drops(ground, victim.nodes, rest, both_ways=both_ways))
    require_nft()
    ours, theirs = _cables(ground, victim.nodes), _cables(ground, rest)
    rules = [f"iifname {{ {ours} }} oifname {{ {theirs} }} drop"]
    if both_ways:
        rules.append(f"iifname {{ {theirs} }} oifname {{ {ours} }} drop")
    chain = "{ type filter hook forward priority 0; }"
    script = f"nft add table bridge {_TABLE}\nnft 'add chain bridge {_TABLE} forward {chain}'\n"
    script += "".join(f"nft 'add rule bridge {_TABLE} forward {rule}'\n" for rule in rules)
    return Strike(
        says=says,
        nodes=victim.nodes,
        inject=(InHub(script=script, says=says),),
        effect=(InHub(script=f"nft list table bridge {_TABLE} | grep -q drop", says="the hub drops frames"),),
        heal=(InHub(script=_forget("bridge"), says="the hub forwards again"),),
        healed=(InHub(script=f"! nft list table bridge {_TABLE}", says="the hub forwards again"),),
    )


def require_nft() -> None:
    """Have what the hub's bridges are filtered with.

    Raises:
        DrillError: rule ``drill-host``.

    """
    if shutil.which("nft") is None:
        raise DrillError(
            "this host has no nft, with which the lab's network is divided",
            todo="apt-get install nftables",
            rule="drill-host",
        )


def _slow(ground: Ground, victim: Victim) -> Strike:
    says = f"slowed the management link of {victim.says} to {SLOW_KBIT} kbit/s"
    shape = f"root tbf rate {SLOW_KBIT}kbit burst 16kb latency 400ms"
    inject: list[Deed] = []
    effect: list[Deed] = []
    heal: list[Deed] = []
    healed: list[Deed] = []
    for node in victim.nodes:
        own = ground.layout.node(node).interfaces.get("management") or "mgmt0"
        hub = _cable(ground, node, "management") if ground.in_lab else ""
        for make, name in ((_node_deed, own), *(((_hub_deed, hub),) if hub else ())):
            inject.append(make(node, f"tc qdisc replace dev {name} {shape}", f"slow {name}"))
            effect.append(make(node, f"tc qdisc show dev {name} | grep -q tbf", f"{name} is slow"))
            heal.append(make(node, f"! tc qdisc show dev {name} | grep -q tbf || tc qdisc del dev {name} root",
                             f"{name} at full speed"))  # fmt: skip
            healed.append(make(node, f"! tc qdisc show dev {name} | grep -q tbf", f"{name} at full speed"))
    return Strike(
        says=says,
        nodes=victim.nodes,
        inject=tuple(inject),
        effect=tuple(effect),
        heal=tuple(heal),
        healed=tuple(healed),
    )


def _node_deed(node: str, script: str, says: str) -> Deed:
    return OnNode(node=node, script=script, says=f"{node}: {says}")


def _hub_deed(_: str, script: str, says: str) -> Deed:
    return InHub(script=script, says=says)


def _cable(ground: Ground, node: str, network: str) -> str:
    return next(nic.cable for nic in lab_node(ground, node).nics if nic.network == network)


def _cables(ground: Ground, nodes: tuple[str, ...]) -> str:
    """Of the networks between hosts; what guests say to the outside goes on."""
    return ", ".join(_cable(ground, node, network) for node in nodes for network in ("management", "tunnel"))


def _is_up(cable: str) -> str:
    return f"ip link show {cable} | grep -q '[<,]UP[,>]'"


def _forget(family: str) -> str:
    return f"! nft list table {family} {_TABLE} || nft delete table {family} {_TABLE}"


def _drops(
    ground: Ground, ours: tuple[str, ...], rest: tuple[str, ...], *, both_ways: bool
) -> dict[str, tuple[str, ...]]:
    """Per node of ours, what it drops: to the others, and from them when it is deaf as well."""
    layout = ground.layout
    far = ", ".join(address for n in rest for address in (layout.node(n).management, layout.node(n).tunnel))
    out = f"ip daddr {{ {far} }} drop"
    return dict.fromkeys(ours, (f"ip saddr {{ {far} }} drop", out) if both_ways else ("", out))


def _filters(says: str, drops: dict[str, tuple[str, ...]]) -> Strike:
    """Rules for (input, output) on each node, removed by the node itself when nobody does it."""
    inject = []
    for node, (incoming, outgoing) in drops.items():
        script = (
            f"systemd-run --collect --unit={_TABLE} --on-active={DEAD_MAN_S} nft delete table inet {_TABLE}\n"
        )
        script += f"nft add table inet {_TABLE}\n"
        for hook, rule in (("input", incoming), ("output", outgoing)):
            chain = f"{{ type filter hook {hook} priority -300; }}"
            script += f"nft 'add chain inet {_TABLE} {hook} {chain}'\n"
            script += f"nft 'add rule inet {_TABLE} {hook} {rule}'\n" if rule else ""
        inject.append(OnNode(node=node, script=script, says=f"{node}: drop packets"))
    heal = f"systemctl stop {_TABLE}.timer 2>/dev/null || true\n{_forget('inet')}"
    return Strike(
        says=says,
        nodes=tuple(drops),
        inject=tuple(inject),
        effect=tuple(
            OnNode(node=n, script=f"nft list table inet {_TABLE} | grep -q drop", says=f"{n} drops packets")
            for n in drops
        ),
        heal=tuple(OnNode(node=n, script=heal, says=f"{n}: drop nothing") for n in drops),
        healed=tuple(
            OnNode(node=n, script=f"! nft list table inet {_TABLE}", says=f"{n} drops nothing") for n in drops
        ),
    )


CUT = Fault(
    name="cut-link",
    does="the management link is cut; the machine goes on without it",
    covers=("FS-02", "FS-03", "FS-07", "FS-09", "FS-15"),
    aim=_cut,
)
PARTITION = Fault(
    name="partition",
    does="machines and all others do not hear each other; clients still reach both sides",
    covers=("FS-07", "FS-10", "FS-15"),
    aim=_partition,
)
ONE_WAY = Fault(
    name="partition-one-way",
    does="the others do not hear the machines any more, these still hear them",
    covers=("FS-07", "FS-15"),
    aim=_one_way,
)
SLOW = Fault(
    name="slow-link",
    does=f"the management link carries {SLOW_KBIT} kbit/s only (added latency needs netem, which few kernels of "
    "virtual machines have)",
    covers=("FS-15",),
    aim=_slow,
)
