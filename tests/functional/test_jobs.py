"""Jobs that others submit: seen by a local AWS, listed, shown, and their logs read, as a user gives the commands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from batchwright.local.isolation import client
from tests.functional.commands import Terminal, wait_until

SCRIPT = "echo one; test $AWS_BATCH_JOB_ATTEMPT = 2 && echo two; sleep 0.5; exit 3"


class Desk:
    """Gives commands in this process, on the kept local AWS, and submits jobs there as anybody may."""

    def __init__(self) -> None:
        self._environment = json.loads(self.said("local", "env", "--json"))
        self._batch = client("batch", self._environment)
        resources = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
        own_group = {"logDriver": "awslogs", "options": {"awslogs-group": "/theirs/jobs"}}
        self._batch.register_job_definition(
            jobDefinitionName="theirs",
            type="container",
            containerProperties={"image": "none", "command": ["true"], "resourceRequirements": resources},
        )
        self._batch.register_job_definition(
            jobDefinitionName="theirs-elsewhere",
            type="container",
            containerProperties={
                "image": "none",
                "command": ["true"],
                "resourceRequirements": resources,
                "logConfiguration": own_group,
            },
        )

    def give(self, *words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    def said(self, *words: str, code: int = 0) -> str:
        done = self.give(*words)
        assert done.exit_code == code, (words, done.output)
        assert "Traceback" not in done.output
        return done.output

    def printed(self, *words: str) -> str:
        """What a command printed for another program to read."""
        done = self.give(*words)
        assert done.exit_code == 0, (words, done.output)
        return done.stdout

    def submit(self, name: str, script: str, **more: Any) -> str:
        job_id: str = self._batch.submit_job(
            jobName=name,
            jobQueue="default",
            containerOverrides={"command": ["sh", "-c", script]},
            **{"jobDefinition": "theirs", **more},
        )["jobId"]
        return job_id

    def shown(self, job_id: str) -> dict[str, Any]:
        done = self.give("jobs", "show", job_id, "--json")
        return json.loads(done.output) if done.exit_code == 0 else {"state": "-"}

    def wait_for(self, job_id: str, state: str) -> None:
        wait_until(lambda: self.shown(job_id)["state"] == state, f"{state} of {job_id}")


@pytest.fixture
def desk(kept: Terminal, kept_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    before = dict(os.environ)
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(kept_home))
    # None of these leads a command away from the local AWS.
    os.environ.update({name: value for name, value in kept.variables.items() if name.startswith("AWS_")})
    yield Desk()
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.long
def test_a_job_of_somebody_else_is_listed_shown_and_read(desk: Desk) -> None:
    job_id = desk.submit("theirs-fails", SCRIPT, retryStrategy={"attempts": 2})
    desk.wait_for(job_id, "FAILED")
    listed = json.loads(desk.printed("jobs", "--name", "theirs-f", "--state", "failed", "--since", "1h", "--json"))
    assert [(job["job_id"], job["exit_code"], job["job_tries"]) for job in listed["items"]] == [(job_id, 3, 2)]
    table = desk.said("jobs", "--name", "theirs-*s", "--queue", "default", "--foreign")
    assert job_id in table and "exit code 3" in table and "batchwright show RUN" not in table
    shown = desk.said("jobs", "show", job_id)
    assert "exit code 3: Essential container in task exited" in shown and "try  exit code" in shown
    assert desk.said("jobs", "logs", job_id) == "one\ntwo\n"
    assert desk.said("jobs", "logs", job_id, "--try", "1") == "one\n"
    assert desk.said("jobs", "logs", job_id, "--tail", "1", "--json").count('"text": "two"') == 1


def test_a_job_is_followed_over_its_tries(desk: Desk) -> None:
    job_id = desk.submit("theirs-followed", SCRIPT, retryStrategy={"attempts": 2})
    wait_until(lambda: desk.shown(job_id)["state"] != "-", "the record of the job")
    assert desk.said("jobs", "logs", job_id, "--follow").splitlines()[-2:] == ["one", "two"]


def test_the_log_of_a_job_with_a_log_group_of_its_own_is_read_there(desk: Desk) -> None:
    job_id = desk.submit("theirs-elsewhere", "echo here; sleep 0.5", jobDefinition="theirs-elsewhere")
    desk.wait_for(job_id, "SUCCEEDED")
    assert desk.said("jobs", "logs", job_id) == "here\n"
    assert "/theirs/jobs:theirs-elsewhere/default/" in desk.said("jobs", "show", job_id)
    array = desk.submit("theirs-too", "echo $0", jobDefinition="theirs-elsewhere", arrayProperties={"size": 2})
    desk.wait_for(array, "SUCCEEDED")
    assert desk.said("jobs", "logs", array, "--child", "1") == "sh\n"


def test_an_array_tells_how_far_it_is_and_its_childrens_logs(desk: Desk) -> None:
    job_id = desk.submit("theirs-array", "echo child $AWS_BATCH_JOB_ARRAY_INDEX", arrayProperties={"size": 2})
    desk.wait_for(job_id, "SUCCEEDED")
    assert "2 jobs: 2 SUCCEEDED" in desk.said("jobs", "show", job_id)
    assert desk.said("jobs", "logs", job_id, "--child", "1") == "child 1\n"
    assert "say of which child" in desk.said("jobs", "logs", job_id, code=2)


def test_of_an_array_that_failed_the_jobs_that_did_are_named_and_read_by_their_ids(desk: Desk) -> None:
    script = "echo child $AWS_BATCH_JOB_ARRAY_INDEX; exit $((AWS_BATCH_JOB_ARRAY_INDEX * 7))"
    job_id = desk.submit("theirs-array-fails", script, arrayProperties={"size": 2})
    desk.wait_for(job_id, "FAILED")
    shown = desk.said("jobs", "show", job_id[:13])
    assert "1: exit code 7: Essential container in task exited" in shown
    assert f"`batchwright jobs logs {job_id}:1` prints what one wrote" in shown
    assert desk.said("jobs", "logs", f"{job_id}:1") == desk.said("jobs", "logs", f"{job_id[:13]}:1") == "child 1\n"
    child = desk.shown(f"{job_id}:1")
    assert (child["job_id"], child["state"], child["exit_code"]) == (f"{job_id}:1", "FAILED", 7)
    assert "has 2 children, from 0; it has no 2" in desk.said("jobs", "show", f"{job_id}:2", code=2)


def test_mistakes_and_empty_lists_are_told(desk: Desk) -> None:
    none = desk.said("jobs", "--queue", "no-such-queue")
    assert none.splitlines() == [
        "No such jobs are recorded.",
        "Jobs of runs are not in this list; `batchwright show RUN` has them.",
    ]
    assert json.loads(desk.printed("jobs", "--queue", "no-such-queue", "--json"))["items"] == []
    assert "options go behind 'show'" in desk.said("jobs", "--foreign", "show", "x", code=2)
    assert "no job 'x' is recorded" in desk.said("jobs", "show", "x", code=2)
    assert "name must be what a name begins with, or a pattern" in desk.said("jobs", "--name", "[a]", code=2)
    assert "there is no" not in desk.said("jobs", "logs", "--help")
