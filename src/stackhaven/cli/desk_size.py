"""``haven size``: machines, drives, ports and limits for a workload."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.desk_files import chosen, heading, load_design, table
from stackhaven.design.sizing import Sizing
from stackhaven.design.sizing import size as compute_size
from stackhaven.design.sizing.documents import examples
from stackhaven.design.units import plain


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--hardware", type=click.Path(path_type=Path), help="Catalogue of servers, drives and switches."
)
@click.option("--documents", is_flag=True, help="Show published worked examples beside our results.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@pass_app
def size(app: App, file: Path | None, hardware: Path | None, documents: bool, as_json: bool) -> int:
    """Compute how many machines a number of guests needs.

    FILE is a design with a `workload`; default: ./design.yaml. Its hardware is in it, in --hardware, or in
    hardware.yaml beside it. Everything is rounded so that the demand is met; what asks for most machines is named.
    """
    if documents:
        return _documents(as_json)
    result = compute_size(load_design(chosen(file, app.file, design_first=True), hardware))
    if as_json:
        click.echo(json.dumps(result.as_data(), indent=2))
        return 0
    _print(result)
    return 0


def _documents(as_json: bool) -> int:
    rows = examples()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return 0
    click.echo("Published worked examples: what they print, what is right, and why.")
    for row in rows:
        sign = click.style("differs", fg="yellow") if row.differs else "agrees"
        click.echo(f"{row.formula}  {row.question}: documents {row.documents}; here {row.ours} ({sign})")
        if row.why:
            click.echo(f"      {row.why}")
    return 0


def _print(result: Sizing) -> None:
    best = result.compute
    grown = f" (today's numbers times {result.growth:.3g})" if result.growth != 1 else ""
    click.echo(f"{result.guests} guests{grown}")
    heading(f"Hypervisors: {best.hosts} x {best.server}")
    click.echo(
        f"  {best.needed} carry all guests, {best.spare} may fail; what asks for most is {best.binding}"
    )
    asked = ", ".join(f"{what} {count}" for what, count in best.asked.items())
    click.echo(f"  hosts each resource alone asks for: {asked}")
    used = ", ".join(f"{what} {100 * share:.1f} %" for what, share in best.used.items())
    click.echo(
        f"  in use with {best.spare} lost: {used}; room for {best.headroom} more guests of the same mix"
    )
    click.echo(f"  a lost host takes {best.blast_percent:g} % of the guests with it")
    if best.cores_per_vm_peak:
        click.echo(f"  a guest at its peak keeps {best.cores_per_vm_peak} cores busy")
    click.echo(f"  memory: {best.sticks_needed} sticks would do, {best.sticks_fitted} are fitted")
    _print_control(result)
    _print_stores(result)
    _print_fabric(result)
    _print_choices(result)
    if result.warnings:
        heading("To know")
        for warning in result.warnings:
            click.echo(f"  {warning}")


def _print_control(result: Sizing) -> None:
    control = result.control
    heading(f"Control plane: {control.controllers} controllers, majority {control.quorum}")
    click.echo(
        f"  loses {control.tolerated} and goes on; {control.workers_per_service} workers per API and controller"
    )
    click.echo(
        f"  database connections: {control.db_connections} (all pools of all controllers on the one writer)"
    )
    click.echo(
        f"  queue: {control.queue_connections} connections, limit on open files {control.queue_nofile} "
        f"({control.queue_used_percent:g} % used with one broker lost)"
    )


def _print_stores(result: Sizing) -> None:
    if result.blocks:
        blocks = result.blocks
        heading(f"Block storage: {blocks.nodes} x {blocks.server}, {blocks.drives} {blocks.drive} drives")
        click.echo(
            f"  {blocks.usable_tb:g} TB in {blocks.replicas} copies on {blocks.raw_tb:g} TB; one host may be lost"
        )
        click.echo(
            f"  {blocks.placement_groups} placement groups to begin with; "
            f"refilling a lost host takes {blocks.refill_hours:g} h"
        )
    if result.objects:
        objects, swift = result.objects, result.objects.swift
        heading(f"Object storage: {swift.nodes} x {objects.server}, {swift.drives} {objects.drive} drives")
        click.echo(f"  {plain(swift.raw_tb)} TB raw in {objects.replicas} copies, {swift.proxies} proxies")
        click.echo(
            f"  partition power {swift.part_power} ({swift.partitions} partitions); "
            f"{swift.cores_per_node} cores per node; refilling a lost node takes {objects.refill_hours:g} h"
        )


def _print_fabric(result: Sizing) -> None:
    fabric = result.fabric
    if fabric is None:
        return
    heading(f"Racks: {fabric.racks} at least, switches: {fabric.switches}")
    click.echo(
        f"  {fabric.servers} servers use {fabric.ports_used} of {fabric.ports} ports, "
        f"{fabric.servers_per_rack} in the fullest rack; server to uplink ports {fabric.oversubscription:g}:1"
    )


def _print_choices(result: Sizing) -> None:
    if len(result.choices) > 1:
        heading("Small or large hosts")
        rows = [("model", "hosts", "lost with one", "headroom", "asks for most", "price")]
        rows += [
            (
                plan.server,
                str(plan.hosts),
                f"{plan.blast_percent:g} %",
                str(plan.headroom),
                plan.binding,
                "" if plan.price is None else f"{plan.price:,.0f}",
            )
            for plan in result.choices
        ]
        table(rows)
    heading("What if")
    table(
        [
            (
                row.change,
                f"{row.hosts} hosts" if row.hosts else "impossible",
                f"{row.difference:+d}",
                row.binding,
            )
            for row in result.sensitivity
        ]
    )
