"""What verify makes of events made by hand: as we assume them, and otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchwright.verify import event_checks as checks
from batchwright.verify.observed import JobKind, NotHere, Observed, Received, Saw
from batchwright.verify.verdict import Verdict
from tests.unit.verify.samples import JOBS, a_try, array_events, as_assumed, event, observed, retry_events

EVENT_CHECKS = (
    checks.check_parameters,
    checks.check_reader,
    checks.check_endings,
    checks.check_attempts_order,
    checks.check_attempts_grow,
    checks.check_failure,
    checks.check_cancelled,
    checks.check_array,
    checks.check_latency,
)
"""All that are judged from events alone, but for duplicates."""


@pytest.mark.parametrize("check", EVENT_CHECKS, ids=lambda check: check.__name__)
def test_events_as_we_assume_them_hold_and_no_events_tell_nothing(check: Any) -> None:
    assert check(observed(*as_assumed())).verdict is Verdict.HOLDS
    assert check(observed()).verdict is Verdict.NOT_SEEN
    assert check(Observed()).verdict is Verdict.NOT_SEEN


@pytest.mark.parametrize("parameters", [None, {}, {"batchwright_run": "somebody-elses"}])
def test_one_event_whose_parameters_are_missing_or_others_breaks_it(parameters: dict[str, str] | None) -> None:
    judged = checks.check_parameters(observed(*as_assumed(), event(JobKind.SUCCESS, "RUNNABLE", parameters=parameters)))
    assert judged.verdict is Verdict.BROKEN
    assert judged.told.startswith("1 of 14 events lack them; success RUNNABLE: ")


def of_a_run(**parameters: str) -> Received:
    """An event of a job that no call of SubmitJob here is behind."""
    given = {"batchwright_epoch": "0", "batchwright_task": "0", "batchwright_attempt": "1", **parameters}
    return event(JobKind.SUCCESS, "RUNNING", jobId="of-a-run", parameters=given)


def test_the_jobs_of_our_runs_must_name_their_runs() -> None:
    [run_id] = observed().run_ids
    assert checks.check_parameters(observed(of_a_run(batchwright_run=run_id))).verdict is Verdict.HOLDS
    assert checks.check_parameters(observed(of_a_run())).verdict is Verdict.BROKEN


def test_an_event_that_our_reader_cannot_read_or_takes_for_others_breaks_it() -> None:
    for wrong in (
        event(JobKind.SUCCESS, "SUCCEEDED", attempts="none"),
        event(JobKind.SUCCESS, "PAUSED"),
        event(JobKind.SUCCESS, "RUNNING", parameters=None),
        event(JobKind.SUCCESS, "RUNNING", jobName="a-copy"),
    ):
        judged = checks.check_reader(observed(*as_assumed(), wrong))
        assert judged.verdict is Verdict.BROKEN, wrong
        assert judged.told.startswith("1 of 14 events; ")


def test_attempts_with_the_newest_first_do_not_hold() -> None:
    reversed_tries = event(JobKind.RETRY, "SUCCEEDED", attempts=[a_try(0, 2), a_try(11, 1)])
    judged = checks.check_attempts_order(observed(reversed_tries))
    assert judged.verdict is Verdict.BROKEN
    assert judged.told.startswith("newest first: exit codes [0, 11]")


@pytest.mark.parametrize("tries", [[a_try(0, 1)], [a_try(None, 1), a_try(0, 2)], [a_try(11, 2), a_try(0, 1)]])
def test_attempts_that_are_not_one_a_try_in_order_do_not_hold(tries: list[Any]) -> None:
    judged = checks.check_attempts_order(observed(event(JobKind.RETRY, "SUCCEEDED", attempts=tries)))
    assert judged.verdict is Verdict.BROKEN


def test_a_second_try_that_is_told_by_its_end_alone_does_not_hold() -> None:
    first, *_, last = retry_events()
    assert checks.check_attempts_grow(observed(first, last)).verdict is Verdict.BROKEN
    assert checks.check_attempts_grow(observed(first)).verdict is Verdict.NOT_SEEN


def test_a_job_that_ends_otherwise_than_it_must_is_told_with_its_reason() -> None:
    wrong = event(JobKind.SUCCESS, "FAILED", statusReason="Task failed to start")
    others = [one for one in as_assumed() if one.job_id != wrong.job_id]
    judged = checks.check_endings(observed(*others, wrong))
    assert judged.verdict is Verdict.BROKEN
    assert judged.told == "success FAILED, not SUCCEEDED (Task failed to start)"
    missing = checks.check_endings(observed(*others))
    assert (missing.verdict, missing.told) == (Verdict.NOT_SEEN, "no end was told of: success")


def test_a_failure_without_its_exit_code_does_not_hold() -> None:
    judged = checks.check_failure(observed(event(JobKind.FAILURE, "FAILED", attempts=[a_try(None, 1)])))
    assert (judged.verdict, judged.told) == (
        Verdict.BROKEN,
        "read as unknown: FAILED, exit code None, no reason",
    )


def test_a_terminated_job_that_neither_says_so_nor_gives_our_reason_does_not_hold() -> None:
    silent = event(JobKind.CANCELLED, "FAILED", attempts=[a_try(143, 1)], statusReason="Essential container exited")
    assert checks.check_cancelled(observed(silent)).verdict is Verdict.BROKEN
    with_reason = event(JobKind.CANCELLED, "FAILED", statusReason="batchwright: verify ends this job")
    assert checks.check_cancelled(observed(with_reason)).verdict is Verdict.HOLDS


def test_children_that_are_called_otherwise_do_not_hold() -> None:
    pending, child, _, ended = array_events()
    odd = event(JobKind.ARRAY, "SUCCEEDED", jobId=f"{JOBS[JobKind.ARRAY].job_id}#1", arrayProperties={"index": 1})
    assert checks.check_array(observed(pending, child, odd, ended)).verdict is Verdict.BROKEN
    without_size = event(JobKind.ARRAY, "SUCCEEDED", arrayProperties={"index": 0})
    assert checks.check_array(observed(pending, child, without_size)).verdict is Verdict.BROKEN


def test_tags_are_asked_of_the_job_and_not_of_its_events() -> None:
    def judge(**tags: str) -> Verdict:
        return checks.check_tags(observed(*as_assumed(), tags=Saw(tags))).verdict

    assert judge(**{"batchwright-verify": "yes"}) is Verdict.HOLDS
    assert judge() is Verdict.BROKEN
    assert checks.check_tags(observed(tags=NotHere("no tags"))).verdict is Verdict.NOT_HERE


def test_latency_counts_each_start_and_end_once() -> None:
    quick = [event(JobKind.SUCCESS, "RUNNING", after_seconds=1), event(JobKind.SUCCESS, "SUCCEEDED", after_seconds=3)]
    assert checks.latencies_seconds([*quick, quick[0], event(JobKind.ARRAY, "PENDING")]) == [1.0, 3.0]
    slow = event(JobKind.FAILURE, "FAILED", after_seconds=61)
    judged = checks.check_latency(observed(*quick, slow))
    assert (judged.verdict, judged.told) == (Verdict.BROKEN, "p50 3.0 s, p95 61.0 s, of 3 starts and ends")


@pytest.mark.parametrize(
    ("count", "part", "rank"), [(1, 50, 1), (10, 50, 5), (10, 95, 10), (100, 95, 95), (20, 95, 19)]
)
def test_percentiles_are_nearest_ranks(count: int, part: int, rank: int) -> None:
    assert checks.percentile([float(number) for number in range(1, count + 1)], part) == rank


def test_an_event_that_comes_again_must_say_the_same() -> None:
    once = as_assumed()
    assert checks.check_duplicates(observed(*once)).verdict is Verdict.NOT_SEEN
    again = replace(once[1], sent_at_ms=once[1].sent_at_ms + 5000)
    later = replace(again, document={**again.document, "id": "another", "time": "2026-01-02T03:04:09Z"})
    judged = checks.check_duplicates(observed(*once, again, later))
    assert judged.verdict is Verdict.HOLDS
    assert judged.told.startswith("1 events came again, 0 of them under the same id")
    other = event(JobKind.SUCCESS, "SUCCEEDED", attempts=[a_try(1, 1)])
    broken = checks.check_duplicates(observed(*once, other))
    assert broken.verdict is Verdict.BROKEN
    assert broken.told.endswith("says different things: attempts")


def test_an_arrays_parent_that_tells_new_counts_is_no_repeat() -> None:
    pending, *rest = array_events()
    counted = event(JobKind.ARRAY, "PENDING", arrayProperties={"size": 2, "statusSummary": {"RUNNING": 2}})
    counted = replace(counted, document={**counted.document, "id": "another"})
    assert checks.check_duplicates(observed(pending, counted, *rest)).verdict is Verdict.NOT_SEEN
