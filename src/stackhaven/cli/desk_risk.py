"""``haven spof`` and ``haven availability``: what a design cannot lose, and what it can promise."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.desk_files import chosen, heading, open_file, table, write_new
from stackhaven.design.availability.budget import Better, Budget, better, budget
from stackhaven.design.availability.measured import Measured, assumed_still, measured
from stackhaven.design.availability.model import GUEST, NAMES, WHOLE, Model, Result
from stackhaven.design.availability.montecarlo import Simulated, simulate
from stackhaven.design.availability.values import KINDS, Rates, read_rates
from stackhaven.design.draw import draw as draw_view
from stackhaven.design.faulttree import BOOT, REACH, TOKEN
from stackhaven.design.spof import SpofReport, find_spofs
from stackhaven.errors import InputError
from stackhaven.model.source import read_text

RESULT = "result.json"
"""What a drill leaves in its directory."""
LEAST_H = 0.05
"""Repairs shorter than this are told in seconds."""
_PATHS = {"token": TOKEN, "boot": BOOT, "reach": REACH, "guest": GUEST, "whole": WHOLE}


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--k", "order", type=click.IntRange(1, 2), default=1, help="2: also pairs that are lost together."
)
@click.option(
    "--draw",
    "picture",
    type=click.Path(path_type=Path),
    help="Write the physical picture, in red what counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@pass_app
def spof(app: App, *, file: Path | None, order: int, picture: Path | None, as_json: bool) -> int:
    """List what the cloud could not lose.

    FILE is a design or a cloud.yaml; default: ./design.yaml, else ./cloud.yaml. Machines, processes, links, switches,
    power, lines, racks and sites are tried; the deployer and stores with a single copy are listed too.
    """
    opened = open_file(chosen(file, app.file, design_first=True))
    report = find_spofs(opened.topology, order=order)
    if picture is not None:
        marked = [s.element for s in report.critical]
        write_new(picture, draw_view(opened.topology, "physical", marked=marked), force=True)
    if as_json:
        click.echo(json.dumps(report.as_data(), indent=2))
        return 0
    if opened.from_cloud:
        click.echo(
            "a cloud.yaml does not say how racks are wired, nor where shared images live: two switches and two feeds "
            "a rack are assumed, the images' storage is left out"
        )
    _print_singles(report)
    if order > 1:
        _print_pairs(report)
    heading("Hypervisors lost with one element (their guests stop until evacuated)")
    table([(b.kind, b.element, f"{b.hypervisors} ({b.percent:g} %)") for b in report.blast[:8]])
    return 0


def _print_singles(report: SpofReport) -> None:
    heading(f"{len(report.critical)} of {report.elements} elements stop something for users when lost alone")
    for found in report.critical:
        store = ", the only copy of its data" if found.store else ""
        click.echo(f"  {found.kind} {found.element}{store}: stops {_few(found.stops)}")
        click.echo(f"    do: {found.todo}")
    others = [s for s in report.singles if not s.api]
    if others:
        heading("Known and harmless to users at once")
        table(
            [
                (f"{s.kind} {s.element}", f"stops {_few(s.stops)}" + (" (only copy)" if s.store else ""))
                for s in others
            ]
        )


def _print_pairs(report: SpofReport) -> None:
    heading(f"{sum(g.count for g in report.pairs)} pairs stop something when lost together")
    for group in report.pairs[:30]:
        example = ", ".join(f"{one} + {two}" for one, two in group.examples[:2])
        click.echo(
            f"  {group.kinds[0]} + {group.kinds[1]} ({group.count}): stops {_few(group.stops)}; {example}"
        )
    if len(report.pairs) > 30:
        click.echo(f"  and {len(report.pairs) - 30} groups more: --json has all")


def _few(words: tuple[str, ...]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--of", "subject", default="boot", help="token, boot, reach, guest, whole, or a service. Default: boot."
)
@click.option("--rates", type=click.Path(path_type=Path), help="JSON with your failure and repair times.")
@click.option(
    "--measured",
    "drilled",
    type=click.Path(path_type=Path),
    help="What drills measured: a record's directory, or JSON of `drill run --json` or `drill table --keep`.",
)
@click.option("--simulate", "years", type=click.IntRange(20, 100_000), help="Simulate so many years.")
@click.option("--seed", default=1, help="Of the simulation.")
@click.option(
    "--crew", type=click.IntRange(0, 1000), default=0, help="Repairs at the same time; 0: no limit."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@pass_app
def availability(
    app: App,
    *,
    file: Path | None,
    subject: str,
    rates: Path | None,
    drilled: Path | None,
    years: int | None,
    seed: int,
    crew: int,
    as_json: bool,
) -> int:
    """Compute the availability a design can promise.

    FILE is a design or a cloud.yaml; default: ./design.yaml, else ./cloud.yaml. Per service and for a user's path:
    log in, start a guest, reach it. Failure and repair times that nobody measured are assumed, and marked so. With
    --measured it says which value came from which drill, and what is assumed still.
    """
    opened = open_file(chosen(file, app.file, design_first=True))
    values = read_rates(read_text(rates), str(rates)) if rates else Rates()
    known = Measured(rates=values, still_assumed=assumed_still(values))
    if drilled:
        known = _read_measured(values, drilled, {vip.provider for vip in opened.topology.vips.values()})
    values = known.rates
    model = Model(opened.topology, values)
    name = _named(model, subject)
    result = model.result(name)
    promise = budget(opened.design.needs.availability, result, values)
    run = simulate(model, name, years=years, seed=seed, crew=crew) if years else None
    if as_json:
        _print_json(model, result, promise, run, known)
        return 0
    _print_values(values)
    if drilled:
        _print_known(known)
    _print_results(model)
    _print_one(result, promise, run)
    _print_better(result, better(model, name))
    return 0


def _read_measured(values: Rates, path: Path, providers: set[str]) -> Measured:
    """What a file says, or the `result.json` of a drill's directory."""
    file = path / RESULT if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise InputError(
            f"{path} holds no {RESULT}",
            todo=f"name the directory of one drill, such as .haven/CLOUD/drills/{path.name}, or a JSON file",
            rule="availability-values",
        )
    return measured(values, read_text(file), str(file), providers=providers)


def _named(model: Model, subject: str) -> str:
    name = _PATHS.get(subject, subject)
    if name not in model.tree.services:
        known = [k for k, v in _PATHS.items() if v in model.tree.services] + sorted(model.topology.services)
        raise InputError(
            f"this design has no {subject}",
            todo=f"write one of: {', '.join(known)}",
            rule="availability-unknown",
        )
    return name


def _print_values(values: Rates) -> None:
    heading("Values")
    rows = [("", "fails every", "repaired in", "take-over", "from")]
    for kind in KINDS:
        rate = values.of(kind)
        rows.append(
            (
                kind,
                f"{rate.mtbf_h:g} h",
                f"{rate.mttr_h:g} h" if rate.mttr_h >= LEAST_H else f"{3600 * rate.mttr_h:.3g} s",
                f"{rate.outage_s:g} s",
                rate.source.upper() if rate.source == "assumed" else rate.source,
            )
        )
    rows += [
        (f"process of {name}", "", "", f"{over.outage_s:g} s", over.source)
        for name, over in values.services.items()
    ]
    table(rows)
    click.echo(f"  of a member's failures {100 * values.beta:g} % strike all members together (common cause)")


def _print_known(known: Measured) -> None:
    heading("Measured")
    table([(use.value, f"{use.seconds:g} s", use.says) for use in known.uses] or [("nothing of use", "")])
    for says in known.unused:
        click.echo(f"  not used: {says}")
    heading("Still assumed")
    for says in known.still_assumed:
        click.echo(f"  {says}")


def _print_results(model: Model) -> None:
    heading("Availability")
    rows = [("", "members", "availability", "nines", "down a year")]
    rows += [
        (r.title, r.members, _percent(r.availability), f"{r.nines:.2f}", _span(r.seconds_per_year))
        for r in model.all_results()
    ]
    table(rows)


def _print_one(result: Result, promise: Budget, run: Simulated | None) -> None:
    heading(f"What takes time from: {result.title}")
    table([(_span(s.seconds_per_year), s.what) for s in result.shares[:8]])
    if dominant := result.dominant:
        click.echo(f"  {dominant[0]}: {100 * dominant[1]:.0f} % of it")
    heading(f"Budget of {promise.promised_percent:g} %: {_span(promise.seconds_per_year)} a year")
    verdict = "kept" if promise.kept else click.style("NOT kept", fg="red")
    click.echo(
        f"  expected {_span(promise.expected_seconds)}: {verdict}; room for {promise.take_overs} more take-overs"
    )
    if run:
        heading(
            f"{run.years} simulated years, seed {run.seed}" + (f", crew of {run.crew}" if run.crew else "")
        )
        click.echo(
            f"  {_percent(run.availability)}, with 95 % confidence {_percent(run.low)} to {_percent(run.high)}"
        )
        click.echo(f"  {run.outages_per_year:.3g} outages a year, the longest {run.longest_h:g} h")


def _print_better(result: Result, found: Better) -> None:
    heading("What would help")
    rows = []
    for measure in found.measures[:8]:
        price = "" if measure.price is None else f", {measure.price:,.0f} to buy"
        rows.append((_span(measure.seconds_saved), f"{measure.change} ({measure.nines:.2f} nines{price})"))
    table(rows)
    heading("One more nine")
    tenth = 1 - (1 - result.availability) / 10
    enough = found.reached >= tenth - 1e-12
    click.echo(
        f"  {_percent(tenth)} "
        + (
            "is reached by, together:"
            if enough
            else f"is not reached; {_percent(found.reached)} by, together:"
        )
    )
    for change in found.together:
        click.echo(f"    {change}")


def _print_json(
    model: Model, result: Result, promise: Budget, run: Simulated | None, known: Measured
) -> None:
    found = better(model, result.name)
    data = {
        "values": model.rates.model_dump(),
        "assumed": list(model.rates.assumed()),
        "measured": [asdict(use) for use in known.uses],
        "still_assumed": list(known.still_assumed),
        "not_used": list(known.unused),
        "results": [r.as_data() for r in model.all_results()],
        "subject": result.as_data(),
        "dominant": result.dominant,
        "budget": promise.as_data(),
        "simulated": run.as_data() if run else None,
        "measures": [asdict(m) for m in found.measures],
        "one_more_nine": {"changes": list(found.together), "availability": found.reached},
        "names": dict(NAMES),
    }
    click.echo(json.dumps(data, indent=2))


def _percent(value: float) -> str:
    return f"{100 * value:.5f} %"


def _span(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"
