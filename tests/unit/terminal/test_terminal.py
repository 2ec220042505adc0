"""Text from elsewhere does nothing to a terminal but be read there."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import click
import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from batchwright.cli import logs, tokens, workflows
from batchwright.cli.group import LazyGroup
from batchwright.cli.target import Target
from batchwright.runs.summary import print_summary
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.terminal import coloured, printable
from chalicelib.api import models as m
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.states import TaskState
from chalicelib.core.tokens import TokenScope
from tests.unit.rows import ended, result, view

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x1b]52;c;cm0=\x07\x08\x7f\r"
SEEN = "\ufffd]0;owned\ufffd\ufffd[2J\ufffd31m\ufffd]52;c;cm0=\ufffd\ufffd\ufffd\ufffd"
CONTROL = {chr(code) for code in (*range(32), *range(127, 160))} - {"\n", "\t"}


def test_control_characters_are_replaced_and_line_ends_and_tabs_stay() -> None:
    assert printable(f"a\tb\n{EVIL}ü\u00a0") == f"a\tb\n{SEEN}ü\u00a0"


def test_of_a_jobs_log_the_colours_stay_and_nothing_else() -> None:
    assert coloured(f"\x1b[1;31mred\x1b[0m{EVIL}") == f"\x1b[1;31mred\x1b[0m{SEEN}"
    assert coloured("\x1b[31") == "\ufffd[31"


def test_a_console_prints_its_own_colours_and_nobody_elses_escapes() -> None:
    console = PlainConsole(file=io.StringIO(), force_terminal=True, color_system="standard", width=200)
    table = Table("title")
    table.add_row(Text(f"{EVIL}|", style="red"))
    console.print(table, Text(f"{EVIL}|"))
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[31m" in written
    assert "\x1b]" not in written and "\x1b[2J" not in written and "\x9b" not in written


class Api:
    """Whatever it tells of has escapes in it."""

    def workflows(self, **_: Any) -> m.Page[m.WorkflowSummary]:
        return m.Page(items=[m.WorkflowSummary(name="w", version=1, description=EVIL, tasks=1, pushed_at_ms=1)])

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        definition = {"name": "w", "description": EVIL, "tasks": {}}
        return m.Workflow(name="w", version=1, etag="e", pushed_at_ms=1, definition=definition)

    def tokens(self) -> list[m.Token]:
        return [self.revoke_token("t")]

    def revoke_token(self, token_id: str) -> m.Token:
        return m.Token(token_id="t", name=EVIL, scope=TokenScope.READ, created_at_ms=1)

    def run(self, run_id: str) -> m.Run:
        return view().run

    def task(self, run_id: str, name: str, epoch: int | None) -> m.Task:
        return ended(0, name, TaskState.FAILED, result(False))

    def logs(self, *_: Any, **__: Any) -> m.LogPage:
        return m.LogPage(items=[m.LogLine(at_ms=1, text=f"\x1b[31mred\x1b[0m{EVIL}")])


class OnTarget:
    """Stands in for where a command speaks to."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Target:
        return Target("here", Api(), None, 0)  # type: ignore[arg-type]

    def __exit__(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("module", "command", "words"),
    [
        (workflows, workflows.list_workflows, []),
        (workflows, workflows.show, ["w"]),
        (tokens, tokens.list_tokens, []),
        (tokens, tokens.revoke, ["t"]),
    ],
)
def test_no_command_prints_what_a_server_tells_as_it_is(
    module: Any, command: click.Command, words: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "on_target", OnTarget)
    done = CliRunner().invoke(command, list(words), color=True)
    assert (done.exit_code, done.exception) == (0, None)
    assert "owned" in done.stdout
    assert not CONTROL & set(done.stdout)


@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_log_is_as_its_job_wrote_it_unless_it_goes_to_a_terminal(
    on_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "on_target", OnTarget)
    monkeypatch.setattr(logs, "is_terminal", lambda: on_terminal)
    # Click takes colours for fit to be printed on a terminal alone, unless it is told otherwise.
    done = CliRunner().invoke(logs.logs, ["r", "t"], color=on_terminal)
    assert done.stdout_bytes.decode() == f"\x1b[31mred\x1b[0m{SEEN if on_terminal else EVIL}\n"
    as_json = CliRunner().invoke(logs.logs, ["r", "t", "--json"])
    assert json.loads(as_json.stdout)["text"] == f"\x1b[31mred\x1b[0m{EVIL}"


def test_the_summary_of_a_run_shows_reasons_and_logs_without_their_escapes() -> None:
    console = PlainConsole(file=io.StringIO(), force_terminal=True, color_system="standard", width=200)
    failed = ended(0, "t", TaskState.FAILED, result(False, reason=EVIL), 1, 1)
    print_summary(console, view(failed), Api())  # type: ignore[arg-type]
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert written.count("owned") >= 2
    assert "\x1b]" not in written and "\x1b[2J" not in written and "\x9b" not in written


@pytest.mark.parametrize("error", [UserMistake, TryAgain, click.ClickException])
def test_what_went_wrong_is_told_without_escapes(error: Callable[[str], Exception]) -> None:
    @click.command(cls=LazyGroup, invoke_without_command=True)
    def broken() -> None:
        if error is TryAgain:
            raise click.ClickException(str(TryAgain(EVIL)))
        raise error(EVIL)

    done = CliRunner().invoke(broken, [], color=True)
    assert "owned" in done.stderr
    assert not CONTROL & set(done.stderr)
