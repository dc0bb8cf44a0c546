"""Host keys of existing hosts: pinned from what the operator has already trusted, never accepted blindly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from stackhaven.design.layout import Layout
from stackhaven.model.cloud import Ssh
from stackhaven.model.secrets import write_owner_only

SSH_PORT = 22
LOOKUP_S = 10


def pin_known_hosts(known_hosts: Path, layout: Layout, operators: Path | None = None) -> None:
    """Copy the keys of hosts that the cloud does not know yet from the operator's known hosts.

    `operators` defaults to ``~/.ssh/known_hosts``. A host in neither file stays unknown, and reaching it fails with
    what to do. Machines of the lab are not looked up: their keys are written when they are made.
    """
    hosts = [node.ssh for node in layout.nodes if node.ssh is not None]
    if not hosts:
        return
    source = operators or Path.home() / ".ssh" / "known_hosts"
    known = known_hosts.read_text(encoding="utf-8") if known_hosts.exists() else ""
    names = {line.split()[0] for line in known.splitlines() if line.strip()}
    missing = [name for name in dict.fromkeys(map(name_of, hosts)) if name not in names]
    found = [line for name in missing for line in _lookup(source, name)]
    if found:
        write_owner_only(known_hosts, known + "".join(f"{line}\n" for line in found))


def name_of(host: Ssh) -> str:
    """A host's name as OpenSSH writes it into a known-hosts file."""
    return host.address if host.port == SSH_PORT else f"[{host.address}]:{host.port}"


def _lookup(source: Path, name: str) -> Iterable[str]:
    """The lines for a host, with its plain name even where the operator's file has hashed names."""
    if not source.exists():
        return
    argv = ["ssh-keygen", "-F", name, "-f", str(source)]
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=LOOKUP_S, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return
    for line in answer.splitlines():
        fields = line.split()
        if len(fields) >= 3 and not line.startswith(("#", "@")):
            yield " ".join((name, *fields[1:3]))
