"""API services under uWSGI, bound to the node's own address so that HAProxy can bind the VIP's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stackhaven.design.layout import LayoutNode
from stackhaven.model.cloud import Scalar
from stackhaven.plan import File, Unit
from stackhaven.services.base import Listener, Site
from stackhaven.services.common.ini import render_ini
from stackhaven.services.common.oslo import overrides
from stackhaven.services.common.sizes import workers
from stackhaven.services.common.systemd import unit_file

RUN = "stackhaven-api"
"""Below ``/run``: a directory of each API's own. A file in it says that it wants no new work, and a socket that it does
not stand still (`agent_check.py`)."""

DRAIN_S = 3
"""The balancers ask every 2 s whether a member wants new work. So long they are told before one stops, and before
one that died opens its port again."""

MERCY_S = 5
"""A thread that waits for its next request only notices the end with it; calls that take longer are rare."""

WAITING_CHECKS = 16
"""Calls wait in the balancer; what waits in the program is checks. A program that starts or hangs must not find more of
them, given up long ago, than it answers in a moment."""

CALLS = 4
"""What one process of a service that works in threads answers at once."""

ALWAYS: Mapping[str, Scalar] = {
    "plugins": "python3",
    "enable-threads": True,
    "master": True,
    "lazy-apps": True,
    "thunder-lock": True,
    # What is being answered is answered to the end before the program stops.
    "hook-master-start": "unix_signal:15 gracefully_kill_them_all",
    "worker-reload-mercy": MERCY_S,
    # The balancers' checks would fill the journal.
    "disable-logging": True,
    "log-5xx": True,
    "no-orphans": True,
    "close-on-exec": True,
    "buffer-size": 65535,
    "add-header": "Connection: close",
    "start-time": "%t",
    "stats-minified": True,
    "stats-no-cores": True,
    "stats-no-metrics": True,
}


def in_threads(listener: Listener) -> Listener:
    """A service that answers several calls at once, with a thread to spare that answers checks however many wait.

    There a late answer says that the process stands still, so it is left after two of them.
    """
    return replace(listener, calls=CALLS, inter_ms=1000, check_timeout_ms=1000, fall=2)


def api_files(
    site: Site,
    node: LayoutNode,
    *,
    unit: str,
    user: str,
    port: int,
    wsgi_file: str,
    calls: int = 1,
    exec_start_pre: Sequence[str] = (),
    options: Mapping[str, Scalar] | None = None,
) -> tuple[File, File]:
    """The uWSGI file and the unit of an API. A process that answers several `calls` has a thread more for checks."""
    processes = workers(site.cloud, node)
    here = f"/run/{RUN}/{unit}"
    mark = f"{here}/drain"
    ini = render_ini(
        {
            "uwsgi": {
                "http-socket": f"{node.management}:{port}",
                "wsgi-file": wsgi_file,
                "processes": processes,
                "threads": calls + 1 if calls > 1 else 1,
                "listen": WAITING_CHECKS + 2 * calls * processes,
                "env": f"OS_OSLO_MESSAGING_RABBIT__PROCESSNAME={unit}",
                "name": unit,
                # The port is open long before the application is loaded: whoever is sent there waits.
                "hook-accepting": f"exec:/bin/rm -f {mark}",
                "stats": f"{here}/stats",
                **ALWAYS,
                **(options or {}),
            }
        },
        overrides=overrides(site, f"{unit}-uwsgi.ini"),
    )
    path = f"/etc/stackhaven/uwsgi/{unit}.ini"
    return (
        File(path=path, content=ini),
        unit_file(
            unit,
            description=f"OpenStack {unit}",
            user=user,
            exec_start=f"/usr/bin/uwsgi_python3 --ini {path}",
            kind="notify",
            kill_signal="SIGTERM",
            runtime_directories=(f"{RUN}/{unit}",),
            exec_start_pre=(f"/usr/bin/touch {mark}", *exec_start_pre),
            exec_stop=f"/bin/sh -c 'touch {mark}; sleep {DRAIN_S}'",
            exec_stop_post=f"/usr/bin/touch {mark}",
            restart_s=DRAIN_S,
        ),
    )


def api_unit(unit: str, *config: str) -> Unit:
    """The running API, restarted when one of the files it reads has changed."""
    return Unit(name=f"{unit}.service", watches=(f"/etc/stackhaven/uwsgi/{unit}.ini", *config))
