"""`batchwright schema`: the JSON Schema of workflow files, for editors."""

from __future__ import annotations

import json

import click

from chalicelib.core.workflow import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of workflow files.

    An editor that knows YAML completes and checks a file that names it in its first line:

        # yaml-language-server: $schema=workflow.schema.json
    """
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
