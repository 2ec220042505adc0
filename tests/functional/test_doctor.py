"""`batchwright doctor` on a local AWS: a run that went well is not told of; one that was tampered with is, with a 1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from batchwright.doctor.reader import BatchJobs, run_ids_in
from batchwright.local.isolation import client
from chalicelib.aws.table.items import RUNS_BY_WORKFLOW
from tests.functional.commands import Terminal, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long


@pytest.fixture
def environment(kept: Terminal) -> dict[str, str]:
    variables: dict[str, str] = json.loads(kept.give("local", "env", "--json").stdout)
    return variables


def finished_run(kept: Terminal) -> str:
    tasks = {"first": {"command": ["true"]}, "second": {"command": ["true"], "depends_on": ["first"]}}
    done = kept.give("run", kept.workflow("examined", tasks), "--json")
    assert done.returncode == 0, done
    run_id: str = json.loads(done.stdout)["run_id"]
    return run_id


@pytest.fixture
def tampered(kept: Terminal, environment: dict[str, str]) -> Iterator[str]:
    """A run whose record says that it failed; as it was, afterwards."""
    run_id = finished_run(kept)
    dynamodb = client("dynamodb", environment)

    def say(state: str) -> None:
        dynamodb.update_item(
            TableName=environment["BATCHWRIGHT_TABLE"],
            Key={"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}},
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": {"S": state}},
        )

    say("failed")
    yield run_id
    say("succeeded")


def test_a_run_that_went_well_is_nothing_to_report(kept: Terminal, environment: dict[str, str]) -> None:
    run_id = finished_run(kept)
    told = kept.give("doctor", "--run", run_id)
    assert (told.returncode, told.stdout) == (0, "1 run, 2 tasks: nothing to report\n"), told
    found = run_ids_in(client("dynamodb", environment), environment["BATCHWRIGHT_TABLE"], RUNS_BY_WORKFLOW)
    assert run_id in found


def test_what_is_found_is_told_with_its_place_rule_and_value(kept: Terminal, tampered: str) -> None:
    told = kept.give("doctor", "--run", tampered)
    assert told.returncode == 1, told
    assert "a run ends as its tallies say" in told.stdout
    assert "the run is failed, its tallies say succeeded" in told.stdout
    assert told.stdout.endswith("1 run, 2 tasks: 1 finding (docs/how-to/check-a-stage.md)\n")
    document = json.loads(kept.give("doctor", "--json", "--run", tampered).stdout)
    assert [(one["severity"], one["run_id"], one["place"]) for one in document["findings"]] == [
        ("error", tampered, "run")
    ]


def test_a_run_that_is_not_there_is_the_users_mistake(kept: Terminal) -> None:
    told = kept.give("doctor", "--run", "nobody-1")
    assert told.returncode == 2
    assert told.stderr == "there is no run 'nobody-1' in table batchwright-local\n"


def test_the_jobs_that_are_alive_in_a_queue_are_found_page_by_page(environment: dict[str, str]) -> None:
    batch: Any = client("batch", environment)
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    definition = {"image": "busybox", "resourceRequirements": needs}
    batch.register_job_definition(jobDefinitionName="sleeper", type="container", containerProperties=definition)
    job_id = batch.submit_job(
        jobName="sleeper", jobQueue="default", jobDefinition="sleeper", containerOverrides={"command": ["sleep", "60"]}
    )["jobId"]
    jobs = BatchJobs(batch)
    try:
        assert job_id in jobs.alive("default", 100)
        assert jobs.describe([job_id])[job_id]["jobName"] == "sleeper"
    finally:
        batch.terminate_job(jobId=job_id, reason="no longer wanted")
    wait_until(lambda: job_id not in jobs.alive("default", 100), "the job to end")
    assert jobs.alive("a-queue-that-is-gone", 100) == []
