"""Interrupting `batchwright run`: the run is cancelled, and nothing of it is left, neither process nor folder."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.functional.commands import Command, Terminal, alive, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long

# A job that ignores SIGTERM, with a child and a grandchild; each writes its pid where the test finds it.
STUBBORN = """
trap '' TERM
sleep 600 & echo $! >> $PIDS
sh -c 'sh -c "echo \\$\\$ >> $PIDS; sleep 600" & wait' &
echo $$ >> $PIDS
wait
"""


def stubborn(terminal: Terminal) -> tuple[str, Path]:
    """A workflow with a stubborn task and one that follows it; and the file that will hold its processes' ids."""
    pids = terminal.folder / "pids"
    tasks = {
        "stubborn": {"command": ["sh", "-c", STUBBORN], "environment": {"PIDS": str(pids)}},
        "later": {"command": ["true"], "depends_on": ["stubborn"]},
    }
    return terminal.workflow("stubborn", tasks), pids


def all_running(pids: Path) -> list[psutil.Process]:
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 3, "the job's three processes")
    return [psutil.Process(int(pid)) for pid in pids.read_text().split()]


def temporary_files(terminal: Terminal) -> list[str]:
    return sorted(os.listdir(terminal.folder / "temporary"))


def interrupted(command: Command, processes: Sequence[psutil.Process], *numbers: signal.Signals) -> float:
    """Send the signals, a moment between them, and wait for the end. Returns the seconds that took."""
    begun = time.monotonic()
    for number in numbers:
        command.signal(number)
        if number is not numbers[-1]:
            command.wait_for("Cancelling the run")
    assert command.end() == 130, command.printed
    seconds = time.monotonic() - begun
    assert alive(processes) == []
    return seconds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_the_run_and_leaves_nothing(number: signal.Signals, terminal: Terminal) -> None:
    file, pids = stubborn(terminal)
    command = terminal.begin("run", file)
    processes = [*all_running(pids), *command.family()]
    command.wait_for("stubborn running")
    assert interrupted(command, processes, number) < 10
    assert "Cancelling the run and ending its jobs" in command.printed
    assert " cancelled after " in command.printed
    assert "Traceback" not in command.printed
    assert temporary_files(terminal) == []


def test_a_second_interrupt_stops_at_once_and_leaves_nothing(terminal: Terminal) -> None:
    file, pids = stubborn(terminal)
    command = terminal.begin("run", file)
    processes = [*all_running(pids), *command.family()]
    command.wait_for("stubborn running")
    assert interrupted(command, processes, signal.SIGHUP, signal.SIGINT) < 4
    assert "Traceback" not in command.printed
    assert temporary_files(terminal) == []


@pytest.mark.parametrize("part", ["ministack_child", "jobs"])
def test_an_interrupt_while_the_local_aws_starts_leaves_nothing(part: str, terminal: Terminal) -> None:
    """Once when its first process is there, once when all of them are and Batch begins to work."""
    command = terminal.begin("run", terminal.workflow("early", {"only": {"command": ["true"]}}))

    def is_there() -> bool:
        if part == "jobs":
            return any((terminal.folder / "temporary").glob("batchwright-*/jobs"))
        return any(part in " ".join(process.cmdline()) for process in alive(command.family()))

    wait_until(is_there, part)
    processes = command.family()
    assert interrupted(command, processes, signal.SIGINT) < 5
    assert command.printed.strip() == "interrupted" or "Cancelling" in command.printed, command.printed
    assert temporary_files(terminal) == []


def test_when_the_command_is_killed_its_processes_end_by_themselves(terminal: Terminal) -> None:
    file, pids = stubborn(terminal)
    command = terminal.begin("run", file)
    processes = [*all_running(pids), *command.family()]
    command.signal(signal.SIGKILL)
    wait_until(lambda: not alive(processes), "everything to end", within_seconds=10)


def test_on_a_local_aws_that_is_up_only_the_run_is_cancelled(kept: Terminal) -> None:
    endless = {"command": ["sh", "-c", "echo $$ > $PIDS; sleep 600"], "environment": {"PIDS": str(kept.folder / "pid")}}
    command = kept.begin("run", kept.workflow("endless", {"only": endless}), "--json")
    wait_until(lambda: (kept.folder / "pid").exists() and (kept.folder / "pid").read_text(), "the job")
    job = psutil.Process(int((kept.folder / "pid").read_text()))
    assert interrupted(command, [job], signal.SIGINT) < 10
    document = json.loads(command.printed[command.printed.index("{") :])
    assert (document["state"], document["tasks"][0]["state"]) == ("cancelled", "cancelled")
    assert kept.give("local", "status").returncode == 0
