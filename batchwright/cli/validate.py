"""`batchwright validate`: every problem of workflow files, with its place."""

from __future__ import annotations

import click

from batchwright.workflow_file import BadFile, load_workflow
from chalicelib.core.errors import UserMistake


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def validate(files: tuple[str, ...]) -> None:
    """Report every problem of workflow files.

    A problem is one line: file:line:column, what is wrong, the value and the rule, a suggestion. Exits with 2 when
    there is any.
    """
    problems: list[str] = []
    for file in files:
        try:
            workflow = load_workflow(file).workflow
        except BadFile as bad:
            problems.append(str(bad))
        else:
            tasks = len(workflow.tasks)
            click.echo(f"{file}: workflow '{workflow.name}' is valid, {tasks:,} {'task' if tasks == 1 else 'tasks'}")
    if problems:
        raise UserMistake("\n".join(problems))
