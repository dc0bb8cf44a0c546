"""What one does in a drill, in an operator's verbs. Every verb waits with a limit and writes down what it did."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from stackhaven.drills import guard
from stackhaven.drills.deeds import Strike
from stackhaven.drills.errors import DrillError
from stackhaven.drills.ground import Ground
from stackhaven.drills.hands import Hands
from stackhaven.drills.history import Recorder
from stackhaven.drills.load.client import Client
from stackhaven.drills.load.groups import GUESTS, possible
from stackhaven.drills.load.guests import Guests
from stackhaven.drills.load.ledger import apis, sweep
from stackhaven.drills.load.loop import Load, Probe, rehearse
from stackhaven.drills.load.place import there
from stackhaven.drills.scene import scene_of
from stackhaven.drills.targets import Scene
from stackhaven.drills.watch.base import Watcher
from stackhaven.drills.watch.lab import MemberWatcher, VipWatcher
from stackhaven.drills.watch.machine import CpuWatcher
from stackhaven.drills.watch.status import StatusWatcher, degrading, status_of
from stackhaven.observe.api import ApiError, sign_in
from stackhaven.observe.status.facts import CloudFacts
from stackhaven.services.common.ports import KEYSTONE

SIGN_IN_S = 10.0
PAUSE_S = 3.0
AGAIN_S = 0.5
SHOWN = 4
THERE_S = 600.0
GUESTS_S = 900.0
PREPARED_S = 120.0
T = TypeVar("T")

Tell = Callable[[str], None]


class Stage:
    """One cloud on which drills are performed, one after another. `tell` hears what happens, in sentences."""

    def __init__(self, ground: Ground, tell: Tell) -> None:
        self.ground = ground
        self.hands = Hands(ground)
        self.tell = tell

    def heal_what_is_left(self) -> bool:
        """Put right what a drill that was killed has left broken. Whether there was anything.

        Raises:
            HealError: it could not be put right.

        """
        left = guard.pending(self.ground.drills)
        if left is None:
            return False
        since = time.strftime("%H:%M:%S", time.localtime(left.since))
        self.tell(f"a drill that was killed has left its fault of {since}: {left.says}. Healing it first.")
        guard.heal(self.ground.drills, self.hands)
        self.tell("healed")
        return True

    def require_healthy(self, *, anyway: bool) -> Scene:
        """Look at the cloud; gives who plays which role.

        Raises:
            DrillError: rule ``degraded``, unless `anyway`: what is measured on it would not be the drill's doing.

        """
        facts, findings = status_of(self.ground)
        wrong = [finding.what for finding in degrading(findings)]
        if wrong and not anyway:
            raise DrillError(
                f"the cloud is not healthy: {'; '.join(wrong[:SHOWN])}",
                why="a fault on top of this one would measure both, and may take away what is left",
                todo="haven status says what to do; or run the drill with --anyway",
                rule="degraded",
            )
        return self._scene(facts)

    def scene(self) -> Scene:
        """Who plays which role now."""
        return self._scene(status_of(self.ground)[0])

    def _scene(self, facts: CloudFacts) -> Scene:
        return scene_of(self.ground, self.hands, facts.nodes, seed=int(time.time()))

    def await_health(self, timeout_s: float) -> None:
        """Wait for a cloud that recovers from the last drill; a cloud that does not is for `require_healthy`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and degrading(status_of(self.ground)[1]):
            time.sleep(PAUSE_S)

    def client(self) -> Client:
        """An administrator signed in from where clients stand.

        Raises:
            DrillError: rule ``probe-unreachable``.

        """
        site = self.ground.site
        vip = site.layout.vip_public
        auth_url = f"http://{vip}:{KEYSTONE}/v3"
        password = site.secrets["keystone.admin"]

        try:
            api = self.ground.as_client(
                lambda: sign_in(auth_url, password=password, region=site.cloud.region, timeout_s=SIGN_IN_S)
            ).result(2 * SIGN_IN_S)
        except (ApiError, FutureTimeoutError) as error:
            raise DrillError(
                f"the load cannot sign in before anything is broken: {error}", rule="probe-unreachable"
            ) from None
        return Client(
            auth_url=auth_url,
            password=password,
            region=site.cloud.region,
            endpoints=api.endpoints,
            dashboard=f"http://{vip}/auth/login/",
            token=api.token,
        )

    @property
    def services(self) -> frozenset[str]:
        """What this cloud runs."""
        return frozenset(declared.name for declared in self.ground.site.declared)

    def possible(self, names: Sequence[str]) -> tuple[str, ...]:
        """The probes for which this cloud has services; the others are told.

        Raises:
            DrillError: rule ``drill-load``, there is none.

        """
        found = possible(names, self.services)
        if not found:
            raise DrillError(
                f"nothing can be asked of this cloud by {', '.join(names)}",
                why=f"it runs {', '.join(sorted(self.services))} only",
                rule="drill-load",
            )
        if missing := [name for name in names if name not in found]:
            self.tell(f"not asked, because this cloud has no such service: {', '.join(missing)}")
        return found

    def rehearse(self, probes: Sequence[Probe], client: Client) -> None:
        """Have every probe succeed once.

        Raises:
            DrillError: rule ``probe-unreachable``: an error of the drill, not an outage.

        """
        failed = rehearse(probes, client, self.ground.stand)
        if failed:
            said = "; ".join(f"{name}: {why}" for name, why in failed.items())
            raise DrillError(
                f"probes fail before anything is broken: {said}",
                why="what they would measure is not the fault's doing",
                todo="haven verify; then the drill again",
                rule="probe-unreachable",
            )

    def tidy(self, client: Client) -> None:
        """Delete what drills made through the APIs; what cannot be deleted is told."""
        stuck = self.there(lambda: sweep(client, apis("", self.services)))
        if stuck:
            self.tell(f"not deleted, the next drill tries again: {', '.join(stuck[:SHOWN])}")

    def there(self, work: Callable[[], Awaitable[T]]) -> T:
        """What asynchronous `work` gives, done where clients stand."""
        return there(self.ground.stand, work, timeout_s=THERE_S)

    @contextmanager
    def guests(self, names: Sequence[str]) -> Iterator[Guests | None]:
        """Have what these probes need of guests for the block: two that run, or what a server is made from.

        Raises:
            DrillError: rule ``probe-unreachable``, they cannot be made.
            HavenError: their image cannot be built.

        """
        wanted = set(names) & set(GUESTS)
        if not wanted:
            yield None
            return
        guests = Guests(self.ground.site, self.ground.masker, self.tell, running=wanted != {"boot"})
        guests.prepare()
        self.ground.as_client(guests.make).result(GUESTS_S)
        try:
            yield guests
        finally:
            self.ground.as_client(guests.remove).result(GUESTS_S)

    @contextmanager
    def prepared(self, strike: Strike) -> Iterator[None]:
        """Have what the fault needs made ready, and undone after the block; the way back is on disk first.

        Raises:
            DrillError: it cannot be made ready, or the cloud is not whole with it.

        """
        if not strike.prepare:
            yield
            return
        guard.write_down(self.ground.drills, strike)
        try:
            for deed in strike.prepare:
                self.tell(deed.says)
                self.hands.do(deed)
            self.await_health(PREPARED_S)
            self.require_healthy(anyway=False)
            yield
        finally:
            guard.heal(self.ground.drills, self.hands)

    @contextmanager
    def watched(self, recorder: Recorder) -> Iterator[StatusWatcher]:
        """Have all watchers look for the block."""
        status = StatusWatcher(self.ground, recorder)
        watchers: list[Watcher] = [CpuWatcher(recorder), status]
        if self.ground.in_lab:
            watchers.append(VipWatcher(self.ground, recorder))
            watchers += [
                MemberWatcher(self.ground, recorder, node.name) for node in self.ground.layout.controllers
            ]
        with ExitStack() as stack:
            for watcher in watchers:
                watcher.start()
                stack.callback(watcher.stop)
            yield status

    @contextmanager
    def loaded(self, probes: Sequence[Probe], client: Client, recorder: Recorder) -> Iterator[None]:
        """Have all probes call for the block."""
        load = Load(probes, client, recorder, self.ground.stand)
        recorder.event("load-begins", f"{len(probes)} probes begin")
        load.start()
        try:
            yield
        finally:
            recorder.event("load-ends", "no more calls")
            load.stop()

    def require_steady(self, recorder: Recorder, *, anyway: bool) -> None:
        """Have no probe failing under the load that is to go on through the fault.

        Raises:
            DrillError: rule ``not-steady``, unless `anyway`: the machine or the cloud cannot bear the load itself.

        """
        failed = recorder.failures()
        if failed and not anyway:
            said = ", ".join(f"{count} {name}" for name, count in failed.items())
            raise DrillError(
                f"calls fail before anything is broken: {said}",
                why="the machine is too busy for this load, so that nothing measured would be the fault's doing",
                todo="give it rest, and repeat the drill; or --anyway",
                rule="not-steady",
            )

    @contextmanager
    def broken(self, strike: Strike, fault: str, recorder: Recorder) -> Iterator[None]:
        """Have the fault in effect for the block; see `guard.broken`."""

        def heard(kind: str) -> None:
            if kind == "patience":
                self.tell("patience: what was broken is being healed first")
                return
            recorder.event(kind, strike.says, fault=fault, nodes=list(strike.nodes))
            self.tell({"inject": strike.says, "heal": "healing"}.get(kind, kind))

        with guard.broken(self.ground.drills, self.hands, strike, tell=heard):
            yield

    def hold(self, seconds: float, why: str) -> None:
        """Let time pass."""
        self.tell(f"{why} for {seconds:.0f} s")
        time.sleep(seconds)

    def wait_for_success(self, probe: str, recorder: Recorder, *, after: float, timeout_s: float) -> bool:
        """Wait until a call of this probe has succeeded after that time. Whether it came to that."""
        ends = recorder.now() + timeout_s
        while not recorder.succeeded(probe, after) and recorder.now() < ends:
            time.sleep(AGAIN_S)
        return recorder.succeeded(probe, after)

    def wait_until_whole(
        self, status: StatusWatcher, recorder: Recorder, *, after: float, timeout_s: float
    ) -> bool:
        """Wait until status finds nothing degraded. Whether it came to that."""
        at = status.whole_after(after, timeout_s)
        if at is None:
            missing = "; ".join(status.degraded[:SHOWN])
            recorder.event("note", f"not whole after {timeout_s:.0f} s: {missing}")
            self.tell(f"NOT whole after {timeout_s:.0f} s: {missing}")
            return False
        recorder.event("whole", "every member is back")
        self.tell(f"whole again after {at - after:.0f} s")
        return True
