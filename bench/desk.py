"""Times of the design desk for 1,000 hypervisors in 10 racks on 3 sites: ``python bench/desk.py``.

Every figure is the median of several runs of the whole command in a fresh process, start of Python included, as a
person feels it. Targets: size, design, lint, spof each under 5 s on two cores, draw under 10 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
START = "import sys; from stackhaven.cli.main import main; sys.argv[0] = 'haven'; main()"
TARGETS_S = {
    "size": 5,
    "design": 5,
    "lint": 5,
    "lint cloud": 5,
    "spof": 5,
    "spof --k 2": 5,
    "availability": 5,
    "draw": 10,
}


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


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("design.yaml").write_text(json.dumps(design_of_a_thousand()), encoding="utf-8")
        Path("hardware.yaml").write_text(
            (HERE.parent / "examples" / "hardware.yaml").read_text(), encoding="utf-8"
        )
        _run(["design", "--force", "--plan", "full.yaml"])
        hosts = json.loads(_run(["size", "--json"]))["compute"]["hosts"]
        print(f"python bench/desk.py --runs {runs}: {hosts} hypervisors, 10 racks, 3 sites")
        commands = {
            "size": ["size"],
            "design": ["design", "--force"],
            "lint": ["lint", "full.yaml"],
            "lint cloud": ["lint", "cloud.yaml"],
            "spof": ["spof", "full.yaml"],
            "spof --k 2": ["spof", "full.yaml", "--k", "2"],
            "availability": ["availability", "full.yaml"],
            "draw": ["draw", "full.yaml", "--spof"],
        }
        slow = []
        for name, arguments in commands.items():
            timed = [_timed(arguments) for _ in range(runs)]
            median = statistics.median(wall for wall, _ in timed)
            cpu = statistics.median(cpu for _, cpu in timed)
            print(f"{name:14} {median:6.2f} s   ({cpu:.2f} s of CPU; target {TARGETS_S[name]} s)")
            slow += [name] if median > TARGETS_S[name] else []
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    if slow:
        sys.exit(f"over their target: {', '.join(slow)}")


def _run(arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(
            f"haven {' '.join(arguments)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def _timed(arguments: list[str]) -> tuple[float, float]:
    """Seconds on the wall, and of processor time; the two are far apart on a busy machine."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begin, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
