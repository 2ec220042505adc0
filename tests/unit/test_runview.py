from __future__ import annotations

from dataclasses import replace

from batchwright.runview import RunView, TaskRow, changed, view_run, with_children
from chalicelib.core.ids import Attempt
from chalicelib.core.records import JobResult
from chalicelib.core.states import TaskState
from tests.memory.theatre import Theatre, plan_of, task


def theatre(*names: str, array: bool = False, attempts: int = 1) -> Theatre:
    tasks = [task(name, attempts=attempts) for name in names]
    if array:
        tasks = [replace(one, job=replace(one.job, array_size=4)) for one in tasks]
    return Theatre(plan_of(*((one, []) for one in tasks)))


def seen(play: Theatre) -> RunView:
    return view_run(play.store, play.run, play.plan)


def only(view: RunView) -> TaskRow:
    (row,) = view.rows
    return row


def play_until_submitted(play: Theatre) -> Attempt:
    play.start()
    (job, *_) = play.jobs()
    attempt = play.attempt_of(job)
    assert isinstance(attempt, Attempt)
    return attempt


def result(job_id: str, started_at_ms: int | None, stopped_at_ms: int | None) -> JobResult:
    return JobResult(job_id, True, 0, "done", "log", started_at_ms, stopped_at_ms)


def test_every_task_has_a_row_in_the_order_of_the_plan_over_all_shards() -> None:
    chain = plan_of(*((task(f"t{n}"), [f"t{n - 1}"] if n else []) for n in range(300)))
    play = Theatre(chain)
    play.start()
    rows = seen(play).rows
    assert [row.index for row in rows] == list(range(300))
    assert (rows[0].state, rows[0].attempt) == (TaskState.SUBMITTED, 1)
    assert {(row.state, row.attempt) for row in rows[1:]} == {(TaskState.WAITING, 0)}


def test_what_the_tally_holds_goes_before_the_record_which_is_written_last() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.tally(attempt.run_id, 0, 0, {TaskState.SUCCEEDED: 1})
    row = only(seen(play))
    assert (row.state, row.result) == (TaskState.SUCCEEDED, None)
    assert row.duration_ms(play.clock.now_ms()) is None


def test_a_duration_is_known_from_the_ending_though_running_was_never_seen() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.commit(attempt, TaskState.SUCCEEDED, result(play.jobs()[0].job_id, 1_000, 3_500))
    assert only(seen(play)).duration_ms(99_000) == 2_500


def test_the_current_duration_of_a_running_task_ends_now() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.observe(attempt, play.jobs()[0].job_id, TaskState.RUNNING, 0, 1_000)
    assert only(seen(play)).duration_ms(5_000) == 4_000


def test_an_array_counts_from_its_claim_for_its_parent_job_never_runs() -> None:
    play = theatre("many", array=True)
    attempt = play_until_submitted(play)
    claimed_at_ms = play.clock.now_ms()
    assert only(seen(play)).duration_ms(claimed_at_ms + 700) == 700
    play.store.commit(attempt, TaskState.SUCCEEDED, result(play.jobs()[0].job_id, None, claimed_at_ms + 900))
    assert only(seen(play)).duration_ms(claimed_at_ms + 5_000) == 900


def test_a_task_that_waits_for_its_retry_shows_the_attempt_that_failed() -> None:
    play = theatre("flaky", attempts=2)
    attempt = play_until_submitted(play)
    failure = replace(result(play.jobs()[0].job_id, 1_000, 1_250), succeeded=False, exit_code=3)
    assert play.store.wait_for_retry(attempt, failure, 60_000)
    row = only(seen(play))
    assert (row.state, row.retry_at_ms, row.duration_ms(50_000)) == (TaskState.WAITING, 60_000, 250)
    assert row.last_result == failure


def test_the_children_of_arrays_are_counted_as_batch_tells_them() -> None:
    play = theatre("many", "other", array=True)
    play.start()
    view = seen(play)
    summary = {"SUCCEEDED": 2, "FAILED": 1, "RUNNING": 1}
    described = [{"jobId": view.rows[1].job_id, "arrayProperties": {"size": 4, "statusSummary": summary}}]
    rows = with_children(view, described).rows
    assert (rows[0].children, rows[0].children_ended) == (None, None)
    assert (rows[1].children, rows[1].children_ended) == (4, 3)


def test_a_row_has_changed_when_its_state_or_attempt_has() -> None:
    before = [TaskRow(0, "a", TaskState.RUNNING, 1), TaskRow(1, "b", TaskState.RUNNING, 1)]
    after = [TaskRow(0, "a", TaskState.RUNNING, 1, started_at_ms=5), TaskRow(1, "b", TaskState.RUNNING, 2)]
    assert changed(before, after) == [after[1]]
    assert changed((), [TaskRow(0, "a", TaskState.WAITING), after[1]]) == [after[1]]
