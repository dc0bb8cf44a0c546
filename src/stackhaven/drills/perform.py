"""One drill from its first look to its report: steady state, fault, healing, verdict."""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from stackhaven.drills.deeds import OnNode
from stackhaven.drills.drill import Drill
from stackhaven.drills.errors import DrillError
from stackhaven.drills.faults.base import Victim
from stackhaven.drills.history import Header, History, Recorder, read_history
from stackhaven.drills.judge.verdict import Result, judge
from stackhaven.drills.load.client import Client
from stackhaven.drills.load.groups import chosen, names_of
from stackhaven.drills.load.guests import Count, Guests
from stackhaven.drills.load.ledger import Ledger, apis
from stackhaven.drills.load.loop import Probe
from stackhaven.drills.load.probes import READS
from stackhaven.drills.report.page import page
from stackhaven.drills.stage import Stage
from stackhaven.drills.targets import Scene, victim_of
from stackhaven.model.secrets import write_owner_only

NICE = -15
LOG_LINES = 20_000
LOG_S = 60.0
RESULT = "result.json"
REPORT = "report.html"


def perform(stage: Stage, drill: Drill, *, anyway: bool = False) -> tuple[Path, Result]:
    """Carry the drill out; gives its directory and result. The caller holds the cloud's lock.

    Raises:
        DrillError: it could not be carried out; nothing stays broken.
        HealError: something stays broken.

    """
    stage.heal_what_is_left()
    require_allowed(stage, drill)
    scene = stage.require_healthy(anyway=anyway)
    client = stage.client()
    stage.tidy(client)
    names = stage.possible(names_of(drill.load))
    with undisturbed(), stage.guests(names) as guests:
        if guests is not None:
            # Only now is there a router, and with it a gateway.
            scene = stage.scene()
        directory = new_directory(stage.ground.drills, drill.name)
        recorder = Recorder(directory)
        try:
            _record(Play(stage, drill, scene, client, guests, recorder, names, anyway))
        except KeyboardInterrupt:
            recorder.event("note", "interrupted")
            raise DrillError(
                "interrupted; what was broken is healed", todo=f"haven drill judge {directory}"
            ) from None
        finally:
            recorder.close()
        keep_logs(stage, directory, recorder.began)
        return directory, judge_again(directory)


@dataclass(frozen=True)
class Play:
    """Everything that one performance has."""

    stage: Stage
    drill: Drill
    scene: Scene
    client: Client
    guests: Guests | None
    recorder: Recorder
    names: tuple[str, ...]
    anyway: bool

    @property
    def victim(self) -> Victim:
        """Whom the fault hits; the same one each time it is asked."""
        return victim_of(self.scene, self.drill.target, self.drill.program)


def _record(play: Play) -> None:
    stage, client, recorder = play.stage, play.client, play.recorder
    key = stage.ground.state.public_key
    ledger = Ledger(run=secrets.token_hex(3), recorder=recorder, apis=apis(key, stage.services))
    offered = (*READS, *ledger.probes(), *_guest_probes(play))
    rate = play.drill.rate
    probes = [replace(one, period_s=one.period_s / rate) for one in chosen(play.names, offered)]
    recorder.add(header(stage, play.drill, probes))
    stage.rehearse(probes, client)
    guests = play.guests
    before = None if guests is None else stage.there(lambda: guests.count(client))
    _break_and_heal(play, probes)
    if guests is not None and before is not None:
        _count_lost(play, guests, before)
    stage.there(lambda: ledger.audit(client))
    stage.tidy(client)


def _guest_probes(play: Play) -> tuple[Probe, ...]:
    """Servers are asked for after healing only where that is promised: each costs a hypervisor of a lab a processor."""
    if play.guests is None:
        return ()
    return play.guests.probes(play.victim.nodes, first_boot=play.drill.promises_a_boot)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Go before the machines of a lab on the same host: an observer that waits for them would measure itself.

    Kernels that group processes by session weigh this whole session; what it weighed before is put back.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    group = Path("/proc/self/autogroup")
    before = None
    with suppress(OSError, IndexError):
        before = group.read_text(encoding="ascii").split()[-1]
        group.write_text(str(NICE), encoding="ascii")
    try:
        yield
    finally:
        with suppress(OSError):
            if before is not None:
                group.write_text(before, encoding="ascii")


def _count_lost(play: Play, guests: Guests, before: Count) -> None:
    """What was lost from guest to guest, as the guest itself counted."""
    after = play.stage.there(lambda: guests.count(play.client))
    if after is None:
        play.recorder.event("note", "the guest does not tell what it counted")
        return
    lost, sent = after.lost_since(before), after.sent - before.sent
    play.recorder.event(
        "measured", f"{lost} of {sent} packets from guest to guest were lost", what="guest_lost", value=lost
    )


def require_allowed(stage: Stage, drill: Drill) -> None:
    """Refuse on existing hosts what cannot be done there.

    Raises:
        DrillError: rule ``drill-lab-only``.

    """
    if not stage.ground.in_lab and drill.fault.lab_only:
        raise DrillError(
            f"{drill.fault.name} works in a lab only", why=drill.fault.lab_only, rule="drill-lab-only"
        )


def _break_and_heal(play: Play, probes: Sequence[Probe]) -> None:
    stage, drill, recorder = play.stage, play.drill, play.recorder
    strike = drill.fault.aim(stage.ground, play.victim)
    roles = ", ".join(f"{role} {node}" for role, node in play.scene.holders.items())
    recorder.event("note", f"roles: {roles}; seed {play.scene.seed}")
    with (
        stage.prepared(strike),
        stage.watched(recorder) as status,
        stage.loaded(probes, play.client, recorder),
    ):
        stage.hold(drill.before_s, "steady load")
        stage.require_steady(recorder, anyway=play.anyway)
        with stage.broken(strike, drill.fault.name, recorder):
            since = recorder.now()
            if drill.fault.mends_itself:
                recorder.event("repair-begins", "the cloud is left to itself")
            stage.hold(drill.hold_s, "the fault stays")
            if drill.fault.mends_itself:
                stage.wait_until_whole(status, recorder, after=since, timeout_s=drill.whole_s)
        if not drill.fault.mends_itself:
            healed = recorder.now()
            stage.wait_until_whole(status, recorder, after=healed, timeout_s=drill.whole_s)
            if drill.promises_a_boot:
                stage.wait_for_success("boot", recorder, after=healed, timeout_s=drill.whole_s)
        stage.hold(drill.after_s, "load goes on")


def header(stage: Stage, drill: Drill, probes: Sequence[Probe]) -> Header:
    """What the record begins with."""
    return Header(
        cloud=stage.ground.name,
        drill=drill.as_data(),
        began=time.time(),
        periods_s={probe.name: probe.period_s for probe in probes},
        machine={
            "kernel": platform.release(),
            "nodes": [node.name for node in stage.ground.layout.nodes],
            "vip_provider": stage.ground.site.cloud.vip.provider,
        },
    )


def new_directory(drills: Path, name: str) -> Path:
    """A directory of its own, named after the time and the drill."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    directory = drills / f"{stamp}-{name}"
    directory.mkdir(mode=0o700, parents=True)
    return directory


def judge_again(directory: Path) -> Result:
    """Judge a record, however old, and write result and report anew."""
    history = read_history(directory)
    result = judge(history)
    write(directory, history, result)
    return result


def write(directory: Path, history: History, result: Result) -> None:
    """The result as data and as a page."""
    write_owner_only(directory / RESULT, json.dumps(result.as_data(), indent=2) + "\n")
    write_owner_only(directory / REPORT, page(history, result))


def keep_logs(stage: Stage, directory: Path, began: float) -> None:
    """What every node's journal says of the time of the drill; a node that cannot be asked is left out."""
    logs = directory / "logs"
    logs.mkdir(mode=0o700)
    script = (
        f"journalctl --quiet --no-pager --output=short-iso-precise --since=@{began:.0f} --lines={LOG_LINES}"
    )

    def fetch(node: str) -> None:
        with suppress(DrillError):
            text = stage.hands.do(OnNode(node=node, script=script, says="read the journal", timeout_s=LOG_S))
            write_owner_only(logs / f"{node}.log", stage.ground.masker(text))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, (node.name for node in stage.ground.layout.nodes)))
