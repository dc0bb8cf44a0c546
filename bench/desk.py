"""Times of the design desk for about 1,000 hypervisors in 10 racks on 3 sites.

Also alone: ``python -m bench.desk``. Every sample is the whole command in a fresh process, start of Python included,
as a person feels it.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.row import ROOT, Done, Measured, Row, timed

if TYPE_CHECKING:
    from bench.ground import Ground

HAVEN = str(Path(sys.executable).with_name("haven"))
COMMANDS = {
    "size": (["size", "design.yaml"], 5),
    "design": (["design", "design.yaml", "--out", "again.yaml", "--force"], 5),
    "lint of the design": (["lint", "full.yaml"], 5),
    "lint of its cloud.yaml": (["lint", "thousand.yaml"], 5),
    "spof": (["spof", "full.yaml"], 5),
    "spof --k 2": (["spof", "full.yaml", "--k", "2"], 5),
    "availability": (["availability", "full.yaml"], 5),
    "draw": (["draw", "full.yaml", "--spof", "--out", "pictures"], 10),
}
FILES = {"design.yaml", "full.yaml", "thousand.yaml", "again.yaml", "pictures"}
"""Arguments that are files of the bench's own folder."""


def design_of_a_thousand() -> dict[str, Any]:
    """Guests that need about 1,000 middle servers, on three sites of 4, 3 and 3 racks."""
    sites = {"east": 4, "north": 3, "west": 3}
    return {
        "kind": "design",
        "name": "thousand",
        "needs": {"classes": ["identity", "compute", "network", "image", "dashboard", "block", "object"]},
        "sites": {
            name: {"racks": {f"r{n}": {} for n in range(1, racks + 1)}, "core": ["core1", "core2"]}
            for name, racks in sites.items()
        },
        "workload": {
            "flavors": {
                "small": {"count": 30_000, "vcpus": 1, "ram": "4 GiB", "disk": "20 GB"},
                "middle": {"count": 20_000, "vcpus": 2, "ram": "8 GiB", "disk": "40 GB", "volume": "50 GB"},
                "large": {"count": 6_000, "vcpus": 8, "ram": "32 GiB", "disk": "80 GB", "volume": "200 GB"},
            },
            "spare_hosts": 10,
            "compute_server": "middle",
            "objects": {"usable": "2000 TB", "zones": 3},
        },
    }


def measure(folder: Path, rounds: int) -> tuple[Measured, ...]:
    """Every command of the desk, `rounds` times."""
    (folder / "design.yaml").write_text(json.dumps(design_of_a_thousand()), encoding="utf-8")
    catalogue = (ROOT / "examples" / "hardware.yaml").read_text(encoding="utf-8")
    (folder / "hardware.yaml").write_text(catalogue, encoding="utf-8")
    _haven(folder, ["design", "design.yaml", "--out", "thousand.yaml", "--plan", "full.yaml", "--force"])
    hosts = json.loads(_haven(folder, ["size", "design.yaml", "--json"]).out)["compute"]["hosts"]
    return tuple(_measured(folder, name, hosts, rounds) for name in COMMANDS)


def _measured(folder: Path, name: str, hosts: int, rounds: int) -> Measured:
    arguments, must = COMMANDS[name]
    runs = [_haven(folder, arguments) for _ in range(rounds)]
    return Measured(
        what=f"{name}: {hosts} hypervisors, 10 racks, 3 sites",
        unit="s",
        samples=tuple(done.seconds for done in runs),
        cpu_s=tuple(done.cpu_s for done in runs),
        command=f"haven {' '.join(arguments)}",
        must=must,
    )


def _haven(folder: Path, arguments: Sequence[str]) -> Done:
    placed = [str(folder / a) if a in FILES else a for a in arguments]
    return timed([HAVEN, *placed], timeout_s=120)


def desk(ground: Ground) -> Sequence[Measured]:
    """The desk's row of the page."""
    return measure(ground.folder, ground.rounds(5))


ROWS = (Row(name="desk", title="the design desk at 1,000 hypervisors", measure=desk),)


def main() -> None:
    """Print the medians; exit code 1 when one is over its target."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), 5)
    for row in rows:
        cpu = statistics.median(row.cpu_s)
        print(f"{row.median:6.2f} s  ({cpu:.2f} s of CPU, target {row.must:g} s)  {row.what}  {row.command}")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    sys.exit(any(row.must is not None and row.median > row.must for row in rows))


if __name__ == "__main__":
    main()
