"""Faults of what a member remembers: its data lost, its cluster forgotten, its disk full."""

from __future__ import annotations

from stackhaven.drills.deeds import OnNode, Strike
from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Fault, Victim
from stackhaven.drills.ground import Ground

DATA = "/var/lib/mysql"
LOST = "/var/lib/mysql.haven-drill"
SMALL_MB = 48
"""Room that a member keeps on its small disk before it is filled."""
REJOIN_S = 600.0

_DIRECTORIES = {"mariadb.service": DATA, "rabbitmq-server.service": "/var/lib/rabbitmq"}


def _each(victim: Victim, script: str, says: str, *, timeout_s: float = 120.0) -> tuple[OnNode, ...]:
    return tuple(
        OnNode(node=node, script=script, says=f"{node}: {says}", timeout_s=timeout_s) for node in victim.nodes
    )


_SYNCED = (
    'python3 -c "import json,urllib.request as u; a=u.build_opener(u.ProxyHandler({{}}))'
    ".open('http://{address}:9200/state',timeout=3); exit(not json.load(a).get('synced'))\""
)


def _lose_data(ground: Ground, victim: Victim) -> Strike:
    """The member is killed and finds an empty directory when it starts: it must copy everything from another."""
    take = f"""systemctl kill --signal=KILL --kill-whom=all mariadb.service
mv {DATA} {LOST}
install -d -o mysql -g mysql -m 0750 {DATA}
"""
    give = f"""systemctl is-active --quiet mariadb.service || systemctl start --no-block mariadb.service
rm -rf {LOST}
"""
    return Strike(
        says=f"took the data directory of the database member on {victim.says}",
        nodes=victim.nodes,
        inject=_each(victim, take, "lose the database's data"),
        effect=_each(victim, f"test -d {LOST}", "has lost its data"),
        heal=_each(victim, give, "start the database"),
        healed=tuple(
            OnNode(
                node=node,
                script=_SYNCED.format(address=ground.layout.node(node).management),
                says=f"{node}: the database is synced",
            )
            for node in victim.nodes
        ),
        heal_s=REJOIN_S,
    )


def _reset_broker(_: Ground, victim: Victim) -> Strike:
    """It forgets its cluster and its queues, and joins again as a new member, by the guard before its start.

    Starting it as it is would have it vote for queues whose log it has lost.
    """
    back = """rabbitmq-diagnostics -q check_running || {
systemctl stop rabbitmq-server.service
rm -rf /var/lib/rabbitmq/mnesia/*
systemctl start rabbitmq-server.service
}
"""
    return Strike(
        says=f"reset the broker on {victim.says}",
        nodes=victim.nodes,
        inject=_each(victim, "rabbitmqctl stop_app\nrabbitmqctl reset\n", "reset the broker"),
        effect=_each(victim, "! rabbitmq-diagnostics -q check_running", "the broker does not run"),
        heal=_each(victim, back, "start the broker", timeout_s=240),
        healed=_each(victim, "rabbitmq-diagnostics -q check_running", "the broker runs"),
        heal_s=REJOIN_S,
    )


def _fill(_: Ground, victim: Victim) -> Strike:
    """The member's directory is moved to a small file system in memory first: a lab's nodes share the host's disk."""
    if len(victim.units) != 1 or victim.units[0] not in _DIRECTORIES:
        raise DrillError(
            f"{victim.says}: its disk cannot be filled",
            todo=f"one of: {', '.join(unit.removesuffix('.service') for unit in _DIRECTORIES)}",
            rule="drill-victim",
        )
    unit = victim.units[0]
    home = _DIRECTORIES[unit]
    own = f"{home}.haven-drill"
    prepare = f"""systemctl stop {unit}
size=$(du -sm {home} | cut -f1)
mv {home} {own}
install -d {home}
mount -t tmpfs -o size=$((size + {SMALL_MB}))m haven-drill {home}
cp -a {own}/. {home}/
chown --reference={own} {home}; chmod --reference={own} {home}
systemctl start {unit}
"""
    fill = f"fallocate -l $(($(stat -f -c '%a * %S' {home}))) {home}/haven-drill-fill"
    heal = f"""rm -f {home}/haven-drill-fill
if mountpoint -q {home}; then
  systemctl stop {unit}
  rm -rf {own}.new; cp -a {home} {own}.new
  umount {home}; rmdir {home}; rm -rf {own}; mv {own}.new {home}
elif test -d {own}; then
  systemctl stop {unit}
  rm -rf {home} {own}.new; mv {own} {home}
fi
systemctl is-active --quiet {unit} || systemctl start {unit}
"""
    return Strike(
        says=f"filled the disk of {victim.says}",
        nodes=victim.nodes,
        prepare=_each(victim, prepare, f"put {home} on a small disk", timeout_s=300),
        inject=_each(victim, fill, f"fill {home}"),
        effect=_each(victim, f"test $(stat -f -c %a {home}) -lt 64", f"{home} is full"),
        heal=_each(victim, heal, f"{home} on its own disk again", timeout_s=300),
        healed=_each(victim, f"! test -d {own} && systemctl is-active --quiet {unit}", f"{unit} runs"),
        heal_s=REJOIN_S,
    )


LOSE_DATA = Fault(
    name="lose-data",
    does="a database member is killed and its data directory is gone",
    covers=("FS-09",),
    aim=_lose_data,
    mends_itself=True,
)
RESET_BROKER = Fault(
    name="reset-broker",
    does="a broker forgets its cluster and its queues",
    covers=("FS-14", "FS-16"),
    aim=_reset_broker,
)
DISK_FULL = Fault(
    name="disk-full",
    does="the disk under a database member or a broker is full",
    covers=("FS-16",),
    aim=_fill,
    on_programs=True,
    prepares=True,
)
