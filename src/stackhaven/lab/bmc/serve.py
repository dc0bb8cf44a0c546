"""The process of a lab's virtual BMCs: ``python -m stackhaven.lab.bmc.serve SETTINGS``. Started by `control`."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from stackhaven.lab.bmc.ipmi import IpmiBmc, serve_forever
from stackhaven.lab.bmc.redfish import RedfishServer, System
from stackhaven.lab.bmc.settings import BmcSettings, from_text
from stackhaven.lab.bmc.switch import Switch
from stackhaven.lab.home import Home
from stackhaven.lab.lab import Lab
from stackhaven.lab.reach import enter_hub


def main() -> None:
    """Serve until killed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings = from_text(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # A namespace of the network only: mounts and control groups stay the host's, where nodes live.
    enter_hub(settings.spec.name)
    bmcs = listen(settings, Lab(settings.spec, Home(settings.home)))
    logging.getLogger(__name__).info("serving %d BMCs", len(bmcs))
    serve_forever()


def listen(settings: BmcSettings, lab: Lab) -> tuple[IpmiBmc, ...]:
    """Open both services of every node; Redfish is answered from here on, IPMI by `serve_forever`."""
    bmcs = []
    for node in settings.spec.nodes:
        if node.bmc is None:
            continue
        switch = Switch(lab, node.name)
        uuid = uuid5(NAMESPACE_OID, node.machine)
        password = settings.passwords[node.name]
        bmcs.append(
            IpmiBmc(switch, address=node.bmc.address, user=node.bmc.user, password=password, uuid=uuid)
        )
        server = RedfishServer(
            System(switch, uuid),
            address=node.bmc.address,
            user=node.bmc.user,
            password=password,
            certificate=settings.certificate,
        )
        threading.Thread(target=server.serve_forever, name=f"Redfish of {node.name}", daemon=True).start()
    return tuple(bmcs)


if __name__ == "__main__":
    main()
