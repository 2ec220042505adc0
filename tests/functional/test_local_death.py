"""When a process of the local AWS dies, all are told at once: which one, what was lost, and where the reason is."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import psutil
import pytest

from tests.functional.commands import Command, Terminal, alive, wait_until

# A local AWS of its own for every test: `make e2e`.
pytestmark = pytest.mark.long

MODULES = {
    "ministack": "batchwright.local.ministack_child",
    "batch": "batchwright.local.batch.__main__",
    "worker": "batchwright.local.worker",
    "api": "batchwright.local.api",
}
DAEMON = "setsid sh -c 'echo $$ >> $PIDS; sleep 600' & echo $$ >> $PIDS; sleep 600"
AT_ONCE_SECONDS = 8.0
"""Far below the 26 seconds that it took, and far above what a machine takes that does other things, too."""


def part_of(holder: psutil.Process, part: str) -> psutil.Process:
    (found,) = [one for one in holder.children() if MODULES[part] in one.cmdline()]
    return found


def begun(terminal: Terminal, *options: str) -> tuple[Command, list[psutil.Process]]:
    """A run that is watched, and the two processes of its job."""
    pids = terminal.folder / "pids"
    task = {"command": ["sh", "-c", DAEMON], "environment": {"PIDS": str(pids)}}
    command = terminal.begin("run", terminal.workflow("lost", {"only": task}), *options)
    command.wait_for("only running")
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the job's processes")
    return command, [psutil.Process(int(pid)) for pid in pids.read_text().split()]


@pytest.mark.parametrize("part", MODULES)
def test_the_death_of_a_part_is_told_at_once_and_kept(part: str, terminal: Terminal) -> None:
    assert terminal.give("local", "up").returncode == 0
    supervisor = psutil.Process(json.loads(terminal.give("local", "status", "--json").stdout)["pid"])
    family = supervisor.children(recursive=True)
    command, job = begun(terminal)
    (run_id,) = re.findall(r"run (lost-\w+)", command.printed)
    dead = part_of(supervisor, part)
    dead.kill()
    killed_at = time.monotonic()
    assert command.end() == 1
    assert time.monotonic() - killed_at < AT_ONCE_SECONDS
    beginning = f"the local AWS broke: its {part} process ({dead.pid}) was killed by SIGKILL on "
    assert beginning in command.printed, command.printed
    assert f"Its log is {terminal.folder}/.batchwright/{part}.log" in command.printed
    wait_until(lambda: not alive([supervisor, *family, *job]), "everything to end", within_seconds=20)
    status = terminal.give("local", "status")
    assert status.returncode == 1
    assert beginning[1:] in status.stdout
    assert f"with 1 run that was under way: {run_id}." in status.stdout
    died = json.loads(terminal.give("local", "status", "--json").stdout)["died"]
    assert (died["part"], died["pid"], died["exit_code"], died["runs"]) == (part, dead.pid, -9, [run_id])
    for words in (["runs"], ["show", run_id], ["local", "env"], ["run", "lost.json", "--detach"]):
        done = terminal.give(*words)
        assert done.returncode == 2, done
        assert beginning in done.stderr, done
    down = terminal.give("local", "down")
    assert down.stdout.startswith("Nothing was up in ") and beginning[1:] in down.stdout
    assert "broke" not in terminal.give("local", "status").stdout


@pytest.mark.parametrize("part", ["ministack", "worker"])
def test_the_death_of_a_part_of_a_runs_own_local_aws_is_told_at_once(part: str, terminal: Terminal) -> None:
    command, job = begun(terminal)
    family = command.family()
    dead = part_of(family[0], part)
    dead.kill()
    killed_at = time.monotonic()
    command.wait_for(f"the local AWS broke: its {part} process ({dead.pid}) was killed by SIGKILL on ")
    assert time.monotonic() - killed_at < AT_ONCE_SECONDS
    assert command.end() == 1
    assert "Traceback" not in command.printed
    wait_until(lambda: not alive([*family, *job]), "everything to end", within_seconds=20)
    assert os.listdir(terminal.folder / "temporary") == []


def test_another_one_starts_with_nothing_to_say(terminal: Terminal) -> None:
    folder = terminal.folder / ".batchwright"
    folder.mkdir()
    (folder / "died.json").write_text(json.dumps({"part": "worker", "pid": 1, "log": "/x.log", "exit_code": 1}))
    assert "its worker process (1) ended with exit code 1" in terminal.give("local", "status").stdout
    assert terminal.give("local", "up").returncode == 0
    assert not Path(folder / "died.json").exists()
    assert terminal.give("local", "down").stdout == "Stopped.\n"
    assert "broke" not in terminal.give("local", "status").stdout


def test_a_local_aws_of_another_version_is_only_stopped(terminal: Terminal) -> None:
    """As after a `git pull`."""
    terminal.give("local", "up")
    path = terminal.folder / ".batchwright" / "local.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "0.0.9+abc"}))
    file = terminal.workflow("any", {"only": {"command": ["true"]}})
    for words in (["runs"], ["run", file], ["run", file, "--detach"], ["local", "up"], ["local", "env"]):
        done = terminal.give(*words)
        assert done.returncode == 2, done
        assert done.stderr.startswith(
            "the local AWS was started by another version of Batchwright (0.0.9+abc, this is "
        ), done
        assert done.stderr.endswith("): batchwright local down, then local up\n"), done
    status = terminal.give("local", "status")
    assert (status.returncode, "Batchwright 0.0.9+abc started it" in status.stdout) == (0, True)
    assert terminal.give("local", "down").stdout == "Stopped.\n"
