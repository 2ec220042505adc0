"""Where a terminal lacks a letter, commands print another in its place, and what programs read stays whole."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from batchwright.cli import logs, monitors, tokens, workflows
from batchwright.cli.group import main
from batchwright.cli.target import Target
from chalicelib.api import models as m
from chalicelib.core.states import TaskState
from chalicelib.core.tokens import TokenScope
from tests.unit.rows import ended, result, view

ROOT = Path(__file__).parents[2]
FOREIGN = "日本 żółw 😀"
ENCODINGS = ["ascii", "latin-1", "cp1252", "utf-8"]
DEFINITION = {
    "name": "w",
    "description": FOREIGN,
    "params": {"p": {"type": "string", "default": FOREIGN, "description": FOREIGN}},
    "tasks": {
        "a": {
            "job_definition": "j",
            "queue": "q",
            "command": ["echo", FOREIGN],
            "environment": {"X": FOREIGN},
            "tags": {FOREIGN: FOREIGN},
        }
    },
}
PRINTS = "batchwright/terminal/terminal.py"
FOR_PROGRAMS = ("batchwright/local/",)
"""The processes of the local AWS: what they print is read by the one that started them, and is of ASCII."""


class Api:
    """Whatever it tells of has letters in it that most encodings do not have."""

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        return m.Workflow(name="w", version=1, etag="e", pushed_at_ms=1, definition=DEFINITION)

    def workflows(self, **_: Any) -> m.Page[m.WorkflowSummary]:
        return m.Page(items=[m.WorkflowSummary(name="w", version=1, description=FOREIGN, tasks=1, pushed_at_ms=1)])

    def monitors(self) -> m.Monitors:
        watched = {"monitors": {"slow": {"description": FOREIGN, "failed": True}}}
        return m.Monitors(revision=1, etag="e", pushed_at_ms=1, definition=watched)

    def revoke_token(self, token_id: str) -> m.Token:
        return m.Token(token_id="t", name=FOREIGN, scope=TokenScope.READ, created_at_ms=1)

    def run(self, run_id: str) -> m.Run:
        return view().run

    def task(self, run_id: str, name: str, epoch: int | None) -> m.Task:
        return ended(0, name, TaskState.FAILED, result(False))

    def logs(self, *_: Any, **__: Any) -> m.LogPage:
        return m.LogPage(items=[m.LogLine(at_ms=1, text=FOREIGN)])


class OnTarget:
    """Stands in for where a command speaks to."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Target:
        return Target("here", Api(), None, 0)  # type: ignore[arg-type]

    def __exit__(self, *_: Any) -> None:
        pass


def printed(command: click.Command, words: Sequence[str], encoding: str) -> str:
    done = CliRunner(charset=encoding).invoke(command, list(words))
    assert (done.exit_code, done.exception) == (0, None)
    return done.stdout_bytes.decode(encoding)


def replaced(encoding: str) -> str:
    return FOREIGN.encode(encoding, "replace").decode(encoding)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (logs, monitors, tokens, workflows):
        monkeypatch.setattr(module, "on_target", OnTarget)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.yaml"
    path.write_text(json.dumps(DEFINITION))
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("command", "words"),
    [(logs.logs, ["r", "a"]), (workflows.list_workflows, []), (tokens.revoke, ["t"])],
    ids=["logs", "workflows list", "tokens revoke"],
)
@pytest.mark.usefixtures("asked")
def test_a_letter_that_people_cannot_be_shown_is_a_question_mark(
    command: click.Command, words: Sequence[str], encoding: str
) -> None:
    assert replaced(encoding) in printed(command, words, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("command", "words", "kept"),
    [
        (workflows.show, ["w"], DEFINITION),
        (workflows.show, ["w", "--json"], DEFINITION),
        (monitors.show, [], Api().monitors().definition),
        (logs.logs, ["r", "a", "--json"], FOREIGN),
    ],
    ids=["workflows show", "workflows show --json", "monitors show", "logs --json"],
)
@pytest.mark.usefixtures("asked")
def test_what_programs_read_stays_whole(command: click.Command, words: Sequence[str], kept: Any, encoding: str) -> None:
    read = (json.loads if "--json" in words else yaml.safe_load)(printed(command, words, encoding))
    assert kept in (read, *(read.values() if isinstance(read, dict) else ()))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_plan_is_printed_in_each_of_its_forms(file: Path, encoding: str) -> None:
    (task,) = json.loads(printed(main, ["plan", str(file), "--json"], encoding))["waves"][0]
    assert (task["command"], task["environment"], task["tags"]) == (
        ["echo", FOREIGN],
        {"X": FOREIGN},
        {FOREIGN: FOREIGN},
    )
    assert "digraph" in printed(main, ["plan", str(file), "--dot"], encoding)
    assert "1 task" in printed(main, ["plan", str(file)], encoding)


def test_a_terminal_that_takes_every_letter_is_shown_them(file: Path) -> None:
    assert FOREIGN in printed(main, ["plan", str(file), "--json"], "utf-8")


@pytest.mark.parametrize(
    ("encoding", "words", "code"), [("latin-1", ["plan", "{}", "--json"], 0), ("ascii", ["validate", "żółw.yaml"], 2)]
)
def test_a_process_whose_terminal_is_not_utf_8_prints_and_complains_all_the_same(
    encoding: str, words: Sequence[str], code: int, file: Path
) -> None:
    command = [sys.executable, "-m", "batchwright", *(word.format(file) for word in words)]
    variables = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, timeout=60)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr
    assert (done.stdout + done.stderr).decode(encoding)


def test_a_file_whose_name_is_no_text_is_named_too(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"\xff.yaml")
    Path(os.fsdecode(path)).write_text(json.dumps(DEFINITION))
    assert "?.yaml: workflow 'w' is valid" in printed(main, ["validate", os.fsdecode(path)], "utf-8").replace(
        "\ufffd", "?"
    )


def raw_writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What prints without asking which letters the terminal has: click's, Python's and rich's own ways."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write", "Console"):
            yield node.lineno, called


def test_every_command_prints_through_what_knows_the_encoding() -> None:
    found = []
    for path in sorted((ROOT / "batchwright").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name != PRINTS and not name.startswith(FOR_PROGRAMS):
            found += [f"{name}, line {line}: {called}" for line, called in raw_writes(ast.parse(path.read_text()))]
    assert found == [], "print with terminal.tell, terminal.write or PlainConsole"


@pytest.mark.parametrize(
    "source", ["click.echo(name)", "print(name)", "sys.stdout.write(name)", "Console(stderr=True)"]
)
def test_a_raw_write_is_found(source: str) -> None:
    assert list(raw_writes(ast.parse(source)))
