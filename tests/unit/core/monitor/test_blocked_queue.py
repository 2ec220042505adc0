"""Batch's event of a blocked queue, and the notice that says in a sentence why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.errors import MalformedMessage
from chalicelib.core.ids import Attempt, identity_parameters, job_name
from chalicelib.core.monitor.blocked_queue import SENTENCES, Blocked, blocked_notice
from chalicelib.core.notice.email import email_text
from chalicelib.core.notice.kinds import NoticeKind
from tests.job_events import read_blocked_event

EVENT = json.loads((Path(__file__).parents[3] / "data/events/queue_blocked.doc.json").read_text())
NOW_MS = 1_795_287_116_000
JOB_ID = "aaaaaaaa-0000-4000-8000-000000000009"


def event(**detail: Any) -> dict[str, Any]:
    return {**EVENT, "detail": {**EVENT["detail"], **detail}}


def read(**detail: Any) -> Blocked:
    blocked = read_blocked_event(event(**detail))
    assert blocked is not None
    return blocked


def test_the_documented_event_becomes_a_notice_with_the_reason_in_a_sentence() -> None:
    notice = blocked_notice(read(), "prod", 1)
    assert notice.notice_id == f"queue/default/{JOB_ID}/CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
    assert notice.thread == f"queue/default/{JOB_ID}"
    assert (notice.kind, notice.severity, notice.stage) == (NoticeKind.QUEUE_BLOCKED, "error", "prod")
    assert notice.subject == "queue default is blocked by job step-nine"
    assert notice.text == (
        "EC2 has no instances to give of the types that the queue's compute environments ask for. The job starts once "
        "there are some; more instance types or Availability Zones make that sooner. Batch says "
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY: Service cannot fulfill the capacity requested for instance type "
        "[p5.48xlarge]. The job waits, and the jobs behind it with it."
    )
    assert notice.at_ms == 1_768_174_600_000
    assert notice.run_id is None
    assert "example" not in json.dumps(notice.document()), "nothing of the container's environment leaves"


@pytest.mark.parametrize("code", SENTENCES)
def test_each_documented_reason_has_a_sentence(code: str) -> None:
    notice = blocked_notice(read(statusReason=f"{code} - Some words."), "prod", 1)
    assert (notice.text or "").startswith(SENTENCES[code])
    assert notice.notice_id.endswith(f"/{code}")
    assert f"Batch says {code}: Some words. The job waits, and the jobs behind it with it." in (notice.text or "")


@pytest.mark.parametrize(
    ("reason", "code", "text"),
    [
        (
            "CAPACITY:SOMETHING_NEW - The words.",
            "CAPACITY:SOMETHING_NEW",
            "Batch says CAPACITY:SOMETHING_NEW: The words.",
        ),
        ("MISCONFIGURATION:NEW", "MISCONFIGURATION:NEW", "Batch says MISCONFIGURATION:NEW."),
        ("it hangs", "UNDETERMINED", "Batch says UNDETERMINED: it hangs."),
        (None, "UNDETERMINED", "Batch says UNDETERMINED."),
    ],
)
def test_a_reason_that_is_not_documented_passes_in_words(reason: str | None, code: str, text: str) -> None:
    blocked = read(statusReason=reason)
    assert blocked.code == code
    assert text in (blocked_notice(blocked, "prod", 1).text or "")


def test_a_job_of_ours_is_named_by_its_run_and_task() -> None:
    attempt = Attempt("films-1", 0, 3, 2)
    notice = blocked_notice(
        read(parameters=identity_parameters(attempt), jobName=job_name(attempt, "train")), "prod", 1
    )
    assert notice.run_id == "films-1"
    assert "The job is task train of run films-1, attempt 2." in (notice.text or "")
    assert [(job.task, job.attempt) for job in notice.jobs] == [("train", 2)]


def test_the_same_block_told_again_has_the_same_id() -> None:
    again = read_blocked_event({**event(), "time": "2026-01-11T23:46:40Z", "id": "another"})
    assert again is not None
    assert blocked_notice(again, "prod", 5).notice_id == blocked_notice(read(), "prod", 1).notice_id


def test_what_the_job_waits_for_is_said_once_and_for_how_long() -> None:
    notice = blocked_notice(read(createdAt=1_768_174_600_000 - 7_500_000), "prod", 1)
    assert (notice.text or "").endswith(" The job has waited for 2 hours 5 minutes, and the jobs behind it with it.")
    assert [job.reason for job in notice.jobs] == [None]


@pytest.mark.parametrize("part", [":12", "#0"])
def test_a_child_of_an_array_or_a_node_blocks_its_queue_under_the_id_of_the_whole_job(part: str) -> None:
    notice = blocked_notice(read(jobId=JOB_ID + part), "prod", 1)
    assert notice.notice_id == blocked_notice(read(), "prod", 1).notice_id
    assert [job.job_id for job in notice.jobs] == [JOB_ID + part]


def test_other_events_are_none_of_it() -> None:
    assert read_blocked_event(event(jobQueue=None)) is None
    assert read_blocked_event({**EVENT, "detail-type": "Batch Job State Change"}) is None
    assert read_blocked_event({**EVENT, "source": "my.app"}) is None


@pytest.mark.parametrize(
    "wrong",
    [{"jobId": None}, {"jobId": 3}, {"status": 5}],
)
def test_an_event_that_cannot_be_read_is_malformed(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        read_blocked_event(event(**wrong))


@pytest.mark.parametrize("document", [None, 3, [], {"source": "aws.batch", "detail-type": "Batch Job Queue Blocked"}])
def test_what_is_no_event_is_malformed(document: Any) -> None:
    with pytest.raises(MalformedMessage):
        read_blocked_event(document)


@pytest.mark.parametrize("time", [None, "yesterday", 5, "9999-99-99T00:00:00Z", "2026-01-11T23:36:40"])
def test_an_event_without_a_time_is_told_as_of_now(time: Any) -> None:
    blocked = read_blocked_event({**event(createdAt=None), "time": time})
    assert blocked is not None
    notice = blocked_notice(blocked, "prod", NOW_MS)
    assert notice.at_ms == NOW_MS
    assert [job.created_at_ms for job in notice.jobs] == [None], "nobody submitted it in 1970"
    assert "1970" not in email_text(notice)
