"""The Batch port: in memory, and AWS's protocol against the local Batch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from batchwright.local.batch.client import LocalBatch
from chalicelib.aws.batch import AwsBatch
from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.job_event import read_job
from chalicelib.core.errors import Throttled, UserMistake
from chalicelib.core.ids import Attempt, identity_parameters
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.ports.services import Batch
from tests.contract import servers
from tests.memory.batch import MemoryBatch, SubmitFault
from tests.memory.clock import HandClock

DEADLINE_SECONDS = 20.0


class Place(Protocol):
    """A Batch under test: the port, a request that it takes and whose job never starts, and what became of jobs."""

    batch: Batch
    request: JobRequest
    other_queue: str

    def refuse(self) -> JobRequest: ...
    def reasons(self, job_ids: list[str]) -> list[str | None]: ...


class InMemory:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.memory = MemoryBatch(self.clock)
        self.batch: Batch = self.memory
        self.request = JobRequest(name="films-0123", queue="films", job_definition="films:1", command=("true",))
        self.other_queue = "other"

    def refuse(self) -> JobRequest:
        self.memory.faults.append(SubmitFault.REFUSED)
        return replace(self.request, queue="nowhere")

    def reasons(self, job_ids: list[str]) -> list[str | None]:
        return [self.memory.jobs[job_id].terminated for job_id in job_ids]


class OnLocalBatch:
    """A queue of the local Batch whose compute environment is too small for the job, so that it stays RUNNABLE."""

    def __init__(self, endpoint_url: str, name: str, *, only_one_by_one: bool) -> None:
        self.client = servers.client("batch", endpoint_url)
        self.client.create_compute_environment(computeEnvironmentName=name, type="UNMANAGED", unmanagedvCpus=1)
        self.other_queue = f"{name}-other"
        for queue in (name, self.other_queue):
            order = [{"order": 1, "computeEnvironment": name}]
            self.client.create_job_queue(jobQueueName=queue, priority=1, computeEnvironmentOrder=order)
        resources = [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "128"}]
        self.client.register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties={"image": "any", "command": ["true"], "resourceRequirements": resources},
        )
        client = _WithoutBulk(self.client) if only_one_by_one else self.client
        self.batch: Batch = AwsBatch(client, servers.client("batch", endpoint_url, total_tries=1))
        self.request = JobRequest(name="films-0123", queue=name, job_definition=name, command=("echo", "films"))

    def refuse(self) -> JobRequest:
        return replace(self.request, queue="nowhere")

    def reasons(self, job_ids: list[str]) -> list[str | None]:
        """Why each job ended; waits, for a termination takes a moment."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            found = {}
            for start in range(0, len(job_ids), 100):
                for job in self.client.describe_jobs(jobs=job_ids[start : start + 100])["jobs"]:
                    found[job["jobId"]] = job["statusReason"] if job["status"] == "FAILED" else None
            reasons = [found[job_id] for job_id in job_ids]
            if None not in reasons or time.monotonic() > deadline:
                return reasons
            time.sleep(0.05)


class _WithoutBulk:
    """A client of an older boto3, which terminates one job a call."""

    def __init__(self, client: Any) -> None:
        self.terminate_job = client.terminate_job
        self.describe_jobs = client.describe_jobs
        self.list_jobs = client.list_jobs
        self.get_paginator = client.get_paginator


@pytest.fixture(scope="module")
def batch_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("batch")
    with LocalBatch(folder / "work", folder / "batch.log") as server:
        yield server.endpoint_url


@pytest.fixture(params=["memory", "local", "local, one by one"])
def place(request: pytest.FixtureRequest, fresh: str) -> Place:
    if request.param == "memory":
        return InMemory()
    endpoint_url = request.getfixturevalue("batch_endpoint")
    return OnLocalBatch(endpoint_url, fresh, only_one_by_one=request.param != "local")


def test_a_submitted_job_is_found_by_its_exact_name(place: Place) -> None:
    job_id = place.batch.submit(place.request)
    [found] = place.batch.find(place.request.queue, place.request.name)
    assert (found.job_id, found.job_name) == (job_id, place.request.name)


def test_jobs_of_one_name_are_found_oldest_first(place: Place) -> None:
    submitted = [place.batch.submit(place.request) for _ in range(3)]
    found = place.batch.find(place.request.queue, place.request.name)
    assert {job.job_id for job in found} == set(submitted)
    assert [job.created_at_ms for job in found] == sorted(job.created_at_ms for job in found)


def test_more_jobs_than_fit_a_page_are_all_found(place: Place) -> None:
    submitted = {place.batch.submit(place.request) for _ in range(120)}
    assert {job.job_id for job in place.batch.find(place.request.queue, place.request.name)} == submitted


def test_a_job_whose_name_differs_in_case_or_goes_on_is_another(place: Place) -> None:
    place.batch.submit(replace(place.request, name="FILMS-0123"))
    place.batch.submit(replace(place.request, name="films-01234"))
    assert place.batch.find(place.request.queue, "films-0123") == []


def test_a_job_of_another_queue_is_not_found(place: Place) -> None:
    place.batch.submit(place.request)
    assert place.batch.find(place.other_queue, place.request.name) == []


def test_a_job_that_ended_is_found_too(place: Place) -> None:
    job_id = place.batch.submit(place.request)
    place.batch.terminate([job_id], "not wanted")
    assert place.reasons([job_id]) == ["not wanted"]
    assert [job.job_id for job in place.batch.find(place.request.queue, place.request.name)] == [job_id]


def _change(detail: Mapping[str, Any]) -> JobChange | None:
    job = read_job(detail)
    return None if job is None else job.change()


def test_jobs_are_described_as_their_events_would_and_an_unknown_one_is_left_out(place: Place) -> None:
    attempt = Attempt("films-1", 2, 300, 1)
    parameters = tuple(sorted(identity_parameters(attempt).items()))
    request = replace(place.request, parameters=parameters)
    submitted = [place.batch.submit(request) for _ in range(120)]
    found = place.batch.describe(["00000000-aaaa-4000-8000-000000000000", *submitted])
    assert set(found) == set(submitted)
    for job_id, detail in found.items():
        change = _change(detail)
        assert change is not None
        assert (change.job_id, change.job_name, change.attempt) == (job_id, request.name, attempt)
        assert not change.status.ended


def test_a_job_that_was_terminated_is_described_with_its_end(place: Place) -> None:
    request = replace(place.request, parameters=tuple(identity_parameters(Attempt("films-1", 0, 0, 1)).items()))
    job_id = place.batch.submit(request)
    place.batch.terminate([job_id], "not wanted")
    assert place.reasons([job_id]) == ["not wanted"]
    change = _change(place.batch.describe([job_id])[job_id])
    assert change is not None
    assert change.result is not None
    assert (change.result.succeeded, change.result.reason) == (False, "not wanted")


def test_nothing_is_known_of_no_jobs(place: Place) -> None:
    assert place.batch.describe([]) == {}


def test_what_batch_refuses_is_the_users_mistake_in_batchs_words(place: Place) -> None:
    with pytest.raises(UserMistake, match="nowhere"):
        place.batch.submit(place.refuse())
    assert place.batch.find(place.request.queue, place.request.name) == []


def test_terminated_jobs_end_with_the_reason(place: Place) -> None:
    submitted = [place.batch.submit(place.request) for _ in range(120)]
    place.batch.terminate(submitted, "batchwright: the run was cancelled")
    assert set(place.reasons(submitted)) == {"batchwright: the run was cancelled"}


def test_a_job_that_ended_or_is_unknown_does_not_matter_to_the_others(place: Place) -> None:
    ended, alive = place.batch.submit(place.request), place.batch.submit(place.request)
    place.batch.terminate([ended], "first")
    assert place.reasons([ended]) == ["first"]
    place.batch.terminate(["00000000-aaaa-4000-8000-000000000000", ended, alive], "second")
    assert place.reasons([ended, alive]) == ["first", "second"]


def test_terminating_nothing_is_no_mistake_although_batch_would_refuse_it(place: Place) -> None:
    place.batch.terminate([], "nothing")


def test_the_whole_request_reaches_batch(batch_endpoint: str, fresh: str) -> None:
    place = OnLocalBatch(batch_endpoint, fresh, only_one_by_one=False)
    request = replace(
        place.request,
        environment=(("TITLE", "Amélie"),),
        parameters=(("batchwright_run", "films-1"),),
        vcpus=4.0,
        memory_mib=256,
        array_size=3,
        timeout_seconds=60,
        tags=(("team", "films"),),
    )
    [job] = place.client.describe_jobs(jobs=[place.batch.submit(request)])["jobs"]
    container = job["container"]
    assert (job["jobName"], job["parameters"]) == ("films-0123", {"batchwright_run": "films-1"})
    assert job["arrayProperties"]["size"] == 3
    assert job["timeout"] == {"attemptDurationSeconds": 60}
    assert container["command"] == ["echo", "films"]
    assert {"name": "TITLE", "value": "Amélie"} in container["environment"]
    assert {"type": "VCPU", "value": "4"} in container["resourceRequirements"]


def test_a_rate_above_batchs_is_throttled_and_had_no_effect(tmp_path: Path, fresh: str) -> None:
    with LocalBatch(tmp_path / "work", tmp_path / "batch.log", ["--submit-rate", "5"]) as server:
        place = OnLocalBatch(server.endpoint_url, fresh, only_one_by_one=False)
        submitted = set()
        with pytest.raises(Throttled, match="SubmitJob"):
            for _ in range(100):
                submitted.add(place.batch.submit(place.request))
        assert {job.job_id for job in place.batch.find(fresh, place.request.name)} == submitted


def test_a_job_that_is_no_array_or_that_nobody_knows_has_no_children_that_failed(place: Place) -> None:
    job_id = place.batch.submit(place.request)
    assert place.batch.failed_children(job_id, 3) == []
    assert place.batch.failed_children("aaaaaaaa-0000-4000-8000-000000000001", 3) == []
