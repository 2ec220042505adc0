"""Times, durations, classes of failures and commands, in words."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.bodies import bodies
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice_schema import read_notice
from chalicelib.core.notice_words import (
    FAILURES,
    duration,
    facts_of_job,
    moment,
    more_jobs,
    next_commands,
    shell_word,
    title,
)
from chalicelib.core.notices import NoticeKind
from chalicelib.core.slack_message import slack_message
from tests.notices import FOREIGN, NOTICES, OUT_OF_MEMORY


def test_every_class_of_failure_has_words() -> None:
    assert set(FAILURES) == set(FailureClass)


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "said"),
    [
        (0, 850, "850 ms"),
        (0, 12_999, "12 s"),
        (0, 60_000, "1 min"),
        (0, 605_000, "10 min 5 s"),
        (0, 12_000_000, "3 h 20 min"),
        (0, 187_200_000, "2 d 4 h"),
        (5, 4, None),
        (None, 4, None),
        (4, None, None),
    ],
)
def test_a_duration_is_told_in_the_two_units_that_matter(from_ms: int, until_ms: int, said: str) -> None:
    assert duration(from_ms, until_ms) == said


def test_a_moment_is_told_in_utc_and_one_that_no_calendar_has_as_it_is() -> None:
    assert moment(1_795_287_116_000) == "2026-11-21 18:51:56 UTC"
    assert moment(-1) == "-1 ms"
    assert moment(10**18) == "1000000000000000000 ms"


def test_a_job_is_named_by_its_task_or_by_its_own_name() -> None:
    assert title(OUT_OF_MEMORY) == "task import_part_3, attempt 2"
    assert title(FOREIGN) == "job nightly-import"


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
    ],
)
def test_the_commands_show_more_of_what_it_is_about(kind: NoticeKind, commands: list[str]) -> None:
    assert next_commands(NOTICES[kind]) == commands


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
