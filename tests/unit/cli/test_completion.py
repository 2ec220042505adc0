from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from batchwright.cli import completing
from batchwright.cli.group import COMMANDS, main


def completed(line: str) -> list[str]:
    words = line.split(" ")
    asked = {"_BATCHWRIGHT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = CliRunner().invoke(main, [], env=asked, prog_name="batchwright")
    return [one.partition(",")[2] for one in done.stdout.splitlines()]


def test_commands_and_options_are_completed() -> None:
    assert completed("batchwright wo") == ["workflows"]
    assert set(completed("batchwright ")) == set(COMMANDS)
    assert completed("batchwright workflows de") == ["delete"]
    assert "--stage" in completed("batchwright runs --")
    assert completed("batchwright runs --state pau") == ["paused"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script_that_asks_this_program(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"_BATCHWRIGHT_COMPLETE={shell}_complete" in done.stdout


BASH = """\
eval "$(batchwright completion bash)"
COMP_WORDS=(batchwright redr); COMP_CWORD=1; _batchwright_completion batchwright redr batchwright
echo "${COMPREPLY[@]}"
"""
ZSH = """\
autoload -Uz compinit; compinit -u -D
eval "$(batchwright completion zsh)"
compadd() { }
_describe() { print -l -- "${completions_with_descriptions[@]%%:*}" }
words=(batchwright redr); CURRENT=2; _batchwright_completion
"""
FISH = """\
batchwright completion fish | source
complete -C "batchwright redr" | string split -f 1 \\t
"""


@pytest.mark.parametrize(
    ("shell", "script"),
    [(["bash", "-c"], BASH), (["zsh", "-fc"], ZSH), (["fish", "-Nc"], FISH)],
    ids=lambda one: one[0],
)
def test_a_shell_takes_its_script(shell: list[str], script: str, tmp_path: Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    program = "from batchwright.cli.group import main; main(prog_name='batchwright')"
    (tmp_path / "batchwright").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}" "$@"\n')
    (tmp_path / "batchwright").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run([*shell, script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "redrive\n", done


def test_what_takes_too_long_or_fails_completes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "SECONDS", 0.05)
    monkeypatch.setattr("batchwright.cli.target.find_target", lambda where: SimpleNamespace(api=None))
    ctx = click.Context(click.Command("probe"))

    def slow(api: Any, ctx: click.Context) -> list[str]:
        time.sleep(0.5)
        return ["late"]

    def broken(api: Any, ctx: click.Context) -> list[str]:
        raise OSError("no network")

    begun = time.monotonic()
    assert completing._in_time(slow, ctx) == []
    assert time.monotonic() - begun < 0.4
    assert completing._in_time(broken, ctx) == []
    assert completing._in_time(lambda api, ctx: ["a", "b"], ctx) == ["a", "b"]
