"""A model of members whose power, processes and writes come and go; they decide by the real program.

Every look at a peer is a step of its own, so that a schedule can put anything between two of them. Left out:
partitions of the network, since a member that is not heard is treated like one without power.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from tests.unit.services.programs import program

galera = program("mariadb", "galera_start")
Data = dict[str, Any]


def nothing() -> Data:
    return dict(galera.NOTHING)


@dataclass
class Member:
    name: str
    data: Data = field(default_factory=nothing)
    power: bool = False
    unit: str = "stopped"
    position: Data | None = None
    running: bool = False
    told: str = ""
    clean: bool = True
    view: tuple[int, frozenset[str]] | None = None
    deciding: Generator[None, None, str] | None = None
    said: str = ""


@dataclass
class World:
    """`primary`: the members of the primary component, the writer first; `acknowledged`: commits that clients saw."""

    members: dict[str, Member]
    primary: list[str] = field(default_factory=list)
    uuid: str = ""
    clusters: int = 0
    acknowledged: int = -1
    views: int = 0

    @classmethod
    def of(cls, *names: str) -> World:
        return cls({name: Member(name) for name in names})

    def state(self, name: str) -> dict[str, Any] | None:
        """What the member check of this node answers now."""
        member = self.members[name]
        if not member.power:
            return None
        known = dict(member.data) if member.clean else {**member.data, "seqno": -1}
        return {
            "running": member.running,
            "primary": name in self.primary,
            "status": {"wsrep_cluster_state_uuid": member.data["uuid"]},
            "boot_id": "boot",
            "start": {"phase": member.unit, "position": member.position, "boot_id": "boot"},
            "stored": known,
        }

    def act(self, what: str, name: str) -> None:
        getattr(self, what)(self.members[name])

    def on(self, member: Member) -> None:
        if not member.power:
            member.power = True
            self.begin(member)

    def begin(self, member: Member) -> None:
        if member.power and member.unit == "stopped":
            member.deciding = self.decision(member)

    def cut(self, member: Member) -> None:
        """Power loss: what only the writer had flushed is gone elsewhere."""
        late = member.name in self.primary[1:] and member.data["seqno"] > 0
        if late:
            member.data["seqno"] -= 1
        self.lose(member)
        member.power = False

    def kill(self, member: Member) -> None:
        """mariadbd, or its start, ends; systemd starts it again."""
        if member.power and member.unit != "stopped":
            self.lose(member)
            self.begin(member)

    def stop(self, member: Member) -> None:
        """An orderly stop: the others know that it left."""
        if not member.running:
            return
        if member.name in self.primary:
            self.primary.remove(member.name)
            member.data["safe"] = not self.primary
            self.new_view()
        member.running, member.unit, member.clean, member.view = False, "stopped", True, None

    def lose(self, member: Member) -> None:
        if member.name in self.primary:
            before = len(self.primary)
            self.primary.remove(member.name)
            if 2 * len(self.primary) > before:
                self.catch_up()
                self.new_view()
            else:
                self.primary = []
        if member.running or member.told:
            member.clean = False
        member.running, member.unit, member.deciding, member.position = False, "stopped", None, None

    def write(self, _: Member) -> None:
        if self.primary:
            self.acknowledged += 1
            for name in self.primary:
                self.members[name].data["seqno"] = self.acknowledged

    def tick(self, member: Member) -> None:
        """One look, decision or move of this member."""
        if member.deciding is not None:
            try:
                next(member.deciding)
            except StopIteration as end:
                member.deciding, member.told = None, end.value
        elif member.told and not member.running:
            self.start_daemon(member)

    def decision(self, member: Member) -> Generator[None, None, str]:
        """The order of `settle` and `claimed` in the program."""
        member.unit, member.position, member.told = "deciding", dict(member.data), ""
        others = [name for name in self.members if name != member.name]
        while True:
            seen = yield from self.look(others)
            verb, member.said = galera.decide(member.name, member.position, list(self.members), seen)
            if verb in ("join", "rejoin"):
                member.unit = "starting"
                member.view = None if verb == "join" else member.view
                return str(verb)
            if verb == "bootstrap":
                member.unit = "starting"
                again = yield from self.look(others)
                if not galera.objection(again):
                    member.view, member.data["safe"] = None, True
                    return "bootstrap"
                member.unit = "deciding"
            yield

    def look(self, names: list[str]) -> Generator[None, None, dict[str, Any]]:
        seen = {}
        for name in names:
            seen[name] = self.state(name)
            yield
        return seen

    def start_daemon(self, member: Member) -> None:
        told, member.told = member.told, ""
        if told == "bootstrap":
            self.bootstrap(member)
        elif told == "join":
            self.join(member)
        else:
            member.running, member.clean = True, False
            self.merge()

    def bootstrap(self, member: Member) -> None:
        assert not self.primary, f"{member.name} bootstraps beside {self.primary}"
        assert member.data["seqno"] >= self.acknowledged, "acknowledged commits would be lost"
        if member.data["uuid"] == galera.NO_UUID:
            self.clusters += 1
            member.data = {
                "uuid": f"cluster-{self.clusters}",
                "seqno": max(0, self.acknowledged),
                "safe": True,
            }
        self.acknowledged = member.data["seqno"]
        self.uuid = member.data["uuid"]
        member.running, member.clean = True, False
        self.primary = [member.name]
        self.new_view()

    def join(self, member: Member) -> None:
        if not self.primary:
            member.told = "join"
            self.kill(member)
            return
        member.data = {"uuid": self.uuid, "seqno": self.acknowledged, "safe": False}
        member.running, member.clean = True, False
        self.primary.append(member.name)
        self.new_view()

    def merge(self) -> None:
        """Members without a component form the last one again when all of it are there; others are let in."""
        running = [m for m in self.members.values() if m.running]
        if self.primary:
            self.primary += [m.name for m in running if m.name not in self.primary]
        else:
            views = [m.view for m in running if m.view is not None]
            if not views or not max(views)[1] <= {m.name for m in running}:
                return
            self.primary = sorted((m.name for m in running), key=lambda n: -self.members[n].data["seqno"])
        self.catch_up()
        self.new_view()

    def catch_up(self) -> None:
        highest = max(self.members[n].data["seqno"] for n in self.primary)
        assert highest >= self.acknowledged, "acknowledged commits are lost"
        for name in self.primary:
            self.members[name].data |= {"seqno": highest, "uuid": self.uuid}

    def new_view(self) -> None:
        self.views += 1
        for name in self.primary:
            self.members[name].view = (self.views, frozenset(self.primary))
            self.members[name].data["safe"] = len(self.primary) == 1
