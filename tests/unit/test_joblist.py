"""Recorded jobs as a person sees them, held to golden files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from batchwright.joblist import job_lines, jobs_table, own_jobs_hint, tries_table, why_none
from chalicelib.api import models as m
from chalicelib.core.failure import FailureClass
from chalicelib.core.jobrecord import JobState, ManagedBy
from chalicelib.core.states import JobStatus
from tests.unit.rows import NOON_MS

GOLDEN = Path(__file__).parents[1] / "golden"
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


def printed(renderable: object, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize("width", [200, 100, 80, 60])
def test_jobs_are_listed_as_in_the_golden_file(width: int) -> None:
    text = printed(jobs_table(JOBS, NOW_MS, width), width)
    assert text == (GOLDEN / f"jobs.{width}.txt").read_text()
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("name", "shown"), [("failed", FAILED), ("array", ARRAY), ("ours", OURS), ("forgotten", FORGOTTEN)]
)
def test_a_job_is_shown_as_in_the_golden_file(name: str, shown: m.Job) -> None:
    text = "".join(f"{title:<14} {value}\n" for title, value in job_lines(shown, NOW_MS))
    table = tries_table(shown)
    text += "" if table is None else f"\n{printed(table, 80)}"
    assert text == (GOLDEN / f"job.{name}.txt").read_text()


def test_nothing_that_somebody_else_wrote_begins_a_line_of_its_own() -> None:
    fake = "why\nstate         SUCCEEDED\u2028x"
    one = m.JobTry(started_at_ms=None, stopped_at_ms=None, exit_code=1, reason=fake, log_stream=None)
    running = job(1, "RUNNING", fake, queue=fake, reason=fake, log_stream=fake, job_tries=2, tries=[one, one])
    assert all(len(value.splitlines()) == 1 for _, value in job_lines(running, NOW_MS))
    assert dict(job_lines(running, NOW_MS))["why"] == "why state SUCCEEDED x"
    assert len(printed(jobs_table([running], NOW_MS, 400), 400).splitlines()) == 2
    assert len(printed(tries_table(running), 400).splitlines()) == 3


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
