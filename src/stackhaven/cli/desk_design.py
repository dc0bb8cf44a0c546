"""``haven design``: from wishes to a layout, as a conversation or from a file; and a layout with its reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.desk_files import (
    DESIGN_FILE,
    HARDWARE_FILE,
    Opened,
    as_yaml,
    chosen,
    heading,
    open_file,
    starter_hardware,
    table,
    write_new,
)
from stackhaven.cli.desk_questions import answers
from stackhaven.design.checks import check
from stackhaven.design.plan_keys import page
from stackhaven.design.plan_load import parse_design
from stackhaven.design.to_cloud import Written, cloud_of
from stackhaven.model.finding import Finding, Severity
from stackhaven.model.load import parse_cloud

EXIT_WRONG = 2
SERVICES_SHOWN = 5


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--new", "name", metavar="NAME", help="Begin a design: ask what is needed, write design.yaml.")
@click.option("--yes", is_flag=True, help="With --new: take the default answers.")
@click.option(
    "--hardware", type=click.Path(path_type=Path), help="Catalogue of servers, drives and switches."
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Write the cloud here. Default: ./cloud.yaml."
)
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), help="Write the whole design here, filled in."
)
@click.option("--keys", is_flag=True, help="Print the reference page of design.yaml and hardware.yaml.")
@click.option("--force", is_flag=True, help="Overwrite files.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print as JSON; writes only what --out and --plan name."
)
@pass_app
def design(
    app: App,
    *,
    file: Path | None,
    name: str | None,
    yes: bool,
    hardware: Path | None,
    out: Path | None,
    plan_file: Path | None,
    keys: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Show which service runs where, with which address, and why.

    FILE is a design or a cloud.yaml; default: ./design.yaml, else ./cloud.yaml. From a design, machines, racks,
    networks and services are planned as far as it does not name them, everything is checked, and the cloud.yaml
    that `haven up` builds is written. `--new NAME` begins one by asking.
    """
    if keys:
        click.echo(page(), nl=False)
        return 0
    if name is not None:
        return _begin(name, yes=yes, force=force, out=out or DESIGN_FILE)
    opened = open_file(chosen(file, app.file, design_first=True), hardware)
    findings = check(opened.topology, str(opened.path))
    wrong = any(f.severity is Severity.ERROR for f in findings)
    written = None if wrong or opened.from_cloud else cloud_of(opened.topology)
    if as_json:
        click.echo(json.dumps(_data(opened, findings, written), indent=2))
    else:
        _show(opened, findings)
    if wrong:
        if not as_json:
            click.echo("\nnothing was written: correct the errors above")
        return EXIT_WRONG
    if plan_file is not None:
        _say(
            as_json,
            f"{plan_file} {write_new(plan_file, _plan_text(opened), force=force)}: the design, filled in",
        )
    if written is not None and (out is not None or not as_json):
        _write_cloud(opened, written, out or Path("cloud.yaml"), force=force, quiet=as_json)
    elif not opened.from_cloud and not as_json:
        click.echo("\nno cloud.yaml: the design is on paper only (`target: paper`), or has no controller")
    return 0


def _begin(name: str, *, yes: bool, force: bool, out: Path) -> int:
    text = "# What is wanted. `haven size` and `haven design` read it; every key: `haven design --keys`\n"
    text += as_yaml(answers(name, ask=not yes))
    parse_design(text, str(out))
    click.echo(f"{out} {write_new(out, text, force=force)}")
    catalogue = out.parent / HARDWARE_FILE
    if catalogue.exists():
        click.echo(f"{catalogue} is there already and used")
    else:
        click.echo(
            f"{catalogue} {write_new(catalogue, starter_hardware(), force=False)}: put your own servers in"
        )
    click.echo("next: haven size")
    return 0


def _write_cloud(opened: Opened, written: Written, out: Path, *, force: bool, quiet: bool) -> None:
    text = f"# Written by `haven design` from {opened.path.name}.\n{as_yaml(written.data)}"
    parse_cloud(text, str(out))
    _say(quiet, f"\n{out} {write_new(out, text, force=force)}: valid, {len(written.data['nodes'])} entries")
    for part in written.left_out:
        _say(quiet, f"  only in the design: {part}")
    _say(quiet, "next: haven lint, haven draw, haven spof, haven availability")


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        click.echo(text)


def _plan_text(opened: Opened) -> str:
    data = opened.design.model_dump(mode="json", exclude_defaults=True)
    return as_yaml({"kind": "design", **data})


def _show(opened: Opened, findings: tuple[Finding, ...]) -> None:
    design_ = opened.design
    topology = opened.topology
    click.echo(click.style(design_.title or design_.name, bold=True))
    for note in design_.notes:
        click.echo(f"  {note}")
    if not opened.from_cloud:
        heading("1 Requirements")
        needs = design_.needs
        click.echo(f"  {', '.join(needs.classes)}; {needs.availability:g} %; {needs.business}")
    heading("2 Services: mode, members, why")
    table(
        [
            (
                s.name,
                str(s.mode),
                f"{s.required} of {len(s.members)}",
                f"vip {s.vip}" if s.vip else "",
                s.reason,
            )
            for s in topology.services.values()
        ]
    )
    heading(f"3 Machines: {len(topology.machines)}")
    table(_machine_rows(opened))
    if topology.vips:
        heading("Virtual addresses")
        table([(v.address, v.name, v.provider, ", ".join(v.services)) for v in topology.vips.values()])
    if design_.networks:
        heading("Networks")
        table([(n, str(net.cidr), net.purpose) for n, net in design_.networks.items()])
    for finding in findings:
        click.echo(str(finding))


def _machine_rows(opened: Opened) -> list[tuple[str, ...]]:
    groups: dict[str, list[Any]] = {}
    for machine in opened.topology.machines:
        key = (
            machine.group
            if opened.design.nodes[machine.group].count
            else machine.kind + machine.place + machine.name
        )
        groups.setdefault(key, []).append(machine)
    rows: list[tuple[str, ...]] = []
    for members in groups.values():
        first, last = members[0], members[-1]
        name = first.name if len(members) == 1 else f"{first.name} to {last.name}"
        places = list(dict.fromkeys(m.place for m in members))
        shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
        address = next(iter(first.addresses.values()), "")
        rows.append((name, first.kind, shown, address, _few(first.services)))
    return rows


def _few(services: tuple[str, ...]) -> str:
    more = f" and {len(services) - SERVICES_SHOWN} more" if len(services) > SERVICES_SHOWN else ""
    return ", ".join(services[:SERVICES_SHOWN]) + more


def _data(opened: Opened, findings: tuple[Finding, ...], written: Written | None) -> dict[str, Any]:
    return {
        "design": opened.design.model_dump(mode="json", exclude_defaults=True),
        "services": {
            s.name: {
                "mode": str(s.mode),
                "reason": s.reason,
                "members": list(s.members),
                "required": s.required,
                "needs": list(s.needs),
                "vip": s.vip,
            }
            for s in opened.topology.services.values()
        },
        "machines": [
            {"name": m.name, "kind": m.kind, "place": m.place, "addresses": dict(m.addresses)}
            for m in opened.topology.machines
        ],
        "cloud": written.data if written else None,
        "left_out": list(written.left_out) if written else [],
        "findings": [f.as_data() for f in findings],
    }
