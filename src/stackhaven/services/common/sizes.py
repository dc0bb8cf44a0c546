"""How big a service is on one node, from the operator's wishes or the node's memory and cores."""

from __future__ import annotations

from stackhaven.design.layout import LayoutNode
from stackhaven.model.cloud import Cloud

SMALL_NODE_MB = 6144


def workers(cloud: Cloud, node: LayoutNode) -> int:
    """API worker processes: one on a small node, else half the cores, eight at most."""
    if cloud.sizes.workers is not None:
        return cloud.sizes.workers
    if node.memory_mb < SMALL_NODE_MB:
        return 1
    return max(2, min(8, node.cores // 2))


def buffer_pool_mb(cloud: Cloud, node: LayoutNode) -> int:
    """InnoDB buffer pool: a fifth of the memory between 96 MiB and 8 GiB, since the API services share the node."""
    if cloud.sizes.db_buffer_pool_mb is not None:
        return cloud.sizes.db_buffer_pool_mb
    if node.memory_mb < SMALL_NODE_MB:
        return 128
    return min(8192, node.memory_mb // 5)


def db_max_connections(cloud: Cloud, controllers: int) -> int:
    """Connections one member must accept: it serves the pools of every controller's workers alone."""
    return cloud.sizes.db_max_connections or max(1000, 700 * controllers)


def memcached_mb(cloud: Cloud, node: LayoutNode) -> int:
    """Memcached memory: small on a small node, else a sixteenth, 2 GiB at most."""
    if cloud.sizes.memcached_mb is not None:
        return cloud.sizes.memcached_mb
    return 64 if node.memory_mb < SMALL_NODE_MB else min(2048, node.memory_mb // 16)


def rabbitmq_memory_mb(cloud: Cloud, node: LayoutNode) -> int:
    """RabbitMQ's memory watermark: publishers are held back above it."""
    if cloud.sizes.rabbitmq_memory_mb is not None:
        return cloud.sizes.rabbitmq_memory_mb
    return 768 if node.memory_mb < SMALL_NODE_MB else min(8192, node.memory_mb // 4)
