"""Memory and cores assumed of a machine whose entry does not say. The preflight refuses one with less."""

from __future__ import annotations

from stackhaven.model.cloud import Node, Role

LAB_CONTROLLER_MB = 2560
"""Measured: a core controller of the lab uses 1.8 to 2.0 GB."""

LAB_OTHER_MB = 1536
"""Measured: a lab compute with one guest uses 0.94 GB."""

LAB_CORES = 2
HOST_MB = 16384
HOST_CORES = 8


def memory_mb(node: Node, *, lab: bool) -> int:
    """Memory in MiB that sizes are derived from."""
    if node.memory_mb is not None:
        return node.memory_mb
    if not lab:
        return HOST_MB
    return LAB_CONTROLLER_MB if Role.CONTROLLER in node.roles else LAB_OTHER_MB


def cores(node: Node, *, lab: bool) -> int:
    """CPU cores that sizes are derived from."""
    if node.cores is not None:
        return node.cores
    return LAB_CORES if lab else HOST_CORES
