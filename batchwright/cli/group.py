"""The `batchwright` command: which commands there are, and what every one of them ends with.

A command's module is loaded when the command is used, so that `batchwright --help` stays quick. A command returns
its exit code, or nothing for 0; a UserMistake that it raises is shown without a stack trace and ends with 2.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from io import StringIO
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from batchwright.terminal.terminal import tell
from chalicelib.core.errors import UserMistake

OK = 0
RUN_FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

COMMANDS = {
    "validate": ("batchwright.cli.validate:validate", "Report every problem of workflow and monitor files."),
    "plan": ("batchwright.cli.plan:plan", "Print what would be submitted, wave by wave."),
    "schema": ("batchwright.cli.schema:schema", "Print the JSON Schema of workflows, monitors or notices."),
    "run": ("batchwright.cli.run:run", "Run a workflow on this machine, on a local AWS."),
    "workflows": ("batchwright.cli.workflows:workflows", "Workflows: push, list, show, delete."),
    "start": ("batchwright.cli.start:start", "Start a run of a workflow that was pushed."),
    "watch": ("batchwright.cli.watch:watch", "Follow a run that is under way."),
    "show": ("batchwright.cli.show:show", "Show a run as it is now."),
    "runs": ("batchwright.cli.runs:runs", "List runs, newest first."),
    "logs": ("batchwright.cli.logs:logs", "Print what a task's job wrote, or is writing."),
    "jobs": ("batchwright.cli.jobs:jobs", "Batch jobs of everybody: list, show, logs."),
    "cancel": ("batchwright.cli.control:cancel", "Cancel a run and end its jobs."),
    "pause": ("batchwright.cli.control:pause", "Start nothing more of a run; its jobs go on."),
    "resume": ("batchwright.cli.control:resume", "Let a paused run go on."),
    "redrive": ("batchwright.cli.control:redrive", "Run an ended run again, in whole or in part."),
    "tokens": ("batchwright.cli.tokens:tokens", "Tokens of the HTTP API: create, list, revoke."),
    "schedules": ("batchwright.cli.schedules:schedules", "Schedules: list, next, pause, resume, backfill."),
    "monitors": ("batchwright.cli.monitors:monitors", "Watch jobs: validate, push, list, show, delete, test."),
    "notices": ("batchwright.cli.notices:notices", "Who is told: subscribe, list, unsubscribe, test."),
    "local": ("batchwright.cli.local:local", "Keep a local AWS up: up, down, status, env."),
    "dead-letters": (
        "batchwright.cli.dead_letters:dead_letters",
        "Messages that could not be handled: list, show, replay, drop.",
    ),
    "deploy": ("batchwright.cli.deploy:deploy", "Put Batchwright up on AWS, or bring it up to date."),
    "destroy": ("batchwright.cli.deploy:destroy", "Remove a deployment from AWS."),
    "doctor": ("batchwright.cli.doctor:doctor", "Check that all runs, tasks and jobs are as they should be."),
    "verify": ("batchwright.cli.verify:verify", "Check what is assumed of AWS, with a few tiny jobs."),
    "demo": ("batchwright.cli.demo:demo", "Run the movie-ratings example on a local AWS."),
    "completion": ("batchwright.cli.completion:completion", "Print the script that completes commands in a shell."),
}
"""By name: where the command is, and what it does in a line. A new command is one line here."""

_EXIT_CODES = """\b
Exit codes:
  0    all went well
  1    the run failed, AWS or the API did not answer, or the doctor or verify found something
  2    bad input: a file, a param, an option, or a name that is not there
  130  interrupted

\b
Where: the local AWS that is up; a stage (--stage NAME); or an API (--api URL)."""


class LazyGroup(click.Group):
    """A group whose commands are loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            raise click.NoSuchCommand(unknown.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands, without loading them."""
        found = [CompletionItem(name, help=does) for name, (_, does) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run the command that the arguments name, and exit with its code."""
        try:
            code = super().main(args, prog_name, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            tell(_shown(error), err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            tell("interrupted", err=True)
            sys.exit(INTERRUPTED)
        except UserMistake as mistake:
            tell(str(mistake), err=True)
            sys.exit(BAD_INPUT)
        except OSError as error:
            # A disk that is full, a folder that may not be written: the system's own words name it.
            named = error.filename is not None and error.strerror is not None
            tell(f"{error.filename}: {error.strerror}" if named else str(error), err=True)
            sys.exit(RUN_FAILED)
        sys.exit(code if isinstance(code, int) else OK)


def _shown(error: click.ClickException) -> str:
    """What click says of an error, its message as plain as all other messages are."""
    told, message = StringIO(), error.format_message()
    error.show(told)
    return told.getvalue().rstrip("\n").replace(f"Error: {message}", message)


@click.command(cls=LazyGroup, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="batchwright", prog_name="batchwright", message="%(prog)s %(version)s")
def main() -> None:
    """Workflows of AWS Batch jobs, advanced by Batch's own events."""
