"""What the jobs of a local AWS find in their environment, from the commands that start one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.functional.commands import Terminal

SHOW = ["python3", "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


def environment_of_a_job(terminal: Terminal, *options: str, **variables: str) -> dict[str, str]:
    """What a job finds, as its log shows it, on the local AWS that is up."""
    started = terminal.give(
        "run", terminal.workflow("shown", {"only": {"command": SHOW}}), "--json", *options, **variables
    )
    assert started.returncode == 0, started
    log = terminal.give("logs", json.loads(started.stdout)["run_id"], "only", **variables)
    found: dict[str, str] = json.loads(log.stdout)
    return found


def test_a_job_knows_every_endpoint_that_the_local_aws_serves_and_the_bucket(kept: Terminal) -> None:
    variables: dict[str, str] = json.loads(kept.give("local", "env", "--json").stdout)
    endpoints = {name: value for name, value in variables.items() if name.startswith("AWS_ENDPOINT_URL")}
    assert {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BATCH"} <= endpoints.keys()
    found = environment_of_a_job(kept)
    assert {name: value for name, value in found.items() if name.startswith("AWS_ENDPOINT_URL")} == endpoints
    assert found["BATCHWRIGHT_BUCKET"] == variables["BATCHWRIGHT_BUCKET"]


@pytest.mark.long
def test_variables_of_jobs_are_given_to_a_local_aws_and_shown_nowhere(terminal: Terminal, tmp_path: Path) -> None:
    active = tmp_path / "active"
    (active / "bin").mkdir(parents=True)
    options = ["--job-environment", "PLAIN=one", "--job-environment", "SECRET"]
    secret = {"SECRET": "s3cret-of-mine"}
    up = terminal.give("local", "up", *options, **secret, VIRTUAL_ENV=str(active))
    assert up.returncode == 0, up
    found = environment_of_a_job(terminal, *options, **secret)
    assert (found["PLAIN"], found["SECRET"]) == ("one", "s3cret-of-mine")
    assert found["PATH"].split(":")[0] == str(active / "bin")
    state = json.loads((terminal.folder / ".batchwright" / "local.json").read_text())
    supervisor = psutil.Process(state["pid"])
    lines = [part for process in (supervisor, *supervisor.children(recursive=True)) for part in process.cmdline()]
    assert not any("s3cret" in part for part in lines)
    files = subprocess.run(["grep", "-rl", "s3cret", str(terminal.folder / ".batchwright")], capture_output=True)
    assert files.stdout == b""
    other = terminal.give("local", "up", "--job-environment", "PLAIN=two", **secret)
    assert other.returncode == 2
    assert "PLAIN" in other.stderr and "SECRET" in other.stderr and "s3cret" not in other.stderr
    same = terminal.give("local", "up", *options, **secret)
    assert (same.returncode, same.stdout.startswith("It is up already")) == (0, True)


@pytest.mark.parametrize("command", [["local", "up"], ["run", "any.yaml"], ["demo"]])
def test_a_variable_that_is_not_set_is_refused_before_anything_starts(command: list[str], terminal: Terminal) -> None:
    done = terminal.give(*command, "--job-environment", "NOT_SET_HERE")
    assert done.returncode == 2
    assert "NOT_SET_HERE is not set here, so jobs cannot get its value" in done.stderr
    assert not (terminal.folder / ".batchwright").exists()
