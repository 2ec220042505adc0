"""What the engine counts and times of a run: each figure, in the scene that it is of."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest

from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.run.notices import run_ended
from chalicelib.core.states import RunState
from chalicelib.core.telemetry.metrics import ABOUT, VALUES, Adoption, Figure, JobEnd, Source, SweepFind
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.telemetry import CountedNotices
from chalicelib.engine.world.world import Settings, World
from tests.memory.batch import SubmitFault
from tests.memory.clock import EPOCH_MS
from tests.memory.figures import MemoryFigures
from tests.memory.notices import MemoryNotices
from tests.memory.theatre import Cut, Theatre, plan_of, task

ONE = plan_of((task("a"), ()))
CHAIN = plan_of((task("a", attempts=2), ()), (task("b"), ["a"]))
LEASE_SECONDS, SWEEP_SECONDS = Settings().lease_seconds, Settings().sweep_seconds


def started(plan=ONE, fails=(), **options) -> Theatre:
    theatre = Theatre(plan, fails, **options)
    theatre.start()
    return theatre


def deliver(theatre: Theatre, event: str) -> None:
    with contextlib.suppress(MessagesLeft):
        theatre.deliver_event(event)


def event_of(theatre: Theatre, status: str, **times_ms: int) -> str:
    """The event of the first job, with other times in it."""
    event = json.loads(theatre.document(theatre.jobs()[0], status))
    event["detail"] |= times_ms
    return json.dumps(event)


# Runs and jobs


def test_a_run_that_goes_well_is_counted_once_with_its_jobs():
    theatre = started(CHAIN)
    theatre.play_on()
    figures = theatre.figures
    assert figures.of(Figure.RUNS_STARTED) == 1
    assert figures.of(Figure.JOBS_SUBMITTED) == 2
    assert figures.of(Figure.JOBS_ENDED) == figures.of(Figure.JOBS_ENDED, JobEnd.SUCCEEDED) == 2
    assert figures.of(Figure.RUNS_ENDED) == figures.of(Figure.RUNS_ENDED, RunState.SUCCEEDED) == 1
    assert len(figures.times[Figure.RUN_SECONDS,]) == 1
    assert figures.run_ids == {theatre.run.run_id}
    others = set(Figure) - {
        Figure.RUNS_STARTED,
        Figure.JOBS_SUBMITTED,
        Figure.JOBS_ENDED,
        Figure.RUNS_ENDED,
    }
    assert {figure: figures.of(figure) for figure in others if figures.of(figure)} == {}


def test_a_start_that_is_repeated_counts_once():
    theatre = started()
    theatre.start()
    assert theatre.figures.of(Figure.RUNS_STARTED) == 1


def test_a_failure_that_is_retried_and_one_for_good_are_told_apart_by_state_and_alike_by_class():
    theatre = started(CHAIN, [("a", 1), ("a", 2)])
    theatre.play_on()
    assert theatre.run.state is RunState.FAILED
    assert theatre.figures.of(Figure.JOBS_ENDED, JobEnd.RETRIED) == 1
    assert theatre.figures.of(Figure.JOBS_ENDED, JobEnd.FAILED) == 1
    assert theatre.figures.of(Figure.JOBS_FAILED, "application") == theatre.figures.of(Figure.JOBS_FAILED) == 2
    assert theatre.figures.of(Figure.RUNS_ENDED, RunState.FAILED) == 1


def test_a_run_that_is_cancelled_and_its_job():
    theatre = started()
    request_cancel(theatre.world(), theatre.run.run_id, "enough")
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.figures.of(Figure.RUNS_ENDED, RunState.CANCELLED) == 1
    assert theatre.figures.of(Figure.JOBS_ENDED, JobEnd.CANCELLED) == theatre.figures.of(Figure.JOBS_ENDED) == 1


def test_a_redrive_is_counted_apart_and_its_end_has_no_duration():
    theatre = started(ONE, [("a", 1)])
    theatre.play_on()
    theatre.redrive()
    theatre.play_on()
    assert (theatre.figures.of(Figure.RUNS_STARTED), theatre.figures.of(Figure.RUNS_REDRIVEN)) == (1, 1)
    assert theatre.figures.of(Figure.RUNS_ENDED) == 2
    assert len(theatre.figures.times[Figure.RUN_SECONDS,]) == 1


def test_a_job_that_batch_refuses_failed_by_that_class_and_was_not_submitted():
    theatre = Theatre(ONE)
    theatre.batch.faults.append(SubmitFault.REFUSED)
    theatre.start()
    theatre.play_on()
    assert theatre.figures.of(Figure.JOBS_FAILED, "refused") == 1
    assert theatre.figures.of(Figure.JOBS_SUBMITTED) == theatre.figures.of(Figure.JOBS_ADOPTED) == 0


# Times


def test_the_wait_and_the_run_time_of_a_job_are_by_its_queue():
    theatre = started()
    deliver(theatre, event_of(theatre, "RUNNING", createdAt=EPOCH_MS, startedAt=EPOCH_MS + 3_000))
    ended = {"createdAt": EPOCH_MS, "startedAt": EPOCH_MS + 3_000, "stoppedAt": EPOCH_MS + 10_000}
    deliver(theatre, event_of(theatre, "SUCCEEDED", **ended))
    assert theatre.figures.times[Figure.JOB_WAIT_SECONDS, "queue"] == [3_000], "once, though both events tell it"
    assert theatre.figures.times[Figure.JOB_RUN_SECONDS, "queue"] == [7_000]


def test_the_wait_of_a_job_that_was_never_told_to_run_is_read_off_its_end():
    theatre = started()
    deliver(theatre, event_of(theatre, "SUCCEEDED", createdAt=EPOCH_MS, startedAt=EPOCH_MS + 3_000))
    assert theatre.figures.times[Figure.JOB_WAIT_SECONDS, "queue"] == [3_000]


def test_a_job_that_never_started_has_neither_wait_nor_run_time():
    theatre = started()
    event = json.loads(theatre.document(theatre.jobs()[0], "FAILED"))
    del event["detail"]["startedAt"]
    deliver(theatre, json.dumps(event))
    assert theatre.figures.of(Figure.JOBS_ENDED) == 1
    assert {key[0] for key in theatre.figures.times} == {Figure.EVENT_LAG_SECONDS, Figure.RUN_SECONDS}


def test_the_lag_is_from_an_events_time_until_it_is_done():
    theatre = started()
    event = theatre.ending_document(theatre.jobs()[0])
    theatre.clock.advance(seconds=12)
    deliver(theatre, event)
    assert theatre.figures.times[Figure.EVENT_LAG_SECONDS,] == [12_000]


def test_an_event_that_is_not_done_has_no_lag_yet():
    theatre = started(CHAIN)
    event = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("claim", after_effect=True), lambda: theatre.deliver_event(event))
    deliver(theatre, event)
    assert theatre.figures.of(Figure.MESSAGES_NOT_YET, Source.EVENTS) == 1
    assert theatre.figures.times == {}
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    deliver(theatre, event)
    assert theatre.figures.times[Figure.EVENT_LAG_SECONDS,] == [(LEASE_SECONDS + 1) * 1000]


# Repeats, lost answers, second jobs


@pytest.mark.parametrize("fails", [(), [("a", 1)], [("a", 1), ("a", 2)]])
def test_a_repeated_end_is_dropped_and_counted(fails):
    theatre = started(CHAIN, fails)
    event = theatre.ending_document(theatre.jobs("a")[0])
    deliver(theatre, event)
    jobs_ended = theatre.figures.of(Figure.JOBS_ENDED)
    assert theatre.figures.of(Figure.DUPLICATES_DROPPED) == 0
    deliver(theatre, event)
    assert theatre.figures.of(Figure.DUPLICATES_DROPPED) == 1
    theatre.play_on()
    deliver(theatre, event)
    # play_on told the event that was delivered by hand, too.
    assert theatre.figures.of(Figure.DUPLICATES_DROPPED) == 3
    assert theatre.figures.of(Figure.JOBS_ENDED) == jobs_ended + len(theatre.jobs()) - 1


def test_two_copies_of_an_end_in_one_batch_are_one_and_a_repeat():
    theatre = started()
    theatre.events.send([theatre.ending_document(theatre.jobs()[0])] * 2)
    theatre.deliver_events()
    assert theatre.figures.of(Figure.DUPLICATES_DROPPED) == theatre.figures.of(Figure.JOBS_ENDED) == 1


def test_a_lost_answer_and_the_adoption_by_the_jobs_end():
    theatre = Theatre(ONE)
    theatre.batch.faults.append(SubmitFault.LOST_AFTER_EFFECT)
    theatre.start()
    assert theatre.figures.of(Figure.ANSWERS_LOST) == 1
    assert theatre.figures.of(Figure.JOBS_SUBMITTED) == 0
    deliver(theatre, theatre.ending_document(theatre.jobs()[0]))
    assert theatre.figures.of(Figure.JOBS_ADOPTED, Adoption.EVENT) == theatre.figures.of(Figure.JOBS_ADOPTED) == 1


def test_the_adoption_by_name():
    theatre = Theatre(ONE)
    theatre.batch.faults.append(SubmitFault.LOST_AFTER_EFFECT)
    theatre.start()
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    theatre.start()
    assert theatre.figures.of(Figure.JOBS_ADOPTED, Adoption.NAME) == theatre.figures.of(Figure.JOBS_ADOPTED) == 1


def test_a_second_job_is_counted_once_however_often_it_is_met():
    theatre = started()
    first = theatre.jobs()[0]
    second = theatre.batch.submit(first.request)
    event = theatre.document(theatre.batch.jobs[second], "RUNNING")
    for _ in range(3):
        deliver(theatre, event)
    assert theatre.batch.jobs[second].terminated
    assert theatre.figures.of(Figure.SECOND_JOBS) == 1


# The sweep


def test_the_sweep_that_finds_a_job_whose_end_nobody_told():
    theatre = started()
    theatre.end_jobs()
    theatre.sweep(after_seconds=SWEEP_SECONDS)
    theatre.sweep(after_seconds=Settings().quiet_seconds)
    assert theatre.run.state.ended
    assert theatre.figures.of(Figure.SWEEP_FINDS) == theatre.figures.of(Figure.SWEEP_FINDS, SweepFind.LOST_EVENT) == 1


def test_the_sweep_that_asks_about_a_job_that_runs_finds_nothing():
    theatre = started()
    for _ in range(10):
        theatre.sweep(after_seconds=Settings().quiet_seconds)
    assert theatre.batch.described
    assert theatre.figures.of(Figure.SWEEP_FINDS) == 0


def test_the_sweep_that_finds_a_dead_claim():
    theatre = Theatre(ONE)
    assert theatre.crash(Cut("claim", after_effect=True), theatre.start)
    theatre.sweep(after_seconds=SWEEP_SECONDS)
    assert theatre.figures.of(Figure.SWEEP_FINDS) == theatre.figures.of(Figure.SWEEP_FINDS, SweepFind.DEAD_CLAIM) == 1


def test_the_sweep_that_finds_a_task_that_nobody_started():
    theatre = Theatre(ONE)
    assert theatre.crash(Cut("claim"), theatre.start)
    theatre.sweep(after_seconds=SWEEP_SECONDS)
    assert theatre.figures.of(Figure.SWEEP_FINDS, SweepFind.UNSTARTED_TASK) == theatre.figures.of(Figure.SWEEP_FINDS)
    assert theatre.figures.of(Figure.SWEEP_FINDS) == 1


def test_the_sweep_that_finds_a_retry_whose_timer_was_lost():
    theatre = started(CHAIN, [("a", 1)])
    deliver(theatre, theatre.ending_document(theatre.jobs("a")[0]))
    for message in theatre.commands.receive(10):
        theatre.commands.delete([message.receipt_handle])
    theatre.sweep(after_seconds=SWEEP_SECONDS)
    assert theatre.figures.of(Figure.SWEEP_FINDS) == theatre.figures.of(Figure.SWEEP_FINDS, SweepFind.LOST_TIMER) == 1


def test_the_sweep_that_finds_a_record_open_whose_task_had_ended():
    theatre = started()
    event = theatre.ending_document(theatre.jobs()[0])
    assert theatre.crash(Cut("commit"), lambda: theatre.deliver_event(event))
    theatre.end_jobs()
    theatre.sweep(after_seconds=SWEEP_SECONDS)
    assert theatre.figures.of(Figure.SWEEP_FINDS) == theatre.figures.of(Figure.SWEEP_FINDS, SweepFind.OPEN_RECORD) == 1


def test_the_sweep_that_gives_up_a_job_that_batch_does_not_know():
    theatre = started()
    theatre.forgotten = {theatre.jobs()[0].job_id}
    for _ in range(4):
        theatre.sweep(after_seconds=Settings().quiet_seconds)
    assert theatre.figures.of(Figure.SWEEP_FINDS) == theatre.figures.of(Figure.SWEEP_FINDS, SweepFind.UNKNOWN_JOB) == 1
    assert theatre.figures.of(Figure.JOBS_FAILED, "unknown") == 1


def test_a_resume_finds_what_the_pause_left_and_that_is_no_find_of_a_sweep():
    theatre = started(CHAIN)
    theatre.pause()
    theatre.deliver_commands()
    deliver(theatre, theatre.ending_document(theatre.jobs("a")[0]))
    assert theatre.jobs("b") == []
    theatre.resume()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert theatre.figures.of(Figure.SWEEP_FINDS) == 0


# Messages


def test_a_message_that_fails_is_counted_each_time_and_at_last_as_a_dead_letter():
    theatre = started()
    theatre.events.send(["not json"])
    for _ in range(RECEIPTS_MAXIMUM):
        theatre.clock.advance(seconds=100)
        with contextlib.suppress(MessagesLeft):
            theatre.deliver_events()
    assert theatre.figures.of(Figure.MESSAGES_FAILED, Source.EVENTS) == RECEIPTS_MAXIMUM - 1
    assert theatre.figures.of(Figure.DEAD_LETTERS, Source.EVENTS) == 1
    theatre.commands.send(["not json"])
    with contextlib.suppress(MessagesLeft):
        theatre.deliver_commands()
    assert theatre.figures.of(Figure.MESSAGES_FAILED, Source.COMMANDS) == 1


# The governor


def fan_out(count: int) -> Theatre:
    return started(plan_of(*[(task(f"t{n}"), ()) for n in range(count)]))


def test_the_time_that_submissions_wait_for_their_turn_and_those_that_need_not_wait():
    theatre = fan_out(20)
    began_ms = theatre.clock.now_ms()
    theatre.deliver_commands()
    waits = theatre.figures.times[Figure.GOVERNOR_WAIT_SECONDS,]
    assert 0 < len(waits) < 20
    assert sum(waits) == theatre.clock.now_ms() - began_ms


def test_answers_of_429():
    theatre = fan_out(20)
    theatre.batch.faults.append(SubmitFault.THROTTLED)
    with pytest.raises(MessagesLeft):
        theatre.deliver_commands()
    assert theatre.figures.of(Figure.SUBMISSIONS_THROTTLED) == 1


def test_permits_that_are_too_far_ahead():
    theatre = fan_out(20)
    now_us = theatre.clock.now_ms() * 1000
    theatre.permits.take(now_us, 4_000_000, now_us)
    with pytest.raises(MessagesLeft):
        theatre.deliver_commands()
    assert theatre.figures.of(Figure.PERMITS_SHORT) == 1


# Notices


def test_a_notice_is_counted_by_its_kind_once_it_was_published():
    theatre = started()
    theatre.play_on()
    notices, figures = MemoryNotices(), MemoryFigures()
    counted = CountedNotices(notices, figures)
    notice = run_ended(theatre.run, "dev", RunState.SUCCEEDED, EPOCH_MS)
    counted.publish(notice)
    notices.failing = True
    with contextlib.suppress(Exception):
        counted.publish(notice)
    assert figures.counts == {(Figure.NOTICES_PUBLISHED, NoticeKind.RUN_SUCCEEDED): 1}
    assert notices.published == [notice]


# The set


def test_every_figure_says_what_it_is_and_lists_the_values_it_is_told_by():
    assert set(ABOUT) == set(Figure)
    for figure, about in ABOUT.items():
        assert about.sentence.endswith(".")
        assert figure.endswith("_seconds") == (about.unit == "Seconds")
        for dimension in about.dimensions - {"queue"}:
            assert VALUES[figure, dimension]


def test_the_engine_needs_nobody_who_counts():
    theatre = Theatre(CHAIN, [("a", 1)])
    theatre_world = theatre.world

    def without_figures() -> World:
        return replace(theatre_world(), figures=World.figures)

    theatre.world = without_figures
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert not theatre.figures.counts
