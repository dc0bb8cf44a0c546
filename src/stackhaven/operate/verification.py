"""Verifying a cloud from where its clients are, with the guest image built first and everything removed at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from stackhaven.lab.guest import build_guest
from stackhaven.lab.progress import Progress, silent
from stackhaven.observe.verify.bench import Bench
from stackhaven.observe.verify.check import Check, select
from stackhaven.observe.verify.contents import checks_of, needs_guest_image
from stackhaven.observe.verify.outcome import Report
from stackhaven.observe.verify.runner import Watcher
from stackhaven.observe.verify.verify import verify
from stackhaven.operate.client_side import as_client
from stackhaven.operate.session import Session

TICK_S = 1.0


def all_checks(session: Session) -> tuple[Check, ...]:
    """What a verification of this cloud consists of. Asks nothing."""
    return checks_of(Bench(session.site, build_guest, session.masker))


def verify_cloud(
    session: Session,
    watcher: Watcher,
    *,
    only: Sequence[str] = (),
    keep: bool = False,
    building: Progress = silent,
    tick: Callable[[], None] = lambda: None,
    interrupted: Callable[[Bench, int], None] = lambda _bench, _times: None,
) -> Report:
    """Prove that the cloud works, as a client would see it; no address outside the cloud's networks is contacted.

    Args:
        session: the cloud.
        watcher: hears of checks while they run, from other threads.
        only: names of checks or their beginnings; empty for all.
        keep: leave what was made; the next run removes it.
        building: hears of the guest image being built, if it is not there yet.
        tick: called every second.
        interrupted: called at every Ctrl-C, with the run, now asked to clean up and return, and how many there were.

    Raises:
        HavenError: another run holds the cloud, the lab is down, the guest image cannot be built, no such check.

    """
    bench = Bench(session.site, lambda: build_guest(building), session.masker)
    if needs_guest_image(select(checks_of(bench), only), bench):
        build_guest(building)
    with session.state.lock("haven verify"):
        running = as_client(session.cloud, lambda: verify(bench, watcher, only=only, keep=keep))
        return _await(running, bench, tick, interrupted)


def _await(
    running: Future[Report], bench: Bench, tick: Callable[[], None], interrupted: Callable[[Bench, int], None]
) -> Report:
    times = 0
    while not running.done():
        try:
            wait([running], timeout=TICK_S)
            tick()
        except KeyboardInterrupt:
            times += 1
            bench.stop.set()
            interrupted(bench, times)
    return running.result()
