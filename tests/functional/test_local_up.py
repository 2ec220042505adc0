"""`batchwright local`: up, down, status and env, and what happens when its processes die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.functional.commands import Terminal, Trap, alive, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long

ASK = """
import boto3
names = [queue["jobQueueName"] for queue in boto3.client("batch").describe_job_queues()["jobQueues"]]
buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
print(boto3.client("sts").get_caller_identity()["Account"], *buckets, *names)
"""


def status(terminal: Terminal) -> dict[str, object]:
    answer: dict[str, object] = json.loads(terminal.give("local", "status", "--json").stdout)
    return answer


def test_up_twice_is_once_and_down_twice_too(terminal: Terminal) -> None:
    assert terminal.give("local", "status").returncode == 1
    first = terminal.give("local", "up")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Up: AWS at http://127.0.0.1:")
    before = status(terminal)
    assert terminal.give("local", "up").stdout == (
        f"It is up already (process {before['pid']}, folder {terminal.folder / '.batchwright'}).\n"
    )
    other = terminal.give("local", "up", "--reorder")
    assert other.returncode == 2
    assert other.stderr.startswith("--reorder: a local AWS is up already and was started with no such option; stop")
    assert status(terminal) == before
    supervisor = psutil.Process(int(str(before["pid"])))
    family = [supervisor, *supervisor.children(recursive=True)]
    assert terminal.give("local", "down").stdout == "Stopped.\n"
    assert alive(family) == []
    down = terminal.give("local", "down")
    assert (down.returncode, down.stdout) == (0, f"Nothing was up in {terminal.folder} or above it.\n")
    assert status(terminal) == {"up": False}


def test_two_that_come_up_at_the_same_moment_are_one(terminal: Terminal) -> None:
    commands = [terminal.begin("local", "up") for _ in range(2)]
    assert [command.end() for command in commands] == [0, 0]
    assert len({command.printed.splitlines()[-2].partition(":")[2] for command in commands}) == 1
    assert terminal.give("local", "down").stdout == "Stopped.\n"


def test_a_killed_supervisor_takes_everything_along_and_is_not_taken_for_alive(terminal: Terminal) -> None:
    terminal.give("local", "up")
    supervisor = psutil.Process(int(str(status(terminal)["pid"])))
    family = [supervisor, *supervisor.children(recursive=True)]
    supervisor.kill()
    wait_until(lambda: not alive(family), "everything to end", within_seconds=10)
    assert (terminal.folder / ".batchwright" / "local.json").exists()
    assert terminal.give("local", "status").returncode == 1
    assert terminal.give("local", "down").stdout.startswith("Nothing was up in ")


def test_a_part_that_dies_brings_the_local_aws_down(terminal: Terminal) -> None:
    terminal.give("local", "up")
    supervisor = psutil.Process(int(str(status(terminal)["pid"])))
    family = supervisor.children(recursive=True)
    family[0].kill()
    wait_until(lambda: not alive([supervisor, *family]), "everything to end", within_seconds=15)
    assert terminal.give("local", "status").returncode == 1


def test_the_process_of_another_with_its_number_is_not_taken_for_it(terminal: Terminal) -> None:
    folder = terminal.folder / ".batchwright"
    folder.mkdir()
    state = {"pid": os.getpid(), "process_started_at": 1.0, "environment": {}, "options": []}
    (folder / "local.json").write_text(json.dumps(state))
    assert terminal.give("local", "status").returncode == 1


def test_what_does_not_start_says_so_in_a_sentence(terminal: Terminal) -> None:
    blocked = terminal.folder / "home"
    blocked.mkdir()
    (blocked / "ministack.log").mkdir()
    done = terminal.give("local", "up", BATCHWRIGHT_HOME=str(blocked))
    assert done.returncode == 1
    assert done.stderr.startswith("the local AWS did not start: ")
    assert "Traceback" not in done.stderr


def test_the_variables_lead_any_tool_there_whatever_was_set_before(kept: Terminal, trap: Trap) -> None:
    script = (
        f"eval \"$({Path(sys.executable).with_name('batchwright')} local env)\" && exec {sys.executable} -c '{ASK}'"
    )
    done = subprocess.run(["sh", "-c", script], env=dict(kept.variables), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("000000000000 batchwright-local-000000000000-us-east-1 default"), done.stdout
    assert trap.caught == []


def test_a_tool_that_wants_a_profile_finds_one(kept: Terminal, trap: Trap) -> None:
    """With the variables of the endpoints, and by the profile alone."""
    asked = (
        "import boto3; session = boto3.Session(profile_name='default'); "
        "print(session.region_name, session.client('batch').describe_job_queues()['jobQueues'][0]['state'], "
        "session.client('sts').get_caller_identity()['Account'])"
    )
    unset = "unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_BATCH AWS_DEFAULT_REGION AWS_REGION AWS_ACCESS_KEY_ID"
    for then in ("true", f"{unset} AWS_SECRET_ACCESS_KEY"):
        command = Path(sys.executable).with_name("batchwright")
        script = f'eval "$({command} local env)" && {then} && exec {sys.executable} -c "{asked}"'
        done = subprocess.run(
            ["sh", "-c", script], env=dict(kept.variables), capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, "us-east-1 ENABLED 000000000000\n"), done
    assert trap.caught == []


def test_the_variables_as_json_are_those_of_the_status(kept: Terminal) -> None:
    variables = json.loads(kept.give("local", "env", "--json").stdout)
    assert variables == status(kept)["environment"]
    assert variables["AWS_ENDPOINT_URL_BATCH"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("words", [["env"], ["env", "--json"]])
def test_without_a_local_aws_there_are_no_variables(words: list[str], terminal: Terminal) -> None:
    done = terminal.give("local", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"nothing is up in {terminal.folder} or above it; start it with `batchwright local up`\n"


def test_what_is_up_is_the_same_for_every_command_wherever_it_is_given(terminal: Terminal) -> None:
    file = terminal.folder / terminal.workflow("slow", {"only": {"command": ["sleep", "600"]}})
    below, elsewhere = terminal.folder / "sub" / "folder", terminal.folder.parent / f"{terminal.folder.name}-elsewhere"
    below.mkdir(parents=True)
    elsewhere.mkdir()
    terminal.give("local", "up")
    variables = json.loads(terminal.give("local", "env", "--json").stdout)
    for folder, loaded in ((below, {}), (elsewhere, variables)):
        for words in (["local", "status"], ["run", str(file), "--detach"], ["runs"]):
            done = terminal.give(*words, folder=folder, **loaded)
            assert done.returncode == 0, done
    assert terminal.give("local", "status", folder=elsewhere).returncode == 1
    ids = [run["run_id"] for run in json.loads(terminal.give("runs", "--json").stdout)]
    down = terminal.give("local", "down", folder=below)
    assert (down.returncode, down.stdout) == (0, "Stopped.\n")
    assert down.stderr == f"2 runs that had not ended went with it: {', '.join(ids)}.\n"
