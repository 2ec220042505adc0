from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from batchwright.cli import group
from batchwright.cli.group import main
from chalicelib.core.errors import Defect, UserMistake

ROOT = Path(__file__).parents[3]
Command = Callable[..., Result]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], object]], Result]]:
    """Runs `batchwright probe`, a command that does what it is told."""

    def run(act: Callable[[], object]) -> Result:
        monkeypatch.setitem(group.COMMANDS, "probe", ("x:probe", "Probe."))
        monkeypatch.setattr(group, "import_module", lambda _: type("x", (), {"probe": click.command()(act)}))
        return CliRunner().invoke(main, ["probe"])

    yield run


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


def test_help_names_every_command_and_every_exit_code(batchwright: Command) -> None:
    result = batchwright("--help")
    assert result.exit_code == 0
    for expected in (
        *group.COMMANDS,
        "0    all went well",
        "1    the run failed",
        "2    bad input",
        "130  interrupted",
    ):
        assert expected in result.stdout


@pytest.mark.parametrize("name", sorted(group.COMMANDS))
def test_every_command_of_the_table_is_there_and_has_help(batchwright: Command, name: str) -> None:
    module, _, attribute = group.COMMANDS[name][0].partition(":")
    assert isinstance(getattr(import_module(module), attribute), click.Command)
    result = batchwright(name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_version_is_the_packages(batchwright: Command) -> None:
    assert batchwright("--version").stdout == f"batchwright {version('batchwright')}\n"


def test_an_unknown_command_is_bad_input(batchwright: Command) -> None:
    result = batchwright("pan")
    assert result.exit_code == 2
    assert "No such command 'pan'. Did you mean 'plan'?" in result.stderr


def test_an_unknown_option_suggests_the_nearest(batchwright: Command) -> None:
    result = batchwright("runs", "--limti", "3")
    assert result.exit_code == 2
    assert "Did you mean" in result.stderr
    assert "--limit" in result.stderr


def test_every_error_is_told_in_one_form(command: Callable[..., Result]) -> None:
    assert command(raising(click.ClickException("AWS is away"))).stderr == "AWS is away\n"
    assert command(raising(OSError(28, "No space left", "x.log"))).stderr == "x.log: No space left\n"
    assert command(raising(OSError("the disk is away"))).stderr == "the disk is away\n"


def test_what_click_refuses_is_told_as_every_other_mistake(batchwright: Command) -> None:
    assert batchwright("runs", "--limit", "x").stderr.splitlines()[-1].startswith("Invalid value for '--limit'")


def test_a_users_mistake_is_a_message_and_2(command: Callable[..., Result]) -> None:
    result = command(raising(UserMistake("the queue is not there")))
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "the queue is not there\n")


def test_an_interruption_ends_with_130(command: Callable[..., Result]) -> None:
    result = command(raising(KeyboardInterrupt()))
    assert result.exit_code == 130
    assert "interrupted" in result.stderr


def test_a_defect_keeps_its_stack_trace(command: Callable[..., Result]) -> None:
    assert isinstance(command(raising(Defect("no such state"))).exception, Defect)


def test_what_a_command_returns_is_the_exit_code(command: Callable[..., Result]) -> None:
    assert command(lambda: 1).exit_code == 1
    assert command(lambda: None).exit_code == 0


def test_the_installed_command_ends_with_130_on_ctrl_c(tmp_path: Path) -> None:
    fifo = tmp_path / "never.yaml"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-c", "from batchwright.cli.group import main; main()", "validate", str(fifo)]
    )
    try:
        with open(fifo, "wb"):  # opens once the command does, which then waits for content
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()


def test_the_committed_schema_is_what_the_command_prints(batchwright: Command) -> None:
    result = batchwright("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Workflow"
    assert result.stdout == (ROOT / "statemachines/workflow.schema.json").read_text(), (
        "run: batchwright schema > statemachines/workflow.schema.json"
    )


def test_the_committed_schema_of_monitors_is_what_the_command_prints(batchwright: Command) -> None:
    result = batchwright("schema", "--monitors")
    assert json.loads(result.stdout)["title"] == "Monitors"
    assert result.stdout == (ROOT / "statemachines/monitors.schema.json").read_text(), (
        "run: batchwright schema --monitors > statemachines/monitors.schema.json"
    )
