"""Steps, resources, the graph and diffs. Knows nothing of OpenStack or SSH."""

from stackhaven.plan.resources import (
    Absent,
    Command,
    Directory,
    File,
    Package,
    Resource,
    Symlink,
    Sysctl,
    Unit,
    Wait,
)
from stackhaven.plan.step import Need, OnFailure, Step, everywhere, here, if_any

__all__ = [
    "Absent",
    "Command",
    "Directory",
    "File",
    "Need",
    "OnFailure",
    "Package",
    "Resource",
    "Step",
    "Symlink",
    "Sysctl",
    "Unit",
    "Wait",
    "everywhere",
    "here",
    "if_any",
]
