"""The doctor's rules about jobs, against a Batch that tells what the test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from batchwright.doctor.reader import Doctor
from chalicelib.core.ids import Attempt, identity_parameters, job_name
from chalicelib.core.run.records import Tally
from chalicelib.core.states import RunState, TaskState
from tests.unit.doctor.test_rules import BEGUN_MS, ENDED_MS, LATE_MS, NEVER_MS, PATIENCE, PLAN, RUN, Made, redriven

LATER_MS = ENDED_MS + LATE_MS + 1


class ToldJobs:
    """Batch as far as the doctor asks it."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def add(self, job_id: str, index: int, status: str, **more: Any) -> None:
        attempt = Attempt(more.pop("run_id", RUN.run_id), more.pop("epoch", 0), index, more.pop("number", 1))
        self.jobs[job_id] = {
            "jobId": job_id,
            "jobName": job_name(attempt, PLAN.tasks[index].name),
            "status": status,
            "createdAt": BEGUN_MS,
            "parameters": identity_parameters(attempt),
            **more,
        }

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        self.asked += job_ids
        return {job_id: self.jobs[job_id] for job_id in job_ids if job_id in self.jobs}

    def alive(self, queue: str, limit: int) -> list[str]:
        assert queue == "queue"
        return [job_id for job_id, job in self.jobs.items() if job["status"] not in ("SUCCEEDED", "FAILED")]


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
def batch() -> ToldJobs:
    return ToldJobs()


def told(made: Made, batch: ToldJobs, now_ms: int) -> list[tuple[str, str, str]]:
    report = Doctor(made.store, batch, PATIENCE, lambda: now_ms).look([RUN.run_id])
    return [(one.place, one.rule, one.value) for one in report.findings]


def test_a_job_that_is_alive_long_after_its_run_ended_is_told_of(made: Made, batch: ToldJobs) -> None:
    made.ended()
    batch.add("job-1", 1, "RUNNING")
    assert told(made, batch, LATER_MS - 1) == []
    value = "job job-1 is RUNNING, and the run is succeeded"
    assert told(made, batch, LATER_MS) == [("task 1 'second'", "no job outlives its run", value)]


def test_jobs_under_way_of_a_run_that_goes_on_are_not_told_of(made: Made, batch: ToldJobs) -> None:
    made.run(sweep_at_ms=NEVER_MS)
    made.record(0, state=TaskState.RUNNING, job_id="job-0")
    batch.add("job-0", 0, "RUNNING")
    assert told(made, batch, NEVER_MS // 2) == []


def test_a_second_job_that_is_alive_is_told_of(made: Made, batch: ToldJobs) -> None:
    made.run(sweep_at_ms=NEVER_MS)
    made.record(0, state=TaskState.RUNNING, job_id="job-0", second_jobs=frozenset({"job-9"}))
    batch.add("job-9", 0, "RUNNING")
    assert told(made, batch, BEGUN_MS + LATE_MS) == []
    found = told(made, batch, BEGUN_MS + LATE_MS + 1)
    assert found == [("task 0 'first'", "an attempt has one job", "second job job-9 is RUNNING")]


def test_an_ending_that_nobody_heard_of_is_told_of_once_batch_must_have_been_asked(made: Made, batch: ToldJobs) -> None:
    made.run(sweep_at_ms=NEVER_MS)
    made.record(0, state=TaskState.RUNNING, job_id="job-0", started_at_ms=BEGUN_MS)
    hour_ms = 3_600_000
    batch.add("job-0", 0, "SUCCEEDED", stoppedAt=BEGUN_MS + hour_ms)
    # After an hour of silence the next question may come after another one.
    assert told(made, batch, BEGUN_MS + 2 * hour_ms + LATE_MS) == []
    [(_, rule, value)] = told(made, batch, BEGUN_MS + 2 * hour_ms + LATE_MS + 1)
    assert (rule, value) == ("a job's end is heard of", "job job-0 is SUCCEEDED, and the record is running")


def test_a_record_that_nobody_committed_after_its_tally_is_told_of(made: Made, batch: ToldJobs) -> None:
    made.run(sweep_at_ms=NEVER_MS)
    made.tally(Tally(succeeded=0b001))
    made.record(0, state=TaskState.RUNNING, job_id="job-0", started_at_ms=BEGUN_MS)
    batch.add("job-0", 0, "SUCCEEDED", stoppedAt=BEGUN_MS + 1000)
    late_ms = BEGUN_MS + 2 * 900_000 + LATE_MS
    assert told(made, batch, late_ms) == []
    [(_, rule, value)] = told(made, batch, late_ms + 1)
    assert (rule, value) == ("who tallies commits", "tallied as succeeded, and the record is running")
    # Once its shard is full, the sweep leaves it to its last look.
    made.tally(Tally(succeeded=0b001, skipped=0b110))
    assert told(made, batch, late_ms + 1) == []


def test_two_jobs_alive_for_one_attempt_are_told_of(made: Made, batch: ToldJobs) -> None:
    made.run(sweep_at_ms=NEVER_MS)
    made.record(0, state=TaskState.RUNNING, job_id="job-0")
    batch.add("job-0", 0, "RUNNING")
    batch.add("job-1", 0, "RUNNABLE")
    assert told(made, batch, BEGUN_MS + LATE_MS) == []
    assert told(made, batch, BEGUN_MS + LATE_MS + 1) == [
        ("task 0 'first'", "an attempt has one job", "job job-1 is RUNNABLE, and the record has job job-0"),
        ("task 0 'first'", "an attempt has one job", "2 jobs are alive: job-0, job-1"),
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"run_id": "nobody-1"}, "there is no such run"),
        ({"index": 2}, "its task was never claimed"),
    ],
)
def test_a_job_that_nothing_in_the_table_wants_is_told_of(
    made: Made, batch: ToldJobs, more: dict[str, Any], why: str
) -> None:
    made.run(sweep_at_ms=NEVER_MS)
    batch.add("job-7", **{"index": 0, "status": "RUNNING", **more})
    [(_, _, value)] = told(made, batch, BEGUN_MS + LATE_MS + 1)
    assert value == f"job job-7 is RUNNING, and {why}"


def test_a_job_of_an_epoch_that_is_over_is_told_of(made: Made, batch: ToldJobs) -> None:
    redriven(made, Tally(succeeded=0b011))
    made.run(sweep_at_ms=NEVER_MS)
    batch.add("job-7", 2, "RUNNING", number=2)
    [(place, _, value)] = told(made, batch, LATER_MS)
    assert (place, value) == ("epoch 0, task 2", "job job-7 is RUNNING, and the run is in epoch 1")


def test_somebody_elses_copy_of_a_job_is_not_told_of(made: Made, batch: ToldJobs) -> None:
    made.ended()
    batch.add("job-7", 0, "RUNNING", jobName="copied-by-hand")
    assert told(made, batch, LATER_MS) == []


def test_batch_is_asked_about_open_and_second_jobs_and_about_all_of_a_run_that_ended(
    made: Made, batch: ToldJobs
) -> None:
    made.record(0, state=TaskState.SUCCEEDED, job_id="job-0", second_jobs=frozenset({"job-9"}))
    made.record(1, state=TaskState.RUNNING, job_id="job-1")
    made.record(2, state=TaskState.RUNNING, job_id="refused:job-2")
    told(made, batch, BEGUN_MS)
    assert batch.asked == ["job-9", "job-1"]
    made.ended()
    made.run(state=RunState.SUCCEEDED)
    batch.asked.clear()
    told(made, batch, BEGUN_MS)
    assert batch.asked == ["job-0", "job-1", "job-2"]
