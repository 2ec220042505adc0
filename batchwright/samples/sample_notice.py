"""A notice of any kind that says that it is a test: what `batchwright notices test` publishes.

Owns what it says, and of which kind it is unless that is said. It names no run, so that nobody acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchwright.subscriptions.notice_choice import possible_kinds, why_nothing
from chalicelib.core.errors import UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldJob

_WITH_A_FAILURE = frozenset({NoticeKind.RUN_FAILED, NoticeKind.TASK_FAILED, NoticeKind.JOB_FAILED})
_FIRST = (NoticeKind.RUN_FAILED, NoticeKind.JOB_FAILED)
"""The kinds that are taken when several will do: what people wait for most."""


def sample_kind(attributes: Mapping[str, str]) -> NoticeKind:
    """The kind of a notice with these attributes (kind, severity, workflow, monitor, queue). Raises UserMistake when no
    notice has all of them."""
    filters = {name: (value,) for name, value in attributes.items()}
    if why := why_nothing(filters):
        raise UserMistake(why)
    possible = possible_kinds(filters)
    return next((kind for kind in _FIRST if kind in possible), possible[0])


def sample_notice(stage: str, attributes: Mapping[str, str], now_ms: int) -> Notice:
    """The notice with these attributes, at this moment; each has an id of its own. Raises UserMistake, too."""
    kind = sample_kind(attributes)
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
        workflow=attributes.get("workflow"),
        monitor=attributes.get("monitor"),
        queues=(attributes["queue"],) if "queue" in attributes else (),
        jobs=jobs,
        job_count=len(jobs),
    )
