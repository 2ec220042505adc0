"""A notice of any kind that says that it is a test: what `batchwright notices test` publishes.

Owns what it says. It names no run, so that nobody acts on it.
"""

from __future__ import annotations

from chalicelib.core.failure import FailureClass
from chalicelib.core.notices import Notice, NoticeKind, ToldJob

_WITH_A_FAILURE = frozenset({NoticeKind.RUN_FAILED, NoticeKind.TASK_FAILED, NoticeKind.JOB_FAILED})


def sample_notice(kind: NoticeKind, stage: str, workflow: str | None, now_ms: int) -> Notice:
    """The notice, at this moment; each has an id of its own."""
    failed = ToldJob(
        job_id=None,
        name="a-test-and-no-job",
        failure=FailureClass.APPLICATION,
        exit_code=1,
        reason="there was no job: this is what a failure looks like",
        log_lines=("the last lines that a job wrote", "stand here"),
        started_at_ms=now_ms - 61_000,
        stopped_at_ms=now_ms - 1_000,
    )
    jobs = (failed,) if kind in _WITH_A_FAILURE else ()
    return Notice(
        notice_id=f"test/{kind}/{now_ms}",
        kind=kind,
        stage=stage,
        subject=f"a test: nothing happened ({kind})",
        at_ms=now_ms,
        thread="batchwright-test",
        text="Somebody gave `batchwright notices test` to see whether notices of this kind arrive here. They do.",
        workflow=workflow,
        jobs=jobs,
        job_count=len(jobs),
    )
