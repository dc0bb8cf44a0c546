"""MariaDB with Galera: three members, one writer behind the load balancer, and a start that needs no operator."""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Command, Directory, File, Package, Resource, Step, Unit, Wait, everywhere, here
from stackhaven.services.base import Daemon, Declaration, Listener, Site
from stackhaven.services.common.ini import Because, render_ini
from stackhaven.services.common.oslo import overrides
from stackhaven.services.common.ports import GALERA_CHECK as CHECK_PORT
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.sizes import buffer_pool_mb, db_max_connections
from stackhaven.services.common.systemd import BEFORE_OTHERS, drop_in, unit_file

PACKAGE = __name__
CNF = "/etc/mysql/mariadb.conf.d/99-stackhaven.cnf"


class MariaDB:
    """The database cluster."""

    name = "mariadb"

    def wanted(self, layout: Layout) -> bool:
        """Where there is a control plane."""
        return bool(layout.controllers)

    def declare(self, layout: Layout) -> Declaration:
        """One writer: several would fail each other's commits (H26, E-11)."""
        names = tuple(n.name for n in layout.controllers)
        return Declaration(
            name=self.name,
            title="MariaDB/Galera",
            ha_mode="native",
            ha_reason="Galera replicates every commit; one member writes, the load balancer picks the next",
            listeners=(
                Listener(
                    name="mariadb",
                    port=3306,
                    service="mariadb",
                    mode="tcp",
                    check="GET /",
                    expect="status 200",
                    check_port=CHECK_PORT,
                    single_writer=True,
                    internal_only=True,
                    client_timeout_s=3600,
                    server_timeout_s=3600,
                    inter_ms=300,
                    check_timeout_ms=1000,
                    fall=2,
                ),
            ),
            daemons=(
                Daemon(unit="haven-galera-check.service", nodes=names, stop_order=96),
                Daemon(
                    unit="mariadb.service", nodes=names, stop_order=95, stop_timeout_s=120, one_by_one=True
                ),
            ),
            config_files={"99-stackhaven.cnf": CNF},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Members start together and decide among themselves; accounts follow when all are synced."""
        names = tuple(n.name for n in site.layout.controllers)
        accounts = json.dumps(
            [
                {"database": a.database, "user": a.user, "password": site.secrets[a.password]}
                for d in site.declared
                for a in d.accounts
            ]
        )
        tool = path_of("galera_accounts.py")
        return (
            Step(
                name="mariadb.configure",
                title="Database members are configured",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
                weight=1,
            ),
            Step(
                name="mariadb.start",
                title="Galera members start and find each other",
                nodes=names,
                resources=lambda name: (
                    Unit(
                        name="haven-galera-check.service",
                        watches=(path_of("galera_check.py"),),
                    ),
                    Unit(
                        name="mariadb.service",
                        watches=(CNF, "/etc/systemd/system/mariadb.service.d"),
                        timeout_s=900,
                    ),
                    Wait(
                        what="this member is synced",
                        url=f"http://{site.node(name).management}:{CHECK_PORT}/",
                        deadline_s=600,
                    ),
                ),
                needs=(everywhere("mariadb.configure"),),
                provides=("database.members",),
                weight=20,
            ),
            Step(
                name="mariadb.accounts",
                title="Databases and their owners",
                nodes=names[:1],
                resources=lambda _name: (
                    script(PACKAGE, "galera_accounts.py"),
                    Command(
                        what="databases and owners",
                        check=(tool, "check"),
                        apply=(tool, "apply"),
                        stdin=accounts,
                        check_stdin=accounts,
                    ),
                ),
                needs=(everywhere("mariadb.start"),),
                provides=("database.accounts",),
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files of one member."""
    members = {n.name: n.management for n in site.layout.controllers}
    return (
        Package(names=("mariadb-server", "mariadb-backup", "galera-4", "python3-pymysql")),
        Directory(path="/etc/stackhaven"),
        File(
            path="/etc/stackhaven/galera.json",
            content=json.dumps({"node": node.name, "members": members}, indent=1),
        ),
        script(PACKAGE, "galera_check.py"),
        script(PACKAGE, "galera_start.py"),
        script(PACKAGE, "schema_current.py"),
        File(path=CNF, content=member_cnf(site, node, tuple(members.values()))),
        unit_file(
            "haven-galera-check",
            description="Galera member check for the load balancer and for the other members",
            user="mysql",
            exec_start=f"{path_of('galera_check.py')} {node.management}",
            service_lines=(
                "WorkingDirectory=/",
                "AmbientCapabilities=CAP_NET_ADMIN",
                *BEFORE_OTHERS.splitlines(),
            ),
        ),
        drop_in(
            "mariadb",
            "[Unit]\n"
            "After=haven-galera-check.service\nWants=haven-galera-check.service\n"
            "StartLimitIntervalSec=0\n"
            "[Service]\n"
            # The packaged command recovers the position but joins whatever it finds, or nothing; and how it is told to
            # bootstrap is another with 11.8.9 than before.
            f"ExecStartPre=\nExecStartPre={path_of('galera_start.py')}\n"
            f"ExecStart=\nExecStart={path_of('galera_start.py')} run\n"
            f"ExecStopPost=-{path_of('galera_start.py')} stopped\n"
            "Restart=on-failure\nRestartSec=1\n"
            # A member without a primary component does not end by itself.
            "TimeoutStopSec=60\nSendSIGKILL=yes\nLimitNOFILE=65536\n" + BEFORE_OTHERS,
        ),
    )


def inactive_check_s(suspect_timeout_s: float) -> float:
    """How often members look for one that has been silent for too long."""
    return min(0.5, suspect_timeout_s / 10)


def member_cnf(site: Site, node: LayoutNode, addresses: tuple[str, ...]) -> str:
    """The member's configuration."""
    cloud = site.cloud
    suspect = cloud.database.suspect_timeout_s
    provider = {
        "gcache.size": "128M",
        "pc.recovery": "TRUE",
        "gmcast.listen_addr": f"tcp://{node.management}:4567",
        "evs.suspect_timeout": f"PT{suspect:g}S",
        "evs.inactive_timeout": f"PT{3 * suspect:g}S",
        "evs.keepalive_period": f"PT{min(1.0, suspect / 5):g}S",
        "evs.inactive_check_period": f"PT{inactive_check_s(suspect):g}S",
        # The others repeat what they know of the lost one each second by default, and need two rounds.
        "evs.join_retrans_period": f"PT{min(1.0, suspect / 5):g}S",
    }
    return render_ini(
        {
            "mysqld": {
                "bind-address": node.management,
                "max_connections": db_max_connections(cloud, len(addresses)),
                "skip-name-resolve": 1,
                "wait_timeout": 3600,
                "default_storage_engine": "InnoDB",
                "innodb_autoinc_lock_mode": 2,
                "innodb_buffer_pool_size": f"{buffer_pool_mb(cloud, node)}M",
                "innodb_log_file_size": "128M" if node.memory_mb < 6144 else "1G",
                "innodb_flush_log_at_trx_commit": Because(
                    1 if cloud.database.durable else 2,
                    "1: an acknowledged commit is on disk; anything else loses it when power fails",
                ),
                "innodb_lock_wait_timeout": 30,
                "performance_schema": "OFF",
                "binlog_format": "ROW",
                "character-set-server": "utf8mb3",
                "collation-server": "utf8mb3_general_ci",
                "wsrep_on": "ON",
                "wsrep_provider": "/usr/lib/galera/libgalera_smm.so",
                "wsrep_cluster_name": cloud.name,
                "wsrep_cluster_address": "gcomm://" + ",".join(addresses),
                "wsrep_node_name": node.name,
                "wsrep_node_address": node.management,
                "wsrep_slave_threads": 2,
                "wsrep_retry_autocommit": 3,
                "wsrep_sst_method": "mariabackup",
                "wsrep_sst_auth": Because("mysql:", "the packaged account that signs in by unix socket"),
                "wsrep_provider_options": '"' + ";".join(f"{k}={v}" for k, v in provider.items()) + '"',
            }
        },
        overrides=overrides(site, "99-stackhaven.cnf"),
    )


service = MariaDB()
