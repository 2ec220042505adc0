"""Recorded jobs as a person sees them, held to golden files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from batchwright.jobs.table import job_columns, job_lines, own_jobs_hint, silence, try_columns, why_none
from batchwright.terminal.tables import Column, table_lines
from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobState, ManagedBy
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import JobStatus
from tests.unit.rows import NOON_MS

GOLDEN = Path(__file__).parents[2] / "golden"
NOW_MS = NOON_MS + 7_200_000


def job(number: int, state: str, name: str, **more: Any) -> m.Job:
    """A job that began some minutes after noon."""
    created_at_ms = NOON_MS + number * 600_000
    times: dict[str, Any] = {"created_at_ms": created_at_ms, "seen_at_ms": created_at_ms + 90_000}
    if state in ("RUNNING", "SUCCEEDED", "FAILED"):
        times["started_at_ms"] = created_at_ms + 10_000
    if state in ("SUCCEEDED", "FAILED"):
        times["stopped_at_ms"] = created_at_ms + 90_000
    status = JobStatus("RUNNING" if state == "UNKNOWN" else state)
    usual = {"queue": "default", "definition": "align:12", "state": JobState(state), "status": status}
    job_id = f"3f0c2a9e-5b1d-4c55-9d0e-{number:012}"
    return m.Job(job_id=job_id, name=name, **{**usual, **times, **more})


TRIES = [
    m.JobTry(started_at_ms=1_000, stopped_at_ms=61_000, reason="Host EC2 (instance i-0abc) terminated."),
    m.JobTry(started_at_ms=100_000, stopped_at_ms=180_000, exit_code=137, reason="OutOfMemoryError"),
]
FAILED = job(
    7, "FAILED", "nf-align-sample-1", exit_code=137, failure=FailureClass.OUT_OF_MEMORY,
    reason="OutOfMemoryError: Container killed\n due to memory usage", job_tries=2, tries=TRIES, vcpus=0.5,
    memory_mib=4096, gpus=1, managed_by=ManagedBy.STEP_FUNCTIONS, log_stream="align/default/0123456789abcdef",
)  # fmt: skip
ARRAY = job(6, "PENDING", "scan", array_size=10_000, children={"RUNNING": 40, "SUCCEEDED": 3_710, "FAILED": 2})
OURS = job(5, "RUNNING", "import-0123456789abcdef", managed_by=ManagedBy.BATCHWRIGHT, run_id="films-abc", task="import",
           attempt=2, queue="spot")  # fmt: skip
SOME_FAILED = job(
    4, "FAILED", "scan-2", array_size=50, children={"SUCCEEDED": 37, "FAILED": 13},
    failed_children=[
        m.FailedChild(index=2, exit_code=7, reason="Essential container\n in task exited"), m.FailedChild(index=11)
    ],
)  # fmt: skip
FORGOTTEN = job(1, "UNKNOWN", "train", lost_at_ms=NOON_MS + 90_000_000)
JOBS = [
    FAILED,
    ARRAY,
    OURS,
    job(4, "FAILED", "scan-2", array_size=50, children={"SUCCEEDED": 47, "FAILED": 3}),
    job(3, "FAILED", "never-began", failure=FailureClass.QUEUE_TIME_LIMIT, started_at_ms=None),
    job(2, "SUCCEEDED", "nightly-export-of-everything-there-is"),
    FORGOTTEN,
]


def printed(columns: Sequence[Column], width: int | None) -> str:
    return "".join(f"{line.plain}\n" for line in table_lines(columns, width))


@pytest.mark.parametrize("width", [200, 100, 80, 60, 44])
def test_jobs_are_listed_as_in_the_golden_file(width: int) -> None:
    text = printed(job_columns(JOBS, NOW_MS), width)
    assert text == (GOLDEN / f"jobs.{width}.txt").read_text()
    if width > 44:
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("name", "shown"),
    [("failed", FAILED), ("array", ARRAY), ("ours", OURS), ("forgotten", FORGOTTEN), ("array-failed", SOME_FAILED)],
)
def test_a_job_is_shown_as_in_the_golden_file(name: str, shown: m.Job) -> None:
    text = "".join(f"{title:<14} {value}\n" for title, value in job_lines(shown, NOW_MS))
    tries = try_columns(shown)
    text += f"\n{printed(tries, 80)}" if tries else ""
    assert text == (GOLDEN / f"job.{name}.txt").read_text()


def test_nothing_that_somebody_else_wrote_begins_a_line_of_its_own() -> None:
    fake = "why\nstate         SUCCEEDED\u2028x"
    one = m.JobTry(started_at_ms=None, stopped_at_ms=None, exit_code=1, reason=fake, log_stream=None)
    running = job(1, "RUNNING", fake, queue=fake, reason=fake, log_stream=fake, job_tries=2, tries=[one, one])
    assert all(len(value.splitlines()) == 1 for _, value in job_lines(running, NOW_MS))
    assert dict(job_lines(running, NOW_MS))["why"] == "why state SUCCEEDED x"
    assert len(printed(job_columns([running], NOW_MS), 400).splitlines()) == 2
    assert len(printed(try_columns(running), 400).splitlines()) == 3


def test_of_a_failed_array_it_is_said_why_its_failed_jobs_are_not_told() -> None:
    def told(**fields: object) -> list[str]:
        return [
            value for name, value in job_lines(SOME_FAILED.model_copy(update=fields), NOW_MS) if name == "failed jobs"
        ]

    assert told(failed_children=[])[0].startswith("which ones, AWS Batch has forgotten")
    assert told(failed_children=None) == [
        f"AWS Batch did not say which; `batchwright jobs show {SOME_FAILED.job_id}:N` asks about one"
    ]
    assert told(failed_children=None, children={"SUCCEEDED": 50}, status=JobStatus.SUCCEEDED) == []


def page(*, records_foreign: bool, records_own: bool) -> m.JobPage:
    return m.JobPage(items=[], records_foreign=records_foreign, records_own=records_own)


def test_an_empty_list_says_why_it_may_be_empty() -> None:
    [none, how, ours] = why_none(page(records_foreign=False, records_own=False), filtered=False, foreign=False)
    assert none == "No jobs are recorded."
    assert "`batchwright deploy --observe-all-jobs`" in how
    assert "`batchwright show RUN`" in ours
    everything = page(records_foreign=True, records_own=True)
    assert why_none(everything, filtered=True, foreign=False) == ["No such jobs are recorded."]
    assert own_jobs_hint(page(records_foreign=True, records_own=False), foreign=True) == []


def test_one_long_name_takes_no_column_from_the_others() -> None:
    long = JOBS[1].model_copy(update={"name": "n" * 64 + "m" * 64})
    header, first, *_ = printed(job_columns([long, *JOBS], NOW_MS), 200).splitlines()
    assert header.split() == ["job", "name", "queue", "state", "why", "age", "duration", "by"]
    assert "nnn…mmm" in first
    assert "m" * 64 in printed(job_columns([long], NOW_MS), None)


def test_what_others_wrote_begins_no_line_that_looks_like_ours() -> None:
    child = m.FailedChild(index=2, reason="x\nstate  SUCCEEDED")
    told = job_lines(SOME_FAILED.model_copy(update={"name": "a\nstate", "failed_children": [child]}), NOW_MS)
    assert not any("\n" in value for _, value in told)
    assert silence(FAILED.model_copy(update={"started_at_ms": None})).count("\n") == 0


def test_of_a_job_that_wrote_nothing_it_is_said_why() -> None:
    assert silence(JOBS[5]) == f"Job {JOBS[5].job_id} wrote nothing."
    assert silence(OURS) == f"Job {OURS.job_id} has written nothing so far: it is RUNNING."
    never = JOBS[4].model_copy(update={"reason": "Job waited too long"})
    assert silence(never).endswith("wrote nothing, because it never started: queue's time limit: Job waited too long")
