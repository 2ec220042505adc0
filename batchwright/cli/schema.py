"""`batchwright schema`: the JSON Schema of workflow files, for editors, and of notices, for who receives them."""

from __future__ import annotations

import json

import click

from chalicelib.core.notice_schema import notice_json_schema
from chalicelib.core.workflow import json_schema


@click.command()
@click.option("--notice", "of_notice", is_flag=True, help="Of notices, as queues and functions receive them.")
def schema(of_notice: bool) -> None:
    """Print the JSON Schema of workflow files.

    An editor that knows YAML completes and checks a file that names it in its first line:

        # yaml-language-server: $schema=workflow.schema.json
    """
    document = notice_json_schema() if of_notice else json_schema()
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
