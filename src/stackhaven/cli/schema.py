"""``haven schema``: the JSON Schema of cloud.yaml."""

from __future__ import annotations

import json

import click

from stackhaven.model.schema import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of cloud.yaml, for editors.

    Editors with a YAML language server complete and check keys while you type when the file begins with
    `# yaml-language-server: $schema=cloud.schema.json`, and this output is stored under that name.
    """
    click.echo(json.dumps(json_schema(), indent=2))
