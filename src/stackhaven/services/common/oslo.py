"""How every OpenStack service reaches the database, the queue, the cache and identity, with a deadline on each.

A client without deadlines turns a dead peer into a service that is down for minutes without a log line: after a VIP
move the load balancer may accept a connection it cannot serve, and a frozen peer's sockets stay established.
"""

from __future__ import annotations

from stackhaven.design.layout import LayoutNode
from stackhaven.services.base import Site
from stackhaven.services.common import ports
from stackhaven.services.common.ini import Because, Sections

DB_CONNECT_TIMEOUT_S = 3
DB_IO_TIMEOUT_S = 15
DB_RECYCLE_S = 280


def db_url(site: Site, node: LayoutNode, *, service: str, database: str = "") -> str:
    """The SQLAlchemy URL of a service's database through the VIP.

    `bind_address` is the node's own: without it a connection made by the VIP holder has the VIP as its source and
    hangs when the VIP leaves.
    """
    query = (
        f"charset=utf8mb3&connect_timeout={DB_CONNECT_TIMEOUT_S}&bind_address={node.management}"
        f"&read_timeout={DB_IO_TIMEOUT_S}&write_timeout={DB_IO_TIMEOUT_S}"
    )
    return _url(site, site.layout.vip_internal, service, database or service, query)


def schema_url(site: Site, node: LayoutNode, *, service: str, database: str = "") -> str:
    """The same on the node's own member, without deadlines: for schema changes.

    A change of the schema that is cut off half way cannot be repeated, and some take long; Galera brings it to all
    members in the same order, whichever member it is told to.
    """
    return _url(site, node.management, service, database or service, "charset=utf8mb3")


def _url(site: Site, host: str, service: str, database: str, query: str) -> str:
    return f"mysql+pymysql://{service}:{site.secrets[f'{service}.db']}@{host}:3306/{database}?{query}"


def database(site: Site, node: LayoutNode, *, service: str, name: str = "") -> dict[str, str | int | Because]:
    """Section ``[database]``."""
    return {
        "connection": Because(
            db_url(site, node, service=service, database=name),
            "every wait on the database ends: a half-dead connection must not hang a service in silence",
        ),
        "max_retries": -1,
        "max_pool_size": 5,
        "max_overflow": 20,
        "pool_timeout": 10,
        "connection_recycle_time": Because(
            DB_RECYCLE_S, "below the load balancer's and the server's idle limits"
        ),
    }


def memcached_servers(site: Site) -> str:
    """Every controller's memcached: clients skip a dead one by themselves, a balancer would mix them up."""
    return ",".join(f"{n.management}:{ports.MEMCACHED}" for n in site.layout.controllers)


def cache(site: Site) -> dict[str, str | int | bool]:
    """Section ``[cache]``."""
    return {
        "enabled": True,
        "backend": "oslo_cache.memcache_pool",
        "memcache_servers": memcached_servers(site),
        "memcache_socket_timeout": 1,
        "memcache_dead_retry": 30,
    }


def auth(site: Site, user: str) -> dict[str, str | int]:
    """How a service signs in as itself."""
    return {
        "auth_type": "password",
        "auth_url": f"http://{site.layout.vip_internal}:{ports.KEYSTONE}/v3",
        "username": user,
        "password": site.secrets[f"{user}.user"],
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
    }


def session() -> dict[str, str | int | Because]:
    """Options of a client's HTTP session."""
    return {"timeout": Because(60, "a call into a half-dead connection ends")}


def adapter(site: Site) -> dict[str, str | int | Because]:
    """Which endpoint a client calls, and how often it tries."""
    return {
        "region_name": site.cloud.region,
        "valid_interfaces": "internal",
        "connect_retries": 2,
        "connect_retry_delay": 1,
        "status_code_retries": 2,
        "status_code_retry_delay": 1,
    }


def client(site: Site, user: str) -> dict[str, str | int | Because]:
    """A section by which one service calls another: signed in as itself, on the internal endpoint, with a deadline."""
    return {**auth(site, user), **session(), **adapter(site)}


def keystone_authtoken(site: Site, user: str) -> dict[str, str | int | bool | Because]:
    """Section ``[keystone_authtoken]``."""
    return {
        **auth(site, user),
        "region_name": site.cloud.region,
        "www_authenticate_uri": f"http://{site.layout.vip_public}:{ports.KEYSTONE}",
        "interface": "internal",
        "http_connect_timeout": Because(5, "token validation must not wait for a dead load balancer"),
        "http_request_max_retries": 3,
        "memcached_servers": memcached_servers(site),
        "memcache_use_advanced_pool": True,
        "memcache_pool_dead_retry": 30,
        "memcache_pool_socket_timeout": 1,
        "memcache_pool_conn_get_timeout": 2,
        "service_token_roles": "service",
        "service_token_roles_required": True,
    }


def transport_url(site: Site) -> str:
    """The whole list of brokers: clients choose and change by themselves, no balancer in between (H35)."""
    password = site.secrets["rabbitmq.user"]
    hosts = ",".join(f"openstack:{password}@{n.management}:{ports.RABBITMQ}" for n in site.layout.controllers)
    return f"rabbit://{hosts}/"


def messaging() -> dict[str, str | int | float | bool | Because]:
    """Section ``[oslo_messaging_rabbit]``."""
    return {
        "rabbit_quorum_queue": Because(
            True, "mirrored queues are gone; changing the type later is an outage"
        ),
        "rabbit_transient_quorum_queue": Because(True, "reply queues must outlive their broker too"),
        "rabbit_stream_fanout": True,
        "rabbit_qos_prefetch_count": Because(50, "streams need a limit; 1 would serialise the consumers"),
        "use_queue_manager": Because(True, "stable queue names: random ones exhaust the broker's atom table"),
        "heartbeat_timeout_threshold": 20,
        "heartbeat_rate": 3,
        "rabbit_retry_interval": 1,
        "rabbit_retry_backoff": 1,
        "rabbit_interval_max": 5,
        "kombu_reconnect_delay": 0.5,
    }


def concurrency(service: str) -> dict[str, str]:
    """Section ``[oslo_concurrency]``: the queue manager and the services need a place for locks."""
    return {"lock_path": f"/var/lib/{service}/lock"}


def overrides(site: Site, file: str) -> Sections:
    """The operator's settings for a configuration file, by its base name."""
    return site.cloud.settings.get(file, {})
