"""A notice of every kind, as the tests and docs/notices.md show them: those of a run are made by what makes them."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt, job_name
from chalicelib.core.notices import Notice, NoticeKind, ToldJob
from chalicelib.core.records import Run
from chalicelib.core.runnotices import run_ended, run_late, run_started, tasks_failed
from chalicelib.core.states import RunState

AT_MS = 1_795_287_116_000
MINUTE_MS = 60_000
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
FOREIGN = ToldJob(
    job_id="c3a8e1d0-5b9f-4c11-a2e7-7d4f0b6c9e32",
    name="nightly-import",
    queue="imports",
    failure=FailureClass.APPLICATION,
    exit_code=1,
    reason="Essential container in task exited",
    log_stream="nightly/default/77c1",
    log_lines=("Traceback (most recent call last):", "ConnectionRefusedError: [Errno 111] Connection refused"),
    created_at_ms=AT_MS - 20 * MINUTE_MS,
    started_at_ms=AT_MS - 19 * MINUTE_MS,
    stopped_at_ms=AT_MS - MINUTE_MS,
)
WAITING = ToldJob(
    job_id="e7d5b2c4-3a6f-4d98-b1c0-8f2e9a7d5c43", name="train-large", queue="gpu", created_at_ms=AT_MS - 95 * MINUTE_MS
)


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


def of_monitor(kind: NoticeKind, what: str, subject: str, **fields: object) -> Notice:
    """A notice that a monitor asked for."""
    given = {
        "notice_id": f"nightly/{what}",
        "kind": kind,
        "stage": STAGE,
        "subject": subject,
        "at_ms": AT_MS,
        "thread": "nightly",
        "monitor": "nightly",
        **fields,
    }
    return Notice(**given)  # type: ignore[arg-type]


K = NoticeKind
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
        tasks_failed(RUN, STAGE, AT_MS, 10_000, (OUT_OF_MEMORY,)),
        of_monitor(
            K.JOB_FAILED,
            f"{FOREIGN.job_id}/failed",
            "nightly: job nightly-import failed",
            queue="imports",
            jobs=(FOREIGN,),
            job_count=1,
        ),
        of_monitor(
            K.JOB_WAITING,
            f"{WAITING.job_id}/waiting",
            "nightly: job train-large waits for capacity",
            text="It has waited for 1 h 35 min; it should start within 1 h.",
            queue="gpu",
            jobs=(WAITING,),
            job_count=1,
        ),
        of_monitor(
            K.JOB_RUNNING,
            f"{FOREIGN.job_id}/running",
            "nightly: job nightly-import runs for long",
            text="It runs for 19 min; 95 of 100 of its kind take less than 6 min.",
            jobs=(ToldJob(FOREIGN.job_id, FOREIGN.name, "imports", started_at_ms=AT_MS - 19 * MINUTE_MS),),
            job_count=1,
        ),
        of_monitor(
            K.FAILURE_RATE,
            "failure_rate/2026-11-21T18:00Z",
            "nightly: 12 of 40 jobs failed within an hour",
            text="That is 30 of 100; it should be below 10.",
            began_at_ms=AT_MS - 60 * MINUTE_MS,
            ended_at_ms=AT_MS,
            job_count=12,
        ),
        of_monitor(
            K.NOTHING_RAN,
            "nothing_ran/2026-11-21",
            "nightly: nothing had succeeded by 06:00 in Europe/Berlin",
            began_at_ms=AT_MS - 24 * 60 * MINUTE_MS,
            ended_at_ms=AT_MS,
        ),
        of_monitor(
            K.QUEUE_BLOCKED,
            "blocked",
            "queue gpu is blocked: there is no capacity for the job at its head",
            notice_id=f"queue/gpu/{WAITING.job_id}/CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
            thread="gpu",
            monitor=None,
            queue="gpu",
            text="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance "
            "type [p4d.24xlarge]",
            jobs=(WAITING,),
            job_count=1,
        ),
    )
}
"""One of each kind."""
