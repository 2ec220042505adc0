"""`batchwright validate`: every problem of workflow files, with its place."""

from __future__ import annotations

from dataclasses import asdict

import click

from batchwright.cli.output import json_option, print_json
from batchwright.summary import number_of
from batchwright.workflow_file import BadFile, Problem, load_workflow
from chalicelib.core.errors import UserMistake


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
def validate(files: tuple[str, ...], as_json: bool) -> int:
    """Report every problem of workflow files.

    A problem is one line: file:line:column, what is wrong, the value and the rule, a suggestion. Exits with 2 when
    there is any.
    """
    problems: list[Problem] = []
    for file in files:
        try:
            workflow = load_workflow(file).workflow
        except BadFile as bad:
            problems += bad.problems
        else:
            if not as_json:
                click.echo(f"{file}: workflow '{workflow.name}' is valid, {number_of(len(workflow.tasks), 'task')}")
    if as_json:
        print_json([asdict(problem) for problem in problems])
        return 2 if problems else 0
    if problems:
        raise UserMistake("\n".join(map(str, problems)))
    return 0
