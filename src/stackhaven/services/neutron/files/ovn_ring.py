#!/usr/bin/python3
"""Has a process of Neutron notice within seconds that another one has gone.

uWSGI imports this before the application. Neutron's processes share OVN's events by a ring: each event is one process's
to handle, and the others leave it to that one. A process is in the ring until it has not been heard for 120 s, and
each remembers the ring for 60 s more. What falls to a dead one meanwhile nobody handles: a third of all new servers, on
three controllers, wait in vain for the news that their port is wired. No setting of Neutron's changes that.
"""

import sys

from neutron.common.ovn import constants

TOUCH_S = 3
GONE_S = 15
"""Five touches: longer than the database takes to change its writer."""

CACHE_S = 3
READS_THEM_ONCE = "neutron.plugins.ml2.drivers.ovn.mech_driver.ovsdb.maintenance"


def hasten():
    """Shorten them, before the one that says how often a process is heard is read."""
    if READS_THEM_ONCE in sys.modules:
        raise ImportError(
            f"{READS_THEM_ONCE} is imported already: who is heard too rarely would be taken for gone"
        )
    constants.HASH_RING_TOUCH_INTERVAL = TOUCH_S
    constants.HASH_RING_NODES_TIMEOUT = GONE_S
    constants.HASH_RING_CACHE_TIMEOUT = CACHE_S


hasten()
