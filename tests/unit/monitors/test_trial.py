"""What monitors would have said of recorded jobs, and how that and the monitors are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchwright.monitors.table import blind_spots, monitor_columns, phrases_of, trial_lines
from batchwright.monitors.trial import Trial, record_of, tried
from batchwright.terminal.tables import table_lines
from chalicelib.api import models as m
from chalicelib.api.to_models import job_model
from chalicelib.core.batch.job_record import JobRecord, ManagedBy
from chalicelib.core.batch.result import JobTry
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.check import check_monitors
from chalicelib.core.monitor.monitor import Monitor, monitors_of
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.schedule.model import iso_time, read_moment_ms
from chalicelib.core.states import JobStatus

NOW_MS = read_moment_ms("2026-11-20T12:00Z")
SINCE_MS = NOW_MS - 7 * 86_400_000
MINUTE_MS = 60_000


def monitor(**given: Any) -> Monitor:
    (found,) = monitors_of(check_monitors({"monitors": {"m": given}}), {})
    return found


def job(name: str, status: JobStatus, at_ms: int, ran_ms: int = 0, **more: Any) -> JobRecord:
    """A job that was created a minute before it began, and ended (or was seen) at that moment."""
    record = JobRecord(name, name, "etl", "films:3", status, at_ms - ran_ms - MINUTE_MS, at_ms, **more)
    started_ms = at_ms - ran_ms if status not in (JobStatus.RUNNABLE, JobStatus.PENDING) else None
    return replace(record, started_at_ms=started_ms, stopped_at_ms=at_ms if status.ended else None)


def said(trial: Trial) -> list[tuple[str, str]]:
    return [(iso_time(one.at_ms)[5:16], one.text) for one in trial.said]


def test_failures_are_told_as_of_their_times_those_of_other_classes_are_not() -> None:
    failed = job("a", JobStatus.FAILED, NOW_MS - MINUTE_MS, failure=FailureClass.SPOT)
    jobs = [
        failed,
        job("b", JobStatus.FAILED, NOW_MS, failure=FailureClass.CANCELLED),
        job("c", JobStatus.RUNNING, NOW_MS),
    ]
    trial = tried(monitor(failed=True), jobs, SINCE_MS, NOW_MS)
    assert (trial.watched, said(trial)) == (3, [("11-20T11:59", "job a failed (spot)")])
    assert trial.said[0].job_id == "a"
    assert tried(monitor(failed=True, names=["b"]), jobs, SINCE_MS, NOW_MS).said == ()


def test_jobs_that_ran_or_waited_for_too_long_are_told_as_of_when_they_had() -> None:
    jobs = [
        job("long", JobStatus.SUCCEEDED, NOW_MS, 3 * 60 * MINUTE_MS),
        job("goes-on", JobStatus.RUNNING, NOW_MS - 90 * MINUTE_MS),
        job("short", JobStatus.SUCCEEDED, NOW_MS, 5 * MINUTE_MS),
        job("waits", JobStatus.RUNNABLE, NOW_MS - 20 * MINUTE_MS),
    ]
    running = tried(monitor(running_longer={"than_seconds": 3600}), jobs, SINCE_MS, NOW_MS)
    assert said(running) == [
        ("11-20T10:00", "job long runs for 1 hour, of 3 hours in the end"),
        ("11-20T11:30", "job goes-on runs for 1 hour"),
    ]
    waiting = tried(monitor(waiting_longer={"than_seconds": 600}), jobs, SINCE_MS, NOW_MS)
    assert said(waiting) == [("11-20T11:49", "job waits waits for 10 minutes")]


def test_what_is_usual_is_read_off_the_jobs_themselves() -> None:
    jobs = [job(f"j{n}", JobStatus.SUCCEEDED, NOW_MS - n * MINUTE_MS, 10 * MINUTE_MS) for n in range(20)]
    jobs.append(job("slow", JobStatus.RUNNING, NOW_MS - 30 * MINUTE_MS))
    rule = monitor(running_longer={"than_p95_times": 2})
    assert [text for _, text in said(tried(rule, jobs, SINCE_MS, NOW_MS))] == ["job slow runs for 20 minutes"]
    assert tried(rule, jobs[1:], SINCE_MS, NOW_MS).said == (), "nineteen say nothing"


def test_a_rate_is_told_when_it_rises_and_again_after_it_fell() -> None:
    jobs = []
    for hour, status in ((0, JobStatus.FAILED), (1, JobStatus.SUCCEEDED), (3, JobStatus.FAILED)):
        at_ms = NOW_MS - 10 * 3_600_000 + hour * 3_600_000
        jobs += [job(f"{hour}-{n}", status, at_ms + n * 1000) for n in range(10)]
    trial = tried(monitor(failure_rate={"above": 0.5, "within_seconds": 3600}), jobs, SINCE_MS, NOW_MS)
    assert said(trial) == [
        ("11-20T02:05", "10 of 10 jobs failed within 1 hour"),
        ("11-20T05:05", "10 of 10 jobs failed within 1 hour"),
    ]


def test_a_rate_that_is_too_high_just_now_is_told() -> None:
    jobs = [job(f"{n}", JobStatus.FAILED, NOW_MS - 1000) for n in range(10)]
    trial = tried(monitor(failure_rate={"above": 0.5}), jobs, SINCE_MS, NOW_MS)
    assert len(trial.said) == 1


def test_a_rate_that_stays_is_told_once_though_few_jobs_end_now_and_then() -> None:
    # Of an hour there are now more than ten, now fewer.
    at_ms = NOW_MS - 2 * 86_400_000
    jobs = []
    for number in range(200):
        at_ms += (5 if number // 10 % 2 else 7) * MINUTE_MS
        jobs.append(job(f"{number}", JobStatus.FAILED, at_ms))
    assert len(tried(monitor(failure_rate={"above": 0.2}), jobs, SINCE_MS, NOW_MS).said) == 1


def test_the_days_without_a_success_are_told() -> None:
    jobs = [job(f"{day}", JobStatus.SUCCEEDED, read_moment_ms(f"2026-11-{day}T04:00Z")) for day in (15, 16, 19)]
    trial = tried(monitor(nothing_ran={"by": "06:00", "days": "MON-FRI"}), jobs, SINCE_MS, NOW_MS)
    assert said(trial) == [
        ("11-17T06:02", "nothing succeeded by 06:00 on 2026-11-17"),
        ("11-18T06:02", "nothing succeeded by 06:00 on 2026-11-18"),
        ("11-20T06:02", "nothing succeeded by 06:00 on 2026-11-20"),
    ]
    assert {one.kind for one in trial.said} == {NoticeKind.NOTHING_RAN}


def test_times_of_day_before_the_stage_saw_anything_are_not_judged() -> None:
    jobs = [job("first", JobStatus.FAILED, read_moment_ms("2026-11-18T03:00Z"))]
    rule = monitor(nothing_ran={"by": "06:00"}, failed=True)
    trial = tried(rule, jobs, SINCE_MS, NOW_MS, saw_from_ms=read_moment_ms("2026-11-18T03:00Z"))
    assert [one.text for one in trial.said] == [
        "job first failed (unknown)",
        "nothing succeeded by 06:00 on 2026-11-19",
        "nothing succeeded by 06:00 on 2026-11-20",
    ], "of the 18th it saw half"
    assert trial.looked_from_ms == read_moment_ms("2026-11-18T03:00Z")
    assert trial_lines(trial, 1)[-1] == (
        "  nothing_ran was looked at from 2026-11-18 03:00 (UTC) on: before, this stage knew of no job"
    )
    blind = tried(monitor(nothing_ran={"by": "06:00"}), [], SINCE_MS, NOW_MS, saw_from_ms=NOW_MS)
    assert blind.said == ()
    assert "from 2026-11-20 12:00 (UTC) on" in trial_lines(blind, 0)[-1]
    assert len(tried(rule, jobs, SINCE_MS, NOW_MS, saw_from_ms=SINCE_MS).said) == 8
    assert len(trial_lines(tried(monitor(failed=True), jobs, SINCE_MS, NOW_MS, saw_from_ms=NOW_MS), 1)) == 2


def test_a_job_comes_back_from_the_api_as_it_was_recorded() -> None:
    record = replace(
        job("a", JobStatus.FAILED, NOW_MS, failure=FailureClass.SPOT, managed_by=ManagedBy.STEP_FUNCTIONS),
        tries=(JobTry(1, 2, 3, "x", "log"),),
        array_size=4,
        children={"FAILED": 1},
    )
    told = m.Job.model_validate_json(job_model(record).model_dump_json())
    again = record_of(told)
    assert replace(again, children_at_ms=None) == replace(record, children_at_ms=None)


def test_what_would_have_been_said_is_shown_newest_last_and_ten_at_most() -> None:
    jobs = [job(f"j{n:02d}", JobStatus.FAILED, NOW_MS - n * MINUTE_MS) for n in range(12)]
    lines = trial_lines(tried(monitor(failed=True), jobs, SINCE_MS, NOW_MS), 1_234)
    assert lines[0] == "m watches 12 of the 1,234 recorded jobs, and would have said 12 things:"
    assert lines[1] == "  ... and 2 before these"
    assert lines[-1] == "  2026-11-20 12:00  job_failed    job j00 failed (unknown)"
    assert len(lines) == 12
    assert trial_lines(Trial("m", 0, ()), 1) == ["m watches 0 of the 1 recorded job, and would have said nothing."]


def test_monitors_are_listed_in_words() -> None:
    found = monitors_of(
        check_monitors(
            {
                "monitors": {
                    "a": {"failed": True, "queues": ["etl", "gpu-*"], "kinds": ["step_functions", "array"]},
                    "b": {
                        "running_longer": {"than_seconds": 7200, "than_p95_times": 1.5},
                        "waiting_longer": {"than_seconds": 5400},
                        "failure_rate": {"above": 0.2},
                        "nothing_ran": {"by": "06:00", "time_zone": "Europe/Berlin", "days": "MON-FRI"},
                    },
                    "c": {
                        "running_longer": {"than_p95_times": 2, "at_least_seconds": 600},
                        "failure_rate": {"above": 0, "at_least_jobs": 1},
                        "nothing_ran": {"by": "06:00", "after": "22:00"},
                    },
                }
            }
        ),
        {},
    )
    _, first, second, third = (line.plain for line in table_lines(monitor_columns(found), None))
    assert first.split("  ")[0] == "a"
    assert "step functions, array; queue etl, gpu-*" in first
    assert second.endswith(
        "runs for 2 hours; runs 1.5 times as long as 19 of 20 do, and 5 minutes; waits for 1 hour 30 minutes; "
        "more than 20 % of 10 jobs or more failed within 1 hour; "
        "nothing succeeded from 00:00 to 06:00 (Europe/Berlin, MON-FRI)"
    )
    assert third.endswith(
        "runs 2 times as long as 19 of 20 do, and 10 minutes; more than 0 % of 1 job or more failed within 1 hour; "
        "nothing succeeded from 22:00 of the day before to 06:00 (UTC)"
    )


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (True, ["failed"]),
        ({"classes": [*map(str, FailureClass)]}, ["failed, or was cancelled"]),
        ({"classes": ["out_of_memory"]}, ["failed (out of memory)"]),
        ({"classes": ["spot", "timeout"]}, ["failed (timeout, spot)"]),
        ({"excluding": ["spot"]}, ["failed (all but spot)"]),
        ({"excluding": ["cancelled"]}, ["failed"]),
        (False, []),
    ],
)
def test_which_failures_a_monitor_tells_is_listed(failed: Any, words: list[str]) -> None:
    assert phrases_of(monitor(failed=failed, nothing_ran={"by": "06:00"}))[:-1] == words


@pytest.mark.parametrize(
    ("kinds", "foreign", "own", "sentences"),
    [
        (None, True, False, 1),
        (None, True, True, 0),
        (None, False, False, 2),
        (["array"], False, True, 1),
        (["own"], False, False, 1),
        (["own"], False, True, 0),
        (["own", "foreign"], False, False, 2),
        (["step_functions"], True, False, 0),
    ],
)
def test_what_a_stage_cannot_see_is_said(kinds: list[str] | None, foreign: bool, own: bool, sentences: int) -> None:
    page = m.JobPage(items=[], records_foreign=foreign, records_own=own)
    assert len(blind_spots([monitor(failed=True, kinds=kinds)], page)) == sentences


def test_on_the_local_aws_what_is_not_seen_is_no_matter_of_a_deployment() -> None:
    page = m.JobPage(items=[], records_foreign=True, records_own=False)
    (sentence,) = blind_spots([monitor(failed=True)], page, is_local=True)
    assert "`batchwright local up --record-own-jobs`" in sentence
    assert "deploy" not in sentence


@pytest.mark.parametrize(
    ("kinds", "own", "all_states", "sentences"),
    [
        (["own"], True, False, 1),
        (["own"], True, True, 0),
        (["own"], False, False, 1),
        (None, True, False, 1),
        (["foreign"], True, False, 0),
    ],
)
def test_that_jobs_of_runs_are_not_seen_while_they_wait_is_said(
    kinds: list[str] | None, own: bool, all_states: bool, sentences: int
) -> None:
    page = m.JobPage(items=[], records_foreign=True, records_own=own, records_all_states=all_states)
    assert len(blind_spots([monitor(waiting_longer={"than_seconds": 600}, kinds=kinds)], page)) == sentences
