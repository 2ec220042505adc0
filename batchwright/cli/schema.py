"""`batchwright schema`: the JSON Schema of workflow files and of monitor files, for editors."""

from __future__ import annotations

import json

import click

from chalicelib.core import monitor, workflow


@click.command()
@click.option("--monitors", "of_monitors", is_flag=True, help="That of monitor files, instead.")
def schema(of_monitors: bool) -> None:
    """Print the JSON Schema of workflow files, or of monitor files.

    An editor that knows YAML completes and checks a file that names it in its first line:

        # yaml-language-server: $schema=workflow.schema.json

    \b
    Example:
      batchwright schema --monitors > monitors.schema.json
    """
    found = monitor.json_schema() if of_monitors else workflow.json_schema()
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
