"""The drills there are, and the suites made of them. Each do-sentence is what `haven drill list` shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stackhaven.drills.drill import Drill, read_drill
from stackhaven.drills.errors import DrillError

API = {"failed_calls": 0, "redundancy_s": 30}
"""One API process is lost: nothing that one retry does not cure."""
RETURN = {"return_gap_s": 5.0}
"""What comes back must not take from clients what its loss did not."""
SWITCH = {"gap_s": 3.0, **RETURN, "redundancy_s": 90}
GUESTS = {"guest_lost": 0}
APIS = {"api": "keystone"} | {api: f"{api}-api" for api in ("nova", "neutron", "glance", "placement")}
"""What the drills ``kill-NAME`` and ``freeze-NAME`` hit, by NAME. ``api`` is identity: without it no other works."""


def _killed(name: str, program: str) -> Drill:
    return Drill(
        name=f"kill-{name}",
        why="an API process dies; the balancer and one retry hide it",
        do=f"kill {program} on random",
        hold_s=10,
        must=API,
        floor="none: the other members answer, and a call that never reached one is sent to another",
    )


def _frozen(name: str, program: str) -> Drill:
    return Drill(
        name=f"freeze-{name}",
        why="an API process stands still with its port open",
        do=f"freeze {program} on random",
        must={"gap_s": 3.0, **RETURN, "redundancy_s": 30},
        floor="none: the other members answer; a call that meets the frozen one waits for its deadline",
    )


API_DRILLS = tuple(one for api in APIS.items() for one in (_killed(*api), _frozen(*api)))

DRILLS: tuple[Drill, ...] = (
    *API_DRILLS,
    Drill(
        name="kill-balancer",
        why="the VIP's holder loses its load balancer",
        do="kill haproxy on vip-holder",
        hold_s=15,
        must={"gap_s": 3.0, "redundancy_s": 30},
    ),
    Drill(
        name="kill-cache",
        why="the cache is gone, and the database carries what it spared",
        do="stop memcached on random",
        must={"failed_calls": 0, "redundancy_s": 30},
        floor="none: what is not cached is read from the database",
    ),
    Drill(
        name="kill-writer",
        why="the database member that writes is killed",
        do="kill mariadb on db-writer",
        must={"gap_s": 3.0, "redundancy_s": 60},
    ),
    Drill(
        name="power-off-writer",
        why="the machine of the database member that writes loses its power",
        do="power-off db-writer",
        must={"gap_s": 3.0, **RETURN, "redundancy_s": 60},
    ),
    Drill(
        name="freeze-writer",
        why="the database member that writes stands still with its connections open",
        do="freeze mariadb on db-writer",
        must={"gap_s": 6.0, **RETURN, "redundancy_s": 60},
    ),
    Drill(
        name="lose-data",
        why="a database member loses its data directory and must copy everything",
        do="lose-data bystander",
        hold_s=10,
        must={"failed_calls": 0, "redundancy_s": 120},
    ),
    Drill(
        name="fill-database-disk",
        why="the disk under the database member that writes is full",
        do="disk-full mariadb on db-writer",
        must={"gap_s": 6.0, **RETURN, "redundancy_s": 120},
    ),
    Drill(
        name="kill-broker",
        why="the broker that leads most queues is killed",
        do="kill rabbitmq on queue-leader",
        hold_s=30,
        load=("reads", "boot"),
        must={"gap_s": 3.0, "redundancy_s": 60, "boot_share": 100},
    ),
    Drill(
        name="power-off-broker",
        why="the machine of the broker that leads most queues loses its power",
        do="power-off queue-leader",
        hold_s=30,
        load=("reads", "boot"),
        must={"gap_s": 3.0, **RETURN, "redundancy_s": 60, "boot_share": 100},
    ),
    Drill(
        name="freeze-broker",
        why="the broker that leads most queues stands still, and goes on when the others have given it up",
        do="freeze rabbitmq-server on queue-leader",
        hold_s=30,
        load=("reads", "boot"),
        must={"gap_s": 3.0, **RETURN, "redundancy_s": 60, "boot_share": 100},
    ),
    Drill(
        name="reset-broker",
        why="a broker forgets its cluster and its queues",
        do="reset-broker bystander",
        must={"gap_s": 3.0, **RETURN, "redundancy_s": 120},
    ),
    Drill(
        name="kill-ovn-leader",
        why="the leader of the network's database is killed",
        do="kill ovn-ovsdb-server-sb on ovn-leader",
        hold_s=15,
        must={"gap_s": 3.0, "redundancy_s": 30},
    ),
    Drill(
        name="freeze-ovn-leader",
        why="the leader of the database that Neutron writes to stands still with its connections open",
        do="freeze ovn-ovsdb-server-nb on ovn-nb-leader",
        must={"gap_s": 5.0, **RETURN, "redundancy_s": 30},
    ),
    Drill(
        name="power-off-busiest",
        why="the controller with most roles loses its power",
        do="power-off busiest",
        must=SWITCH,
        aim={"gap_s": 1.5},
    ),
    Drill(
        name="reset-busiest",
        why="the controller with most roles reboots without warning",
        do="reset busiest",
        must=SWITCH,
    ),
    Drill(
        name="freeze-busiest",
        why="the controller with most roles stands still as a whole",
        do="freeze-node busiest",
        must={"gap_s": 6.0, **RETURN, "redundancy_s": 90},
    ),
    Drill(
        name="cut-busiest",
        why="the controller with most roles loses its management link",
        do="cut-link busiest",
        must={"gap_s": 5.0, **RETURN, "redundancy_s": 60},
    ),
    Drill(
        name="partition-busiest",
        why="the controller with most roles and all others do not hear each other",
        do="partition busiest",
        must={"gap_s": 5.0, **RETURN, "redundancy_s": 60},
    ),
    Drill(
        name="deafen-others",
        why="the others do not hear the controller with most roles, which hears them",
        do="partition-one-way busiest",
        must={"gap_s": 5.0, **RETURN, "redundancy_s": 60},
    ),
    Drill(
        name="slow-link",
        why="a controller's management link is slow",
        do="slow-link bystander",
        must={"gap_s": 5.0, **RETURN, "redundancy_s": 60},
    ),
    Drill(
        name="guests-unharmed",
        why="guests do not notice that the controller with most roles loses its power",
        do="power-off busiest",
        load=("reads", "guests"),
        must={**SWITCH, **GUESTS},
        floor="none for packets: they go from hypervisor to hypervisor, without a controller",
    ),
    Drill(
        name="lose-gateway",
        why="the chassis through which floating IPs leave loses its power",
        do="power-off gateway",
        load=("ping", "http"),
        must={"floating_gap_s": 2.0},
        floor="none where floating IPs are distributed, as by default: they leave from the guest's own hypervisor, and "
        "only guests without one go through the gateway",
    ),
    Drill(
        name="lose-compute",
        why="a hypervisor loses its power",
        do="power-off compute:1",
        must={"failed_calls": 0, "redundancy_s": 120},
    ),
    Drill(
        name="switch-vip",
        why="an operator moves the VIP to another controller; calls wait for the move instead of failing",
        do="move-vip vip-holder",
        hold_s=10,
        must={"failed_calls": 0},
        floor="none for calls: they are let in again by the new holder, a second or three later",
    ),
    Drill(
        name="rolling-restart",
        why="an operator restarts every API of every controller, one after the other",
        do="restart-apis all-controllers",
        hold_s=10,
        must={"failed_calls": 0},
        floor="none: a member takes no new calls before it stops, and ends those it has",
    ),
    Drill(
        name="blackout",
        why="every machine loses its power at once, gets it back, and nobody types anything",
        do="power-off all",
        hold_s=5,
        after_s=10,
        whole_s=420,
        load=("reads", "boot"),
        must={"boot_s": 180, "redundancy_s": 240},
        aim={"boot_s": 90},
        floor="what the machines take to boot, and the longest chain of services after that",
    ),
)

SUITES: Mapping[str, tuple[str, ...]] = {
    "quick": ("kill-api", "freeze-writer", "power-off-busiest"),
    "ci": ("power-off-busiest", "freeze-writer", "blackout"),
    "controller": (
        "kill-api",
        "freeze-api",
        "kill-writer",
        "power-off-writer",
        "freeze-writer",
        "power-off-busiest",
        "freeze-busiest",
        "cut-busiest",
        "partition-busiest",
        "kill-broker",
        "power-off-broker",
        "lose-gateway",
        "guests-unharmed",
        "blackout",
    ),
    "database": ("kill-writer", "power-off-writer", "freeze-writer", "lose-data", "fill-database-disk"),
    "apis": tuple(one.name for one in API_DRILLS),
    "planned": ("switch-vip", "rolling-restart"),
    "network": ("cut-busiest", "partition-busiest", "deafen-others", "slow-link"),
}


def drill(name: str) -> Drill:
    """The drill of this name, or in this file.

    Raises:
        DrillError: rule ``no-such-drill``, with the names there are.

    """
    for one in DRILLS:
        if one.name == name:
            return one
    if name.endswith((".yaml", ".yml")):
        return read_drill(Path(name))
    raise DrillError(
        f"there is no drill {name!r}",
        todo=f"one of: {', '.join(one.name for one in DRILLS)}; or the path of a YAML file",
        rule="no-such-drill",
    )


def drills_of(name: str) -> tuple[Drill, ...]:
    """One drill, or all of ``suite:NAME``."""
    prefix, _, suite = name.partition(":")
    if prefix != "suite":
        return (drill(name),)
    if suite not in SUITES:
        raise DrillError(
            f"there is no suite {suite!r}",
            todo=f"one of: {', '.join(f'suite:{one}' for one in SUITES)}",
            rule="no-such-drill",
        )
    return tuple(drill(one) for one in SUITES[suite])
