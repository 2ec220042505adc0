"""What jobs find in their environment from whoever started the server: the way back to it, a PATH, and variables."""

from __future__ import annotations

import json
import os
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.batch.client import LocalBatch, LocalBatchError

from .account import BatchAccount, log_lines, wait_for
from .conftest import StartBatch

FOUND = "import json, os, sys; print(json.dumps([os.environ['PATH'].split(':'), sys.prefix, dict(os.environ)]))"


def written(account: BatchAccount, logs: Any, job_id: str) -> list[str]:
    job = account.finish(job_id)
    stream = job["container"]["logStreamName"]
    lines: list[str] = wait_for(lambda: log_lines(logs, stream), "the log")
    assert job["status"] == "SUCCEEDED", lines
    return lines


def test_a_job_can_call_the_batch_that_runs_it(start_batch: StartBatch, logs: Any, ministack: Any) -> None:
    given = [f"--job-environment={name}={value}" for name, value in ministack.environment().items()]
    account = BatchAccount(start_batch(*given).endpoint_url)
    source = (
        "import boto3, os\n"
        "batch = boto3.client('batch')\n"
        "(me,) = batch.describe_jobs(jobs=[os.environ['AWS_BATCH_JOB_ID']])['jobs']\n"
        "print(me['status'])\n"
        "child = batch.submit_job(jobName='child', jobQueue=me['jobQueue'], jobDefinition=me['jobDefinition'])\n"
        "print(child['jobId'])\n"
    )
    status, child = written(account, logs, account.python(source))
    assert status == "RUNNING"
    assert account.finish(child)["status"] == "SUCCEEDED"


def test_the_path_of_jobs_begins_with_the_virtual_environment_that_is_active(
    start_batch: StartBatch, logs: Any, tmp_path: Path
) -> None:
    """So a job gets the packages of its author, wherever Batchwright is installed."""
    active = tmp_path / "active"
    venv.create(active, symlinks=True)
    (packages,) = active.glob("lib/python*/site-packages")
    (packages / "pandas.py").write_text("answer = 42")
    account = BatchAccount(start_batch(VIRTUAL_ENV=str(active)).endpoint_url)
    (line,) = written(account, logs, account.python(FOUND + "; import pandas"))
    path, prefix, _ = json.loads(line)
    assert path[:2] == [str(active / "bin"), str(Path(sys.executable).parent)]
    assert prefix == str(active)


@pytest.mark.parametrize("variables", [{"VIRTUAL_ENV": ""}, {"VIRTUAL_ENV": "/no/such/folder"}])
def test_without_one_it_begins_with_that_of_the_server(
    start_batch: StartBatch, logs: Any, variables: dict[str, str]
) -> None:
    account = BatchAccount(start_batch(**variables, CONDA_PREFIX="").endpoint_url)
    (line,) = written(account, logs, account.python(FOUND))
    assert json.loads(line)[0] == [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]


def test_a_variable_is_given_with_its_value_or_takes_that_of_the_caller(start_batch: StartBatch, logs: Any) -> None:
    options = ["--job-environment=ONE=1=one", "--job-environment", "TAKEN", "--job-environment=PATH=/usr/bin:/bin"]
    account = BatchAccount(start_batch(*options, TAKEN="from here").endpoint_url)
    (line,) = written(account, logs, account.submit(sys.executable, "-c", FOUND))
    path, _, environment = json.loads(line)
    assert (environment["ONE"], environment["TAKEN"], path) == ("1=one", "from here", ["/usr/bin", "/bin"])


def test_a_variable_that_the_caller_has_not_is_refused(tmp_path: Path) -> None:
    assert "NOT_SET_HERE" not in os.environ
    server = LocalBatch(tmp_path / "work", tmp_path / "log", ["--job-environment", "NOT_SET_HERE"])
    with pytest.raises(LocalBatchError):
        server.start()
    assert "NOT_SET_HERE is not set here, so jobs cannot get its value" in (tmp_path / "log").read_text()
