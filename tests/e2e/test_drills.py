"""The short suite of drills on the full cloud: what clients lose must stay near what is promised."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness import Cloud

pytestmark = pytest.mark.e2e

CARRIED_OUT = {0, 1}
"""`haven drill run` kept or missed its promises; any other code says that it could not be carried out."""

TIMES, PLUS = 2.0, 2.0
"""What noise may add to a promise in seconds. One run is judged here, where the table judges a median of five. Of the
28 promises that bench/drills.json has three to five runs of, the worst single run was 2.5 times its promise (7.6 s of
3 s), the worst of these three drills 1.05, and on a busy host 1.4 here (a blackout's first boot after 247 s of 180 s):
five machines share two cores. Two seconds are the resolution of the rarest probe, and of the status that tells when
all members are back."""

BEARABLE = 1.1
"""A host slower than this gets calls by as much less often: the load that a drill is made for takes half of the
reference's processors, and a machine that cannot bear the load alone says nothing about the fault."""

ATTEMPTS = 2
"""A machine that cannot bear the steady load says so before anything is broken, and is given a second chance."""


@pytest.mark.parametrize("drill", ["power-off-busiest", "freeze-writer", "blackout"])
def test_a_drill_keeps_its_promises_but_for_noise(full: Cloud, drill: str) -> None:
    for _ in range(ATTEMPTS):
        assert full.until_status(0, deadline_s=300)
        rate = 1.0 if full.slowness < BEARABLE else max(0.25, 1 / full.slowness)
        done = full.haven("drill", "run", drill, "--json", "--rate", f"{rate:.2f}", timeout_s=1200)
        if done.code in CARRIED_OUT:
            break
    assert done.code in CARRIED_OUT, done.err
    (result,) = json.loads(done.out)["results"]
    missed = [line for line in result["lines"] if not kept_but_for_noise(line, full.slowness)]
    assert not missed, (missed, result["machine"], result["remarks"])


def kept_but_for_noise(line: dict, slowness: float) -> bool:
    """What must never happen (lost writes, two holders) has no allowance, nor has a share that must be reached.

    `slowness`: see `Cloud.slow_as_its_start`; seconds of a slower host are shorter by as much.
    """
    if line["measured"] is None:
        return False
    if line["at_least"] or line["in_each"]:
        return line["kept"]
    return line["measured"] <= slowness * (TIMES * line["must"] + PLUS)
