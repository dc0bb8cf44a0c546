"""``haven draw``: a design as pictures."""

from __future__ import annotations

import json
from pathlib import Path

import click

from stackhaven.cli.context import App, pass_app
from stackhaven.cli.desk_files import chosen, open_file, write_new
from stackhaven.design.draw import VIEWS
from stackhaven.design.draw import draw as draw_view
from stackhaven.design.spof import find_spofs


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("pictures"),
    help="Folder. Default: pictures.",
)
@click.option("--view", type=click.Choice(list(VIEWS)), multiple=True, help="Which pictures. Default: all.")
@click.option("--spof", "mark", is_flag=True, help="Show single points of failure in red.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
@pass_app
def draw(app: App, *, file: Path | None, out: Path, view: tuple[str, ...], mark: bool, as_json: bool) -> int:
    """Draw the cloud.

    FILE is a design or a cloud.yaml; default: ./design.yaml, else ./cloud.yaml. Conceptual (what it offers), logical
    (services and how each stays up), physical (sites, racks, machines) and network pictures are written as SVG;
    pictures of the same design are the same to the byte.
    """
    opened = open_file(chosen(file, app.file, design_first=True))
    marked = [s.element for s in find_spofs(opened.topology).critical] if mark else []
    names = []
    for name in view or tuple(VIEWS):
        path = out / f"{opened.design.name}-{name}.svg"
        write_new(path, draw_view(opened.topology, name, marked=marked), force=True)
        names.append(str(path))
    click.echo(json.dumps(names) if as_json else "\n".join(names))
    return 0
