"""The machines of a cloud before anything is put on them: a lab is made and its host keys pinned."""

from __future__ import annotations

from stackhaven.lab.choice import image_for
from stackhaven.lab.home import Home
from stackhaven.lab.lab import Lab
from stackhaven.lab.progress import Progress, silent
from stackhaven.lab.recipe import RECIPES
from stackhaven.lab.spec import spec_of
from stackhaven.model.secrets import write_owner_only
from stackhaven.operate.session import Session


def ensure_machines(session: Session, progress: Progress = silent) -> None:
    """Have every machine of a lab running and its host key known; existing hosts are left as they are.

    Raises:
        HavenError: the image cannot be built, or a machine does not come up.

    """
    if session.cloud.lab is None:
        return
    home = Home.of_environment()
    lab = Lab(spec_of(session.layout), home)
    keys = lab.up(
        image_for(lab, RECIPES[session.cloud.lab.image], progress),
        authorized_key=session.state.public_key,
        bmc_passwords={
            n.name: session.site.secrets[n.bmc.password_name] for n in session.layout.nodes if n.bmc
        },
        progress=progress,
    )
    lines = [f"{node.management} {keys[node.name]}\n" for node in session.layout.nodes if node.name in keys]
    write_owner_only(session.state.known_hosts, "".join(lines))
