"""RabbitMQ 4: one cluster of all controllers, quorum queues and streams, clients with the whole list of brokers."""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Command, Directory, File, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Site
from stackhaven.services.common.ports import RABBITMQ as RABBITMQ_PORT
from stackhaven.services.common.ports import RABBITMQ_GUARD as GUARD_PORT
from stackhaven.services.common.ports import RABBITMQ_METRICS as METRICS_PORT
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.sizes import SMALL_NODE_MB, rabbitmq_memory_mb
from stackhaven.services.common.systemd import BEFORE_OTHERS, drop_in, unit_file

PACKAGE = __name__
QUEUE_REPLICAS = 3
"""What RabbitMQ gives a new quorum queue."""
CHECK = "broker_check.py"
GUARD = "rabbit_start.py"
GUARD_CONFIG = "/etc/stackhaven/rabbitmq.json"

UNIT = f"""\
[Unit]
StartLimitIntervalSec=0
[Service]
# A broker that lost its data would found a cluster of its own, which answers clients.
ExecStartPre={path_of(GUARD)} {GUARD_CONFIG}
Restart=always
RestartSec=2
TimeoutStartSec=600
TimeoutStopSec=60
{BEFORE_OTHERS}"""


class RabbitMQ:
    """The message queue."""

    name = "rabbitmq"

    def wanted(self, layout: Layout) -> bool:
        """Where there is a control plane; Keystone alone does without, but notifies when it can."""
        services = layout.cloud.services
        return bool(layout.controllers) and (
            services is None or set(services) - {"keystone", "horizon"} != set()
        )

    def declare(self, layout: Layout) -> Declaration:
        """No listener behind the VIP: clients know all brokers (H35)."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="RabbitMQ",
            ha_mode="native",
            ha_reason="quorum queues are replicated by raft; clients reconnect to the next broker",
            daemons=(
                Daemon(unit="haven-broker-check.service", nodes=names, stop_order=91),
                Daemon(
                    unit="rabbitmq-server.service",
                    nodes=names,
                    stop_order=90,
                    stop_timeout_s=120,
                    one_by_one=True,
                ),
            ),
            secrets=("rabbitmq.user", "rabbitmq.cookie"),
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Members start together and find each other by the list in their configuration."""
        names = tuple(n.name for n in site.layout.controllers)
        account = json.dumps({"user": "openstack", "password": site.secrets["rabbitmq.user"]})
        login = path_of("amqp_login.py")

        def start(name: str) -> tuple[Resource, ...]:
            node = site.node(name)
            peers = tuple(f"rabbit@{n}" for n in names if n != name)
            return (
                Unit(
                    name="rabbitmq-server.service",
                    watches=("/etc/rabbitmq", "/var/lib/rabbitmq/.erlang.cookie"),
                    timeout_s=600,
                ),
                Unit(name="haven-broker-check.service", watches=(path_of(CHECK), GUARD_CONFIG)),
                Wait(
                    what="this broker is in the cluster",
                    argv=(path_of("rabbit_joined.py"), node.management, site.cloud.name, *peers),
                    deadline_s=300,
                    interval_s=1,
                ),
                Command(
                    what="the broker accepts the services' account",
                    check=(login, node.management, str(RABBITMQ_PORT)),
                    check_stdin=account,
                    # The account is made at the first start; this mends one whose password is another.
                    apply=("/usr/sbin/rabbitmqctl", "change_password", "openstack"),
                    stdin=site.secrets["rabbitmq.user"] + "\n",
                ),
            )

        return (
            Step(
                name="rabbitmq.configure",
                title="Brokers are configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="rabbitmq.start",
                title="Brokers start and form a cluster",
                nodes=names,
                resources=start,
                needs=(everywhere("rabbitmq.configure"),),
                provides=("messaging",),
                weight=20,
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one broker."""
    return (
        Package(names=("rabbitmq-server",)),
        File(
            path="/var/lib/rabbitmq/.erlang.cookie",
            content=site.secrets["rabbitmq.cookie"],
            mode=0o400,
            owner="rabbitmq",
            group="rabbitmq",
            sensitive=True,
        ),
        Directory(path="/etc/rabbitmq", owner="rabbitmq", group="rabbitmq"),
        File(path="/etc/rabbitmq/enabled_plugins", content="[rabbitmq_prometheus].\n"),
        File(path="/etc/rabbitmq/rabbitmq-env.conf", content=environment(node)),
        File(
            path="/etc/rabbitmq/rabbitmq.conf",
            content=broker_conf(site, node),
            mode=0o640,
            group="rabbitmq",
        ),
        script(PACKAGE, "amqp_login.py"),
        script(PACKAGE, "rabbit_joined.py"),
        script(PACKAGE, GUARD),
        script(PACKAGE, CHECK),
        unit_file(
            "haven-broker-check",
            description="Ends the clients of a broker that stands still, and ends its parting from the others",
            user="root",
            exec_start=f"{path_of(CHECK)} {GUARD_CONFIG}",
            service_lines=BEFORE_OTHERS.splitlines(),
        ),
        File(path=GUARD_CONFIG, content=guard_config(site, node)),
        drop_in("rabbitmq-server", UNIT),
    )


def guard_config(site: Site, node: LayoutNode) -> str:
    """What the guard before the start and the check beside the broker must know of the members."""
    members = {n.name: n.management for n in site.layout.controllers}
    ports = {"port": RABBITMQ_PORT, "guard_port": GUARD_PORT, "metrics_port": METRICS_PORT}
    known = {"node": node.name, "members": members, **ports}
    return json.dumps(known, indent=1) + "\n"


def environment(node: LayoutNode) -> str:
    """Erlang's own settings: its schedulers do not busy-wait, and a small node runs one."""
    schedulers = 1 if node.memory_mb < SMALL_NODE_MB else max(2, node.cores // 2)
    return (
        f"NODENAME=rabbit@{node.name}\n"
        f'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S {schedulers}:{schedulers} +sbwt none +sbwtdcpu none +sbwtdio none '
        f'-kernel inet_dist_use_interface {{{node.management.replace(".", ",")}}}"\n'
    )


def broker_conf(site: Site, node: LayoutNode) -> str:
    """The broker's configuration; the account exists from the first start on."""
    replicas = min(QUEUE_REPLICAS, len(site.layout.controllers))
    lines = [
        f"listeners.tcp.1 = {node.management}:{RABBITMQ_PORT}",
        f"cluster_name = {site.cloud.name}",
        "cluster_formation.peer_discovery_backend = classic_config",
    ]
    lines += [
        f"cluster_formation.classic_config.nodes.{i} = rabbit@{n.name}"
        for i, n in enumerate(site.layout.controllers, start=1)
    ]
    lines += [
        "cluster_partition_handling = pause_minority",
        "# A silent peer is given up after about 10 s instead of 60.",
        "net_ticktime = 10",
        "# A queue that lacks a replica gets one on a member that has none.",
        "quorum_queue.continuous_membership_reconciliation.enabled = true",
        f"quorum_queue.continuous_membership_reconciliation.target_group_size = {replicas}",
        "quorum_queue.continuous_membership_reconciliation.interval = 60000",
        "default_user = openstack",
        f"default_pass = {site.secrets['rabbitmq.user']}",
        "default_permissions.configure = .*",
        "default_permissions.read = .*",
        "default_permissions.write = .*",
        f"vm_memory_high_watermark.absolute = {rabbitmq_memory_mb(site.cloud, node)}MB",
        "disk_free_limit.absolute = 500MB",
        "heartbeat = 20",
        f"prometheus.tcp.ip = {node.management}",
        f"prometheus.tcp.port = {METRICS_PORT}",
        "log.file.level = warning",
    ]
    return "\n".join(lines) + "\n"


service = RabbitMQ()
