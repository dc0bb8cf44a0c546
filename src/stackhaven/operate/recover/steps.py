"""From a move to what carries it out: steps of a plan, run by the engine like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files

from stackhaven.design.layout import Layout
from stackhaven.operate.recover.move import Kind, Move
from stackhaven.plan import Command, File, Resource, Step
from stackhaven.services.common.script import LIB

PROGRAM = f"{LIB}/recovery"
SHORT_S, LONG_S, TRANSFER_S = 120.0, 600.0, 3900.0
UNITS = {"database": "mariadb.service", "queue": "rabbitmq-server.service"}
LIMITS_S: Mapping[Kind, float] = {Kind.COPY: TRANSFER_S, Kind.RESEED: TRANSFER_S, Kind.START: SHORT_S}


def steps_of(move: Move, layout: Layout) -> tuple[Step, ...]:
    """The step that makes this move; on several nodes at the same time for a start or a stop. Pure."""

    def resources(node: str) -> tuple[Resource, ...]:
        arguments = (move.kind.value.replace(" ", "-"), *_arguments(move, node, layout))
        return (
            File(path=PROGRAM, content=program_text(), mode=0o755),
            Command(
                what=move.sentence,
                check=(PROGRAM, "check", *arguments),
                apply=(PROGRAM, "apply", *arguments),
                timeout_s=LIMITS_S.get(move.kind, LONG_S),
            ),
        )

    return (Step(name=f"recover.{move.name}", title=move.sentence, nodes=move.nodes, resources=resources),)


def program_text() -> str:
    """The program for nodes."""
    return files("stackhaven.operate.recover").joinpath("program.py").read_text("utf-8")


def _arguments(move: Move, node: str, layout: Layout) -> tuple[str, ...]:
    details = move.details
    address = layout.node(node).management
    database = details.get("database", "")
    unit = f"ovn-ovsdb-server-{database}.service" if database else UNITS.get(move.area, "")
    peer = next((n.name for n in layout.controllers if n.name != node), node)
    arguments: Mapping[Kind, Callable[[], tuple[str, ...]]] = {
        Kind.START: lambda: (unit,),
        Kind.STOP: lambda: (unit,),
        Kind.COPY: lambda: (details["position"],),
        Kind.BOOTSTRAP: lambda: (address, details["position"]),
        Kind.RESEED: lambda: (address,),
        Kind.FORCE_BOOT: tuple,
        Kind.FORGET: lambda: (details["broker"],),
        Kind.RESET: lambda: (details.get("peer", peer),),
        Kind.GROW: lambda: (node, *details["queues"].splitlines()),
        Kind.KICK: lambda: (database, details["server"]),
        Kind.REJOIN: lambda: (
            database,
            details["cluster"],
            details["local"],
            *details["peers"].split(),
        ),
        Kind.FOUND: lambda: (database, address),
        Kind.SWEEP: lambda: tuple(details["servers"].split()),
        Kind.RESTART: lambda: (details["unit"], details["since"]),
    }
    return arguments[move.kind]()
