"""A notice of every kind, as tests and docs/how-to/get-notices.md show it. Each is made by what makes it in earnest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt, job_name
from chalicelib.core.monitor.blocked_queue import blocked_notice
from chalicelib.core.monitor.counts import Bucket
from chalicelib.core.monitor.failed import failed_notice
from chalicelib.core.monitor.failure_rate import FailureRate, rate_notice
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.monitor.nothing_ran import Deadline, NothingRan, NothingSucceeded, nothing_ran_notice
from chalicelib.core.monitor.notices import day_of, told
from chalicelib.core.monitor.records import Telling
from chalicelib.core.monitor.too_long import DurationRule, RunningLonger, WaitingLonger, overdue_notice
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldChild, ToldJob
from chalicelib.core.run.commands import TellJobFailures
from chalicelib.core.run.notices import run_ended, run_late, run_started, tasks_failed
from chalicelib.core.run.records import Run
from chalicelib.core.states import JobStatus, RunState
from tests.job_events import read_blocked_event

AT_MS = 1_795_287_116_000
MINUTE_MS = 60_000
SIX_IN_BERLIN_MS = 1_795_237_200_000
RUN_ID = "movie-ratings-7k2m9qx4"
STAGE = "prod"

OUT_OF_MEMORY = ToldJob(
    job_id="5f1c2a9e-77aa-4b21-9c06-6a1d0c6f3b10",
    name=job_name(Attempt(RUN_ID, 0, 4, 2), "import_part_3"),
    queue="default",
    task="import_part_3",
    attempt=2,
    failure=FailureClass.OUT_OF_MEMORY,
    exit_code=137,
    reason="OutOfMemoryError: Container killed due to memory usage; Essential container in task exited",
    log_stream="import/default/0f8a",
    log_lines=("read 410,000 of 1,000,000 ratings", "read 420,000 of 1,000,000 ratings", "Killed"),
    created_at_ms=AT_MS - 9 * MINUTE_MS,
    started_at_ms=AT_MS - 7 * MINUTE_MS,
    stopped_at_ms=AT_MS - 12_000,
)
NEVER_STARTED = ToldJob(
    job_id="9b0d4c53-1f7e-4a57-8d6a-2c1f6b8e4d21",
    name=job_name(Attempt(RUN_ID, 0, 11, 1), "report"),
    queue="default",
    task="report",
    attempt=1,
    failure=FailureClass.IMAGE_MISSING,
    reason="CannotPullContainerError: manifest for films/report:9 not found",
    created_at_ms=AT_MS - 3 * MINUTE_MS,
    stopped_at_ms=AT_MS - 2 * MINUTE_MS,
)
FAILED_ARRAY = ToldJob(
    job_id="2c7e9d14-08b3-4f6a-9e52-b1d3c5a7f098",
    name=job_name(Attempt(RUN_ID, 0, 4, 1), "import_parts"),
    queue="default",
    task="import_parts",
    attempt=1,
    failure=FailureClass.DEPENDENCY,
    reason="Array Child Job failed",
    log_lines=OUT_OF_MEMORY.log_lines,
    created_at_ms=AT_MS - 9 * MINUTE_MS,
    started_at_ms=AT_MS - 7 * MINUTE_MS,
    stopped_at_ms=AT_MS - 12_000,
    array_size=40,
    failed_children=3,
    child=ToldChild(
        index=2,
        failure=OUT_OF_MEMORY.failure,
        exit_code=OUT_OF_MEMORY.exit_code,
        reason=OUT_OF_MEMORY.reason,
        log_stream=OUT_OF_MEMORY.log_stream,
        alike=2,
    ),
)
FOREIGN_RECORD = JobRecord(
    job_id="c3a8e1d0-5b9f-4c11-a2e7-7d4f0b6c9e32",
    name="nightly-import",
    queue="imports",
    definition="import:7",
    status=JobStatus.FAILED,
    created_at_ms=AT_MS - 20 * MINUTE_MS,
    seen_at_ms=AT_MS - MINUTE_MS,
    started_at_ms=AT_MS - 19 * MINUTE_MS,
    stopped_at_ms=AT_MS - MINUTE_MS,
    exit_code=1,
    reason="Essential container in task exited",
    failure=FailureClass.APPLICATION,
    log_stream="nightly/default/77c1",
)
RUNNING_RECORD = replace(
    FOREIGN_RECORD, status=JobStatus.RUNNING, stopped_at_ms=None, exit_code=None, reason=None, failure=None
)
WAITING_RECORD = JobRecord(
    job_id="e7d5b2c4-3a6f-4d98-b1c0-8f2e9a7d5c43",
    name="train-large",
    queue="gpu",
    definition="train:2",
    status=JobStatus.RUNNABLE,
    created_at_ms=AT_MS - 95 * MINUTE_MS,
    seen_at_ms=AT_MS - 95 * MINUTE_MS,
)
LINES = ("Traceback (most recent call last):", "ConnectionRefusedError: [Errno 111] Connection refused")
FOREIGN = replace(told(FOREIGN_RECORD), log_lines=LINES)


RUN = Run(
    run_id=RUN_ID,
    workflow="movie_ratings",
    version=3,
    plan_digest="d" * 64,
    params={},
    state=RunState.RUNNING,
    created_at_ms=AT_MS - 12 * MINUTE_MS,
    request_digest="e" * 64,
)
MONITOR = Monitor(name="nightly", queues=("imports", "gpu"))
PUSHED_MS = AT_MS - 30 * 24 * 60 * MINUTE_MS
WINDOW_OVER = TellJobFailures(MONITOR.name, PUSHED_MS, day_of(FOREIGN_RECORD.created_at_ms), 1, AT_MS)


def overdue(rule: DurationRule, job: JobRecord) -> Notice:
    telling = Telling(MONITOR.name, rule.kind, 1, (job.job_id,), AT_MS)
    return overdue_notice(MONITOR, STAGE, rule, telling, (job,), {job.job_id: rule.shortest_ms})


def blocked() -> Notice:
    """Of the documented event, with another queue and job."""
    document: dict[str, Any] = json.loads((Path(__file__).parent / "data/events/queue_blocked.doc.json").read_text())
    queue = document["detail"]["jobQueue"].replace("/default", f"/{WAITING_RECORD.queue}")
    job = {"jobId": WAITING_RECORD.job_id, "jobName": WAITING_RECORD.name, "createdAt": WAITING_RECORD.created_at_ms}
    event = {**document, "time": "2026-11-21T18:51:56Z", "detail": {**document["detail"], **job, "jobQueue": queue}}
    found = read_blocked_event(event)
    assert found is not None
    return blocked_notice(found, STAGE, AT_MS)


NOTICES: dict[NoticeKind, Notice] = {
    notice.kind: notice
    for notice in (
        run_started(replace(RUN, created_at_ms=AT_MS), STAGE),
        run_ended(RUN, STAGE, RunState.SUCCEEDED, AT_MS, task_counts=(("succeeded", 11), ("skipped", 1))),
        run_ended(
            RUN,
            STAGE,
            RunState.FAILED,
            AT_MS,
            jobs=(OUT_OF_MEMORY, NEVER_STARTED),
            job_count=2,
            task_counts=(("succeeded", 7), ("failed", 2), ("upstream_failed", 3)),
        ),
        run_ended(RUN, STAGE, RunState.CANCELLED, AT_MS, task_counts=(("succeeded", 2), ("cancelled", 10))),
        run_late(RUN, STAGE, 10 * MINUTE_MS),
        tasks_failed(RUN, STAGE, AT_MS, 10_000, (FAILED_ARRAY,), ("default", "spot")),
        failed_notice(MONITOR, STAGE, WINDOW_OVER, 1, 0, [FOREIGN], AT_MS),
        overdue(WaitingLonger(3_600), WAITING_RECORD),
        overdue(RunningLonger(360), RUNNING_RECORD),
        rate_notice(
            MONITOR,
            STAGE,
            FailureRate(above=0.1),
            AT_MS - 60 * MINUTE_MS,
            AT_MS - 60 * MINUTE_MS,
            (Bucket(AT_MS - 60 * MINUTE_MS, 28, 12),),
            AT_MS,
        ),
        nothing_ran_notice(
            MONITOR,
            STAGE,
            NothingRan(by="06:00", time_zone="Europe/Berlin"),
            Deadline("2026-11-21", SIX_IN_BERLIN_MS, SIX_IN_BERLIN_MS - 360 * MINUTE_MS),
            NothingSucceeded(failed=0, events_left=0),
            SIX_IN_BERLIN_MS + 2 * MINUTE_MS,
        ),
        blocked(),
    )
}
"""One of each kind."""
