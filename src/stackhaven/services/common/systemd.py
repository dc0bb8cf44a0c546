"""Unit files of our own for programs whose packaged units do not fit a cluster.

The packaged OpenStack units want mysql, rabbitmq-server and keystone on the same machine, and bind every address;
a unit of the same name under /etc/systemd/system replaces them as a whole, which is easier to read than overrides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from stackhaven.plan import File

START_TIMEOUT_S = 900


def unit_file(
    name: str,
    *,
    description: str,
    user: str,
    exec_start: str,
    kind: Literal["simple", "notify", "oneshot", "forking"] = "simple",
    runtime_directories: Sequence[str] = (),
    after: Sequence[str] = ("network-online.target",),
    exec_start_pre: Sequence[str] = (),
    exec_stop: str = "",
    exec_stop_post: str = "",
    restart_s: int = 1,
    environment: Sequence[str] = (),
    stop_timeout_s: int = 30,
    kill_signal: str = "",
    service_lines: Sequence[str] = (),
    unit_lines: Sequence[str] = (),
) -> File:
    """A service unit under /etc/systemd/system that is restarted whenever it ends without being asked to."""
    lines = ["[Unit]", f"Description={description}", *(f"After={a}" for a in after)]
    # Without a limit on starts a service that needs another comes up when the other does, however late.
    lines += ["StartLimitIntervalSec=0", *unit_lines, "", "[Service]", f"Type={kind}"]
    if user != "root":
        lines += [f"User={user}", f"Group={user}", f"WorkingDirectory=-/var/lib/{user}"]
    if runtime_directories:
        lines.append("RuntimeDirectory=" + " ".join(runtime_directories))
        lines.append("RuntimeDirectoryPreserve=yes")
    lines += [f"Environment={e}" for e in environment]
    lines += [f"ExecStartPre={p}" for p in exec_start_pre]
    lines.append(f"ExecStart={exec_start}")
    if exec_stop:
        lines.append(f"ExecStop={exec_stop}")
    if exec_stop_post:
        lines.append(f"ExecStopPost={exec_stop_post}")
    if kind == "oneshot":
        lines.append("RemainAfterExit=yes")
    else:
        lines += ["Restart=always", f"RestartSec={restart_s}"]
    if kind == "notify":
        lines.append("NotifyAccess=all")
    if kind == "notify" or exec_start_pre:
        # Who waits for identity or the database while it starts gains nothing by starting again, which costs seconds
        # of processor time.
        lines.append(f"TimeoutStartSec={START_TIMEOUT_S}")
    if kill_signal:
        lines.append(f"KillSignal={kill_signal}")
    lines += [f"TimeoutStopSec={stop_timeout_s}", "LimitNOFILE=65536", *service_lines]
    lines += ["", "[Install]", "WantedBy=multi-user.target", ""]
    return File(path=f"/etc/systemd/system/{name}.service", content="\n".join(lines))


def drop_in(unit: str, content: str) -> File:
    """Our override of a packaged unit that fits otherwise."""
    return File(path=f"/etc/systemd/system/{unit}.service.d/stackhaven.conf", content=content)


BEFORE_OTHERS = (
    # Members of a cluster that wait behind a burst of API work are taken for dead by the others. Which of the three
    # has an effect depends on how the kernel groups processes: by control group, by session, or not at all.
    "CPUWeight=1000\nNice=-10\nExecStartPost=-+/bin/sh -c 'echo -10 > /proc/$MAINPID/autogroup'\n"
)
"""Lines of section ``[Service]`` for what must not wait for a processor."""
