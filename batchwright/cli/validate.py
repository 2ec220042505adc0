"""`batchwright validate`: every problem of workflow files and monitor files, with its place."""

from __future__ import annotations

from dataclasses import asdict

import click

from batchwright.cli.output import json_option, print_json, say_warnings
from batchwright.files.monitor_file import load_file
from batchwright.files.workflow_file import BadFile, Problem, WorkflowFile
from batchwright.terminal.terminal import tell
from batchwright.terminal.words import number_of
from chalicelib.core.errors import UserMistake


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
def validate(files: tuple[str, ...], as_json: bool) -> int:
    """Report every problem of workflow files, and of monitor files.

    A problem is one line: file:line:column, what is wrong, the value and the rule, a suggestion. Exits with 2 when
    there is any that is not a warning.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for file in files:
        try:
            loaded = load_file(file)
        except BadFile as bad:
            problems += bad.problems
        else:
            if isinstance(loaded, WorkflowFile):
                warnings += loaded.warnings
            if as_json:
                continue
            if isinstance(loaded, WorkflowFile):
                name, tasks = loaded.workflow.name, loaded.workflow.tasks
                tell(f"{file}: workflow '{name}' is valid, {number_of(len(tasks), 'task')}")
            else:
                tell(f"{file}: {number_of(len(loaded.definition['monitors']), 'monitor')}, all valid")
    if as_json:
        print_json([asdict(problem) for problem in (*problems, *warnings)])
        return 2 if problems else 0
    say_warnings(warnings)
    if problems:
        raise UserMistake("\n".join(map(str, problems)))
    return 0
