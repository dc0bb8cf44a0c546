"""Quorum, Pacemaker, Galera and RabbitMQ: members that agree who they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from stackhaven.model.lint.parsers import blocks, commands, options
from stackhaven.model.lint.rule import WARNING, Hit, between_files, in_file
from stackhaven.model.lint.sources import Source
from stackhaven.model.options import options_of

_WSREP = (
    "wsrep_on",
    "wsrep_provider",
    "wsrep_provider_options",
    "wsrep_cluster_name",
    "wsrep_cluster_address",
    "wsrep_node_name",
    "wsrep_node_address",
    "wsrep_node_incoming_address",
    "wsrep_sst_method",
    "wsrep_sst_auth",
    "wsrep_sst_donor",
    "wsrep_sst_receive_address",
    "wsrep_slave_threads",
    "wsrep_certify_nonPK",
    "wsrep_max_ws_rows",
    "wsrep_max_ws_size",
    "wsrep_retry_autocommit",
    "wsrep_auto_increment_control",
    "wsrep_sync_wait",
    "wsrep_causal_reads",
    "wsrep_notify_cmd",
    "wsrep_log_conflicts",
    "wsrep_gtid_mode",
    "wsrep_forced_binlog_format",
    "wsrep_convert_LOCK_to_trx",
    "wsrep_drupal_282555_workaround",
    "wsrep_debug",
    "wsrep_ignore_apply_errors",
    "wsrep_trx_fragment_size",
    "wsrep_trx_fragment_unit",
    "wsrep_desync",
    "wsrep_dirty_reads",
    "wsrep_load_data_splitting",
    "wsrep_recover",
    "wsrep_start_position",
    "wsrep_data_home_dir",
    "wsrep_dbug_option",
    "wsrep_OSU_method",
    "wsrep_restart_slave",
    "wsrep_mode",
    "wsrep_status_file",
)


def _members(value: str) -> list[str]:
    inside = value.strip("\"'").removeprefix("gcomm://").split("?")[0]
    return [m.strip().rsplit(":", 1)[0] for m in inside.split(",") if m.strip()]


def _few(count: int) -> str:
    return f"{count} members have no majority left when one is lost" if count == 2 else f"{count} is even"


@between_files(
    "quorum-even",
    kinds=("corosync", "galera", "rabbitmq", "shell"),
    catches=("E-03",),
    title="A cluster that cannot lose a member",
    why="A majority of two is two: the loss of one stops the other, or both go on alone. An even member adds no "
    "tolerance.",
)
def _even(sources: Sequence[Source]) -> Iterator[Hit]:
    todo = "use three members (or five), or a quorum device for two"
    for source in sources:
        if source.is_a("corosync"):
            nodes = [n for b in blocks(source).inside("nodelist") for n in b.inside("node")]
            has_device = bool(blocks(source).inside("device"))
            if nodes and len(nodes) % 2 == 0 and not has_device:
                yield Hit(source, nodes[0].line, f"corosync: {_few(len(nodes))}", todo)
        for option in options(source):
            count = len(_members(option.value))
            if option.name == "wsrep_cluster_address" and count and count % 2 == 0:
                yield Hit(source, option.line, f"Galera: {_few(count)}", todo)
        nodes_of_queue = [
            o for o in options(source) if o.name.startswith("cluster_formation.classic_config.")
        ]
        if nodes_of_queue and len(nodes_of_queue) % 2 == 0:
            yield Hit(source, nodes_of_queue[0].line, f"RabbitMQ: {_few(len(nodes_of_queue))}", todo)


@between_files(
    "galera-member-list",
    kinds=("galera",),
    catches=("E-06",),
    title="Members do not list the same members",
    why="A node that knows one other cannot rejoin while that one is away; a list with a stranger in it joins "
    "another cluster or none.",
)
def _member_list(sources: Sequence[Source]) -> Iterator[Hit]:
    lists = [
        (source, option, _members(option.value))
        for source in sources
        for option in options(source)
        if option.name == "wsrep_cluster_address"
    ]
    known = {m for _, _, members in lists for m in members}
    for source, option, members in lists:
        if len(members) < 2:
            what = (
                f"wsrep_cluster_address names {len(members) or 'no'} member{'' if len(members) == 1 else 's'}"
            )
            yield Hit(
                source,
                option.line,
                what,
                "list every member on every node; bootstrap by command, not by file",
            )
        elif set(members) != known:
            missing = ", ".join(sorted(known - set(members)))
            what = f"wsrep_cluster_address does not name {missing}, which another member does"
            yield Hit(source, option.line, what, "write the same full list on every node")


@in_file(
    "option-misspelt",
    kinds=("galera", "oslo"),
    catches=("E-06", "E-07"),
    title="An option that does not exist",
    why="A misspelt option is silently without effect: the default stays, and nobody is told.",
)
def _misspelt(source: Source) -> Iterator[Hit]:
    for option in options(source):
        near: list[str] = []
        if option.name.startswith("wsrep") and option.name not in _WSREP:
            near = get_close_matches(option.name, _WSREP, n=1, cutoff=0.7)
        doubled = re.match(r"^([a-z]+)_\1_(\w+)", option.name)
        if doubled:
            near = [f"{doubled[1]}_{doubled[2]}"]
        near = near or _near_known(source.base, option.section, option.name)
        if near:
            yield Hit(source, option.line, f"there is no option {option.name}", f"did you mean {near[0]}?")


def _near_known(file: str, section: str, name: str) -> list[str]:
    """A near miss among the options that the file's own programs list; nothing for options known or far off."""
    listed = options_of(file)
    known = listed.section(section) if listed else None
    if not known or name in known:
        return []
    return get_close_matches(name, list(known), n=1, cutoff=0.85)


@between_files(
    "pcs-setup-twice",
    kinds=("shell",),
    catches=("E-09",),
    title="One cluster is set up over another",
    why="`pcs cluster setup` destroys the cluster that the same nodes had. One cluster with many resources is meant.",
)
def _setup_twice(sources: Sequence[Source]) -> Iterator[Hit]:
    first: dict[frozenset[str], int] = {}
    for source in sources:
        for command in commands(source):
            if command.words[:3] != ("pcs", "cluster", "setup"):
                continue
            nodes = frozenset(w for w in command.words[3:] if not w.startswith("-"))
            shared = next((k for k in first if len(k & nodes) >= 2), None)
            if shared:
                what = (
                    f"a cluster is set up again on the nodes of line {first[shared]}: that one is destroyed"
                )
                yield Hit(source, command.line, what, "set up one cluster, and create all resources in it")
            first.setdefault(nodes, command.line)


@in_file(
    "service-stopped-after-start",
    kinds=("shell",),
    catches=("E-10",),
    title="A service is started, stopped and not enabled",
    why="After the next reboot it is down.",
    severity=WARNING,
)
def _stopped(source: Source) -> Iterator[Hit]:
    last: dict[str, tuple[str, int]] = {}
    enabled: set[str] = set()
    for command in commands(source):
        found = re.match(r"systemctl (start|stop|enable)( --now)? (\S+)", command.text)
        if not found:
            continue
        verb, name = found[1], found[3].removesuffix(".service")
        if verb == "enable":
            enabled.add(name)
        elif verb == "stop" and last.get(name, ("", 0))[0] == "start" and name not in enabled:
            what = f"{name} is started (line {last[name][1]}) and stopped again, and never enabled"
            yield Hit(
                source, command.line, what, f"write `systemctl enable --now {name}`, or let Pacemaker own it"
            )
        last[name] = (verb, command.line)


_VIP_NAME = re.compile(r"\bpcs resource create (vip-[\w-]+)")
_VIP_USE = re.compile(r"(?<![\w-])(vip-[a-z][\w-]*)")


@between_files(
    "vip-name-unknown",
    catches=("E-10",),
    title="A virtual address is used by a name that nobody made",
    why="Clients told `vip-mysql` do not find what was created as `vip-db`.",
)
def _vip_name(sources: Sequence[Source]) -> Iterator[Hit]:
    made: set[str] = set()
    for source in sources:
        made.update(m[1] for line in source.lines for m in _VIP_NAME.finditer(line))
        if source.is_a("haproxy", "hosts"):
            made.update(m[1] for line in source.lines for m in _VIP_USE.finditer(line))
    if not made:
        return
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            for name in sorted({m[1] for m in _VIP_USE.finditer(line)} - made):
                todo = f"write one of: {', '.join(sorted(made))}; or make {name}"
                yield Hit(source, number, f"{name} is used, and no resource has that name", todo)


_TIE = r"^\s*(crm configure )?(group|colocation|order|clone)\s|constraint (colocation|order)"


@in_file(
    "pacemaker-unbound",
    kinds=("shell",),
    catches=("E-12",),
    title="Resources without a tie",
    why="Without group, colocation, order or clone the VIP and the services behind it may run on different nodes, "
    "and only one node works at all.",
)
def _unbound(source: Source) -> Iterator[Hit]:
    made = [
        c for c in commands(source) if re.match(r"(crm configure )?primitive |pcs resource create ", c.text)
    ]
    plain = [c for c in made if not re.search(r"--clone|--group|\bclone\b|--master|promotable", c.text)]
    vip = any("ipaddr2" in c.text.lower() for c in made)
    whole = "\n".join(source.lines)
    tied = re.search(
        r"^\s*(crm configure )?(group|colocation|order|clone)\s|constraint (colocation|order)", whole, re.M
    )
    if len(plain) > 1 and vip and not tied:
        what = f"{len(plain)} resources have no group, colocation, order or clone"
        todo = "`pcs constraint colocation add VIP with SERVICE-clone` and `order`, or group them"
        yield Hit(source, plain[0].line, what, todo)


@in_file(
    "fencing-off",
    kinds=("shell", "corosync"),
    catches=("E-12",),
    title="Fencing is switched off",
    why="Without fencing a lost node may still write: split brain. Acceptable in a test bed only.",
)
def _fencing(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        if re.search(r"stonith-enabled[\"']?\s*=\s*[\"']?(false|no|0)\b", line):
            yield Hit(
                source,
                number,
                "stonith-enabled is false",
                "make fence devices (fence_ipmilan, fence_redfish)",
            )


_POLICY = re.compile(r"set_policy\s+(?:-p\s+\S+\s+)?(?:--\S+\s+\S+\s+)*(\S+)\s+(['\"])(.+?)\2")


@in_file(
    "rabbit-policy-void",
    kinds=("shell",),
    catches=("E-08", "E-10"),
    title="A policy whose pattern matches no queue",
    why="The policy is listed, and protects nothing: high availability that is not there.",
)
def _policy(source: Source) -> Iterator[Hit]:
    for number, line in enumerate(source.lines, 1):
        for found in _POLICY.finditer(line):
            pattern = found[3]
            try:
                # Erlang's and Python's patterns agree on everything a policy uses.
                matches = [q for q in ("nova", "notifications.info", "reply_1f") if re.search(pattern, q)]
            except re.error:
                matches = []
            if not matches:
                what = f"policy {found[1]}: the pattern {pattern} matches no queue of any service"
                yield Hit(
                    source, number, what, "write '^(?!amq\\.).*'; or use quorum queues and no policy at all"
                )


@between_files(
    "rabbit-nodes-differ",
    kinds=("rabbitmq",),
    catches=("E-10",),
    title="Brokers do not list the same brokers",
    why="Brokers that look for different members form different clusters.",
)
def _brokers(sources: Sequence[Source]) -> Iterator[Hit]:
    lists = {
        s.file: (s, sorted(o.value for o in options(s) if "classic_config.nodes" in o.name)) for s in sources
    }
    filled = [(s, nodes) for s, nodes in lists.values() if nodes]
    for source, nodes in filled[1:]:
        if nodes != filled[0][1]:
            what = f"cluster_formation lists other brokers than {filled[0][0].file}"
            yield Hit(source, 0, what, "write the same list on every broker")
