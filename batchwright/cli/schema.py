"""`batchwright schema`: the JSON Schema of what people write, for editors, and of notices, for who receives them."""

from __future__ import annotations

import click

from batchwright.terminal.terminal import json_text, write
from chalicelib.core.definition import model as workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.monitor import file_model as monitor
from chalicelib.core.notice.schema import notice_json_schema


@click.command()
@click.option("--monitors", "of_monitors", is_flag=True, help="Of monitor files.")
@click.option("--notice", "of_notice", is_flag=True, help="Of notices.")
def schema(of_monitors: bool, of_notice: bool) -> None:
    """Print the JSON Schema of workflow files.

    An editor that knows YAML completes and checks a file that names it in its first line:

        # yaml-language-server: $schema=workflow.schema.json

    \b
    Example:
      batchwright schema --monitors > monitors.schema.json
    """
    if of_monitors and of_notice:
        raise UserMistake("give one of --monitors and --notice")
    if of_notice:
        document = notice_json_schema()
    else:
        document = monitor.json_schema() if of_monitors else workflow.json_schema()
    write(json_text(document))
