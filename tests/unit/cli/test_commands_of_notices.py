"""The commands that notices name are commands of ours, with arguments and options that they have."""

from __future__ import annotations

import shlex
from dataclasses import replace

import click
import pytest

from batchwright.cli.group import main
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.words import next_commands
from tests.notices import NOTICES, OUT_OF_MEMORY

CASES = {
    **NOTICES,
    "hostile names": replace(
        NOTICES[NoticeKind.RUN_FAILED],
        run_id="run; rm -rf /",
        stage="$(id)",
        jobs=(replace(OUT_OF_MEMORY, task="it's a `task`"),),
    ),
    "a queue alone": replace(NOTICES[NoticeKind.QUEUE_BLOCKED], jobs=()),
}


def parsed(words: list[str]) -> click.Context:
    """The context in which the command would be invoked; a mistake in its words raises."""
    context = main.make_context("batchwright", words, allow_interspersed_args=False)
    command: click.Command = main
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = command.make_context(command.name, rest, parent=context)
    return context


@pytest.mark.parametrize("case", CASES)
def test_every_command_of_a_notice_can_be_given(case: str) -> None:
    notice = CASES[case]
    commands = next_commands(notice)
    assert commands
    for line in commands:
        program, *words = shlex.split(line)
        assert program == "batchwright"
        context = parsed(words)
        assert context.params["where" if "where" in context.params else "stage"] == notice.stage


def test_a_command_that_is_none_would_be_found() -> None:
    for words in (["jobs", "shwo", "x"], ["show"], ["show", "run", "--stag", "dev"]):
        with pytest.raises(click.UsageError):
            parsed(words)
