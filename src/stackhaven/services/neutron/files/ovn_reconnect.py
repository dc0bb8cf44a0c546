#!/usr/bin/python3
"""Has a process of Neutron ask again soon when a connection to OVN's databases is lost.

uWSGI imports this before the application. The client library pauses 1, 2, 4, then 8 s between attempts, whoever it
asks next. Neutron writes only to the leader: one attempt at the dead one, one at a member that does not lead, and the
call that waits for it is 7 s late. No setting of Neutron's changes that.
"""

import ovs.reconnect

FIRST_MS = 100
MOST_MS = 800


class Soon(ovs.reconnect.Reconnect):
    """The library's own, with shorter pauses; `set_backoff` allows none below a second."""

    def __init__(self, now):
        super().__init__(now)
        self.min_backoff, self.max_backoff = FIRST_MS, MOST_MS


ovs.reconnect.Reconnect = Soon
