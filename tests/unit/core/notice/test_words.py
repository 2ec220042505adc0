"""Times, durations, classes of failures and commands, in words."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.publication import bodies
from chalicelib.core.notice.schema import read_notice
from chalicelib.core.notice.slack import slack_message
from chalicelib.core.notice.words import (
    FAILURES,
    facts_of_job,
    facts_of_run,
    heading,
    moment,
    more_jobs,
    next_commands,
    shell_word,
    title,
)
from chalicelib.core.run.notices import run_ended
from chalicelib.core.states import RunState
from tests.notices import AT_MS, FAILED_ARRAY, FOREIGN, NEVER_STARTED, NOTICES, OUT_OF_MEMORY, RUN, RUN_ID, STAGE


def test_every_class_of_failure_has_words() -> None:
    assert set(FAILURES) == set(FailureClass)


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "said"),
    [(0, 605_000, ", after 10 minutes"), (5, 4, ""), (None, 4, "")],
)
def test_how_long_a_job_ran_is_told_unless_its_times_are_swapped_or_missing(
    from_ms: int | None, until_ms: int, said: str
) -> None:
    job = replace(OUT_OF_MEMORY, started_at_ms=from_ms, stopped_at_ms=until_ms)
    assert dict(facts_of_job(job))["Stopped"] == moment(until_ms) + said


def test_a_moment_is_told_in_utc_and_one_that_no_calendar_has_as_it_is() -> None:
    assert moment(1_795_287_116_000) == "2026-11-21 18:51:56 UTC"
    assert moment(-1) == "-1 ms"
    assert moment(10**18) == "1000000000000000000 ms"


def test_a_job_is_named_by_its_task_or_by_its_own_name() -> None:
    assert title(OUT_OF_MEMORY) == "task import_part_3, attempt 2"
    assert title(FOREIGN) == "job nightly-import"
    assert title(replace(OUT_OF_MEMORY, is_allowed=True)) == "task import_part_3, attempt 2 (may fail)"


def test_a_failure_that_is_allowed_is_told_as_one() -> None:
    allowed = replace(OUT_OF_MEMORY, is_allowed=True)
    succeeded = run_ended(
        RUN,
        STAGE,
        RunState.SUCCEEDED,
        AT_MS,
        jobs=(allowed,),
        job_count=1,
        task_counts=(("succeeded", 11), ("failed", 1)),
    )
    assert heading(succeeded) == "What failed, as its workflow allows"
    assert succeeded.text == "1 of its tasks failed, as the workflow allows."
    for body in (bodies(succeeded)["email"], bodies(succeeded)["https"], json.dumps(slack_message(succeeded))):
        assert "What failed, as its workflow allows" in body
        assert "task import_part_3, attempt 2 (may fail)" in body
    both = replace(NOTICES[NoticeKind.RUN_FAILED], jobs=(OUT_OF_MEMORY, replace(allowed, task="probe")))
    assert heading(both) == "What failed"


def test_a_notice_says_when_it_was_told_only_where_that_is_another_time() -> None:
    def times(kind: NoticeKind) -> dict[str, str]:
        return {name: value for name, value in facts_of_run(NOTICES[kind]) if value.startswith("2026")}

    assert times(NoticeKind.RUN_STARTED) == {"Began": "2026-11-21 18:51:56 UTC"}
    assert times(NoticeKind.RUN_LATE) == {
        "Began": "2026-11-21 18:39:56 UTC",
        "Late since": "2026-11-21 18:49:56 UTC",
    }
    assert times(NoticeKind.TASK_FAILED) == {"Began": "2026-11-21 18:39:56 UTC", "Told": "2026-11-21 18:51:56 UTC"}


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        (
            NoticeKind.RUN_FAILED,
            [
                "batchwright show movie-ratings-7k2m9qx4 --stage prod",
                "batchwright logs movie-ratings-7k2m9qx4 import_part_3 --stage prod",
                "batchwright redrive movie-ratings-7k2m9qx4 --stage prod",
            ],
        ),
        (NoticeKind.RUN_SUCCEEDED, ["batchwright show movie-ratings-7k2m9qx4 --stage prod"]),
        (
            NoticeKind.JOB_FAILED,
            [
                f"batchwright jobs show {FOREIGN.job_id} --stage prod",
                f"batchwright jobs logs {FOREIGN.job_id} --stage prod",
            ],
        ),
        (NoticeKind.NOTHING_RAN, ["batchwright monitors show nightly --stage prod"]),
        (
            NoticeKind.FAILURE_RATE,
            [
                "batchwright jobs --state FAILED --since 2026-11-21T17:51 --stage prod",
                "batchwright monitors show nightly --stage prod",
            ],
        ),
    ],
)
def test_the_commands_show_more_of_what_it_is_about(kind: NoticeKind, commands: list[str]) -> None:
    assert next_commands(NOTICES[kind]) == commands


def test_a_log_is_named_only_where_a_command_can_print_it() -> None:
    failed, waiting = NOTICES[NoticeKind.RUN_FAILED], NOTICES[NoticeKind.JOB_WAITING]
    array = replace(OUT_OF_MEMORY, array_size=10_000, failed_children=9_000, log_stream=None, log_lines=())
    assert logs_of(replace(failed, jobs=(array,))) == []
    assert logs_of(replace(failed, jobs=(array, replace(OUT_OF_MEMORY, task="other")))) == ["other"]
    assert logs_of(replace(failed, jobs=(NEVER_STARTED,))) == [], "it never ran"
    assert logs_of(replace(failed, jobs=(replace(NEVER_STARTED, job_id=None),))) == [], "Batch refused it"
    runs = replace(OUT_OF_MEMORY, log_stream=None, stopped_at_ms=None)
    assert logs_of(replace(failed, kind=NoticeKind.JOB_RUNNING, jobs=(runs,))) == ["import_part_3"]
    assert logs_of(replace(failed, kind=NoticeKind.JOB_WAITING, jobs=(runs,))) == []
    assert logs_of(waiting) == []
    foreign = NOTICES[NoticeKind.JOB_FAILED]
    assert logs_of(foreign) == [FOREIGN.job_id]
    assert logs_of(replace(foreign, jobs=(replace(FOREIGN, array_size=40),))) == []


def test_of_an_array_the_log_of_the_child_is_named_that_failed() -> None:
    failed = NOTICES[NoticeKind.TASK_FAILED]
    assert f"batchwright logs {RUN_ID} import_parts --child 2 --stage prod" in next_commands(failed)
    foreign = replace(NOTICES[NoticeKind.JOB_FAILED], jobs=(replace(FOREIGN, child=FAILED_ARRAY.child),))
    assert f"batchwright jobs logs {FOREIGN.job_id} --child 2 --stage prod" in next_commands(foreign)
    assert FAILED_ARRAY.child is not None
    never_ran = replace(FAILED_ARRAY, child=replace(FAILED_ARRAY.child, log_stream=None))
    assert logs_of(replace(failed, jobs=(never_ran,))) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "exit code 137: it needed more memory than it had (out_of_memory); 2 failed so"),
        ({"alike": 3}, "exit code 137: it needed more memory than it had (out_of_memory); all 3 failed so"),
        ({"alike": 1, "exit_code": None}, "it needed more memory than it had (out_of_memory)"),
        ({"alike": 1, "exit_code": 7, "failure": None}, "exit code 7: AWS Batch does not say why (unknown)"),
    ],
)
def test_the_end_of_a_child_stands_for_that_of_its_array(changes: dict[str, Any], said: str) -> None:
    assert FAILED_ARRAY.child is not None
    facts = dict(facts_of_job(replace(FAILED_ARRAY, child=replace(FAILED_ARRAY.child, **changes))))
    assert facts["Child 2"] == said
    assert facts["Reason"] == OUT_OF_MEMORY.reason
    assert "Why" not in facts


def logs_of(notice: Notice) -> list[str]:
    """Whose logs the notice's commands print."""
    asked = [line.split(" logs ")[1] for line in next_commands(notice) if " logs " in line]
    return [words.split(" --")[0].split(" ")[-1] for words in asked]


def test_jobs_that_are_not_named_are_counted() -> None:
    assert more_jobs(NOTICES[NoticeKind.TASK_FAILED]) == 9_999
    assert more_jobs(replace(NOTICES[NoticeKind.RUN_FAILED], job_count=0)) == 0


@given(st.text().filter(lambda text: "\x00" not in text))
def test_a_shell_takes_a_word_for_what_it_is(text: str) -> None:
    assert shlex.split(shell_word(text)) == [text]


@pytest.mark.parametrize(
    ("failed", "size", "said"),
    [
        (3, 40, "3 of 40 jobs failed"),
        (1, 40, "1 of 40 jobs failed"),
        (10_000, 10_000, "10,000 of 10,000 jobs failed"),
        (3, None, "3 jobs failed"),
        (1, None, "1 job failed"),
        (None, 40, "40 jobs"),
        (None, None, None),
    ],
)
def test_of_an_array_it_is_told_how_many_failed(failed: int | None, size: int | None, said: str | None) -> None:
    job = replace(OUT_OF_MEMORY, failed_children=failed, array_size=size)
    assert dict(facts_of_job(job)).get("Array") == said


def test_every_body_tells_how_many_jobs_of_an_array_failed() -> None:
    array = replace(OUT_OF_MEMORY, failed_children=3, array_size=40)
    notice = replace(NOTICES[NoticeKind.RUN_FAILED], jobs=(array,))
    found = bodies(notice)
    slack = json.dumps(slack_message(read_notice(json.loads(found["default"]))))
    for text in (found["email"], found["https"], slack):
        assert "3 of 40 jobs failed" in text
