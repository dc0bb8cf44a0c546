"""Keystone: Fernet tokens with the same keys everywhere before anything is served (H37), and the catalogue."""

from __future__ import annotations

import json

from stackhaven.design.layout import Layout, LayoutNode
from stackhaven.plan import Command, Directory, File, Package, Resource, Step, Wait, everywhere, here
from stackhaven.services.base import Account, Daemon, Declaration, Listener, Site
from stackhaven.services.common import boot, oslo, ports
from stackhaven.services.common.ini import Because, render_ini
from stackhaven.services.common.schema import conf_options, schema_command, schema_conf
from stackhaven.services.common.script import path_of, script
from stackhaven.services.common.uwsgi import CALLS, api_files, api_unit, in_threads

PACKAGE = __name__
CONF = "/etc/keystone/keystone.conf"
KEYS = {
    "fernet-keys": ("keystone.fernet0.fernet", "keystone.fernet1.fernet"),
    "credential-keys": ("keystone.credential0.fernet", "keystone.credential1.fernet"),
}
PASSWORD_HASH_ROUNDS = 10
"""The least that OWASP asks of bcrypt (Password Storage Cheat Sheet). Each round more doubles the work; default 12."""


class Keystone:
    """Identity."""

    name = "keystone"

    def wanted(self, layout: Layout) -> bool:
        """Every cloud has it."""
        return bool(layout.controllers)

    def declare(self, layout: Layout) -> Declaration:
        """One port for everybody; the administrator is made by the bootstrap, not as a service user."""
        return Declaration(
            name=self.name,
            title="Keystone (identity)",
            ha_mode="clone",
            ha_reason="stateless: tokens are checked with keys that all nodes share",
            listeners=(
                in_threads(
                    Listener(
                        name="keystone",
                        port=ports.KEYSTONE,
                        service="identity",
                        check="GET /v3",
                        unit="keystone",
                    )
                ),
            ),
            accounts=(Account(database="keystone", user="keystone", password="keystone.db"),),
            daemons=(Daemon(unit="keystone.service", nodes=tuple(n.name for n in layout.controllers)),),
            secrets=("keystone.admin", *(name for names in KEYS.values() for name in names)),
            config_files={"keystone.conf": CONF},
        )

    def steps(self, site: Site) -> tuple[Step, ...]:
        """Files and keys everywhere, schema once, bootstrap once, then the APIs, then the catalogue."""
        names = tuple(n.name for n in site.layout.controllers)
        internal = f"http://{site.layout.vip_internal}:{ports.KEYSTONE}/v3"
        first = json.dumps(
            {
                "password": site.secrets["keystone.admin"],
                "region": site.cloud.region,
                "public_url": f"http://{site.layout.vip_public}:{ports.KEYSTONE}/v3",
                "internal_url": internal,
            }
        )
        catalogue = json.dumps(
            {
                "auth_url": internal,
                "region": site.cloud.region,
                "password": site.secrets["keystone.admin"],
                "users": [
                    {"name": u.name, "password": site.secrets[u.password], "roles": u.roles}
                    for d in site.declared
                    for u in d.users
                ],
                "endpoints": [
                    {
                        "type": e.type,
                        "name": e.name,
                        "public": f"http://{site.layout.vip_public}:{e.port}{e.path}",
                        "internal": f"http://{site.layout.vip_internal}:{e.port}{e.path}",
                    }
                    for d in site.declared
                    for e in d.endpoints
                ],
            }
        )
        return (
            Step(
                name="keystone.configure",
                title="Identity is configured, keys are shared",
                nodes=names,
                resources=lambda name: configuration(site, site.node(name)),
                needs=(here("node.base"),),
            ),
            Step(
                name="keystone.schema",
                title="Identity's schema and first administrator",
                nodes=names[:1],
                resources=lambda name: (
                    *schema_conf(site, site.node(name), "keystone"),
                    schema_command(
                        "identity schema",
                        database="keystone",
                        versions="keystone/common/sql/migrations/versions",
                        apply=("keystone-manage", *conf_options("keystone", CONF), "db_sync"),
                        user="keystone",
                        unit="haven-keystone-schema",
                    ),
                    script(PACKAGE, "keystone_bootstrap.py"),
                    script(PACKAGE, "keystone_bootstrapped.py"),
                    Command(
                        what="first administrator and identity endpoints",
                        check=(path_of("keystone_bootstrapped.py"),),
                        check_stdin=first,
                        apply=("/usr/sbin/runuser", "-u", "keystone", "--", path_of("keystone_bootstrap.py")),
                        stdin=first,
                        timeout_s=300,
                    ),
                ),
                needs=(
                    everywhere("keystone.configure"),
                    everywhere("database.accounts"),
                    everywhere("vip"),
                ),
                provides=("schema.keystone",),
                weight=15,
            ),
            Step(
                name="keystone.start",
                title="Identity answers",
                nodes=names,
                resources=lambda name: (
                    api_unit("keystone", CONF, "/etc/keystone/fernet-keys"),
                    Wait(
                        what="identity answers",
                        url=f"http://{site.node(name).management}:{ports.KEYSTONE}/v3",
                        deadline_s=120,
                    ),
                ),
                needs=(everywhere("keystone.schema"), everywhere("cache"), here("keystone.configure")),
                provides=("identity",),
                weight=8,
            ),
            Step(
                name="keystone.catalogue",
                title="Users, roles and the catalogue",
                nodes=names[:1],
                resources=lambda _name: (
                    script(PACKAGE, "identity.py"),
                    Command(
                        what="users, roles, services, endpoints",
                        check=(path_of("identity.py"), "check"),
                        check_stdin=catalogue,
                        apply=(path_of("identity.py"), "apply"),
                        stdin=catalogue,
                        timeout_s=180,
                        retries=5,
                        retry_delay_s=2,
                    ),
                ),
                needs=(everywhere("keystone.start"),),
                provides=("catalogue",),
                weight=5,
            ),
        )


def configuration(site: Site, node: LayoutNode) -> tuple[Resource, ...]:
    """Files and keys of one node."""
    keys: list[Resource] = []
    for folder, names in KEYS.items():
        keys.append(Directory(path=f"/etc/keystone/{folder}", mode=0o700, owner="keystone", group="keystone"))
        keys += [
            File(
                path=f"/etc/keystone/{folder}/{index}",
                content=site.secrets[name],
                mode=0o600,
                owner="keystone",
                group="keystone",
                sensitive=True,
            )
            for index, name in enumerate(names)
        ]
    conf = render_ini(
        {
            "DEFAULT": {
                "log_dir": "/var/log/keystone",
                "public_endpoint": f"http://{site.layout.vip_public}:5000",
            },
            "database": oslo.database(site, node, service="keystone"),
            "cache": oslo.cache(site),
            "identity": {
                "password_hash_rounds": Because(
                    PASSWORD_HASH_ROUNDS,
                    "after an outage every program signs in anew: at 12 rounds that took longer than they wait",
                ),
            },
            "token": {"provider": "fernet"},
            "fernet_tokens": {"key_repository": "/etc/keystone/fernet-keys/", "max_active_keys": 3},
            "credential": {"key_repository": "/etc/keystone/credential-keys/"},
            "oslo_middleware": {"enable_proxy_headers_parsing": True},
        },
        overrides=oslo.overrides(site, "keystone.conf"),
    )
    return (
        Package(
            names=("keystone", "uwsgi-core", "uwsgi-plugin-python3", "python3-pymysql", "python3-memcache")
        ),
        *keys,
        File(path=CONF, content=conf, mode=0o640, group="keystone"),
        *api_files(
            site,
            node,
            unit="keystone",
            user="keystone",
            port=ports.KEYSTONE,
            wsgi_file="/usr/bin/keystone-wsgi-public",
            calls=CALLS,
            exec_start_pre=boot.first(site),
        ),
    )


service = Keystone()
