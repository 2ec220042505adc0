from __future__ import annotations

from dataclasses import replace

from chalicelib.api import models as m
from chalicelib.api.inprocess.run_view import RunLook, children_counted
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Scope, in_epoch
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.run.task_view import duration_ms, result_of
from chalicelib.core.states import TaskState
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.redrive import redrive_run
from tests.memory.theatre import Cut, Theatre, plan_of, task


def theatre(*names: str, array: bool = False, attempts: int = 1) -> Theatre:
    tasks = [task(name, attempts=attempts) for name in names]
    if array:
        tasks = [replace(one, job=replace(one.job, array_size=4)) for one in tasks]
    return Theatre(plan_of(*((one, []) for one in tasks)))


def seen(play: Theatre) -> list[m.Task]:
    return RunLook(play.store, play.run).all_tasks()


def only(tasks: list[m.Task]) -> m.Task:
    (task,) = tasks
    return task


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
    tasks = seen(play)
    assert [one.index for one in tasks] == list(range(300))
    assert (tasks[0].state, tasks[0].attempt) == (TaskState.SUBMITTED, 1)
    assert {(one.state, one.attempt) for one in tasks[1:]} == {(TaskState.WAITING, 0)}


def test_what_the_tally_holds_goes_before_the_record_which_is_written_last() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.tally(attempt.run_id, 0, 0, {TaskState.SUCCEEDED: 1})
    shown = only(seen(play))
    assert (shown.state, result_of(shown)) == (TaskState.SUCCEEDED, None)
    assert duration_ms(shown, play.clock.now_ms()) is None


def test_a_duration_is_known_from_the_ending_though_running_was_never_seen() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.commit(attempt, TaskState.SUCCEEDED, result(play.jobs()[0].job_id, 1_000, 3_500))
    assert duration_ms(only(seen(play)), 99_000) == 2_500


def test_the_current_duration_of_a_running_task_ends_now() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.observe(attempt, play.jobs()[0].job_id, TaskState.RUNNING, 0, 1_000)
    assert duration_ms(only(seen(play)), 5_000) == 4_000


def test_an_array_counts_from_its_claim_for_its_parent_job_never_runs() -> None:
    play = theatre("many", array=True)
    attempt = play_until_submitted(play)
    claimed_at_ms = play.clock.now_ms()
    assert duration_ms(only(seen(play)), claimed_at_ms + 700) == 700
    play.store.commit(attempt, TaskState.SUCCEEDED, result(play.jobs()[0].job_id, None, claimed_at_ms + 900))
    assert duration_ms(only(seen(play)), claimed_at_ms + 5_000) == 900


def test_a_task_that_waits_for_its_retry_shows_the_attempt_that_failed() -> None:
    play = theatre("flaky", attempts=2)
    attempt = play_until_submitted(play)
    failure = replace(result(play.jobs()[0].job_id, 1_000, 1_250), succeeded=False, exit_code=3)
    assert play.store.wait_for_retry(attempt, failure, 60_000)
    shown = only(seen(play))
    assert (shown.state, shown.retry_at_ms, duration_ms(shown, 50_000)) == (TaskState.WAITING, 60_000, 250)
    assert [(one.job_id, one.exit_code) for one in shown.attempts] == [(failure.job_id, 3)]


def test_how_many_children_an_array_has_is_told_before_it_starts_and_after_it_ended() -> None:
    play = theatre("many", array=True)
    play.start()
    assert only(seen(play)).children == 4
    play.play_on()
    ended = only(seen(play))
    assert (ended.state, ended.children) == (TaskState.SUCCEEDED, 4)
    single = theatre("single")
    single.start()
    assert only(seen(single)).children is None


def test_the_children_of_arrays_are_counted_as_batch_tells_them() -> None:
    play = theatre("many", "other", array=True)
    play.start()
    tasks = seen(play)
    summary = {"SUCCEEDED": 2, "FAILED": 1, "RUNNING": 1}
    described = {str(tasks[1].job_id): {"arrayProperties": {"size": 4, "statusSummary": summary}}}
    tasks = [children_counted(one, described) for one in tasks]
    assert (tasks[0].children, tasks[0].children_ended) == (4, None)
    assert (tasks[1].children, tasks[1].children_ended) == (4, 3)


CHAIN = plan_of((task("one"), []), (task("two"), ["one"]), (task("three"), ["two"]))


def redriven(play: Theatre, *tasks: str, every: bool = False, version: int | None = None) -> None:
    """Play the run on to its end, and redrive it, up to the moment at which its first tasks are submitted."""
    play.play_on()
    scope = Scope.ALL if every else Scope.TASKS if tasks else Scope.FROM_FAILED
    redrive_run(play.world(), RedriveRequest(play.run.run_id, scope, tasks, version))
    play.deliver_commands()


def told(tasks: list[m.Task]) -> list[tuple[str, str, int, int | None]]:
    """Each with the epoch that its ending was kept from, if it was."""
    return [(one.name, one.state.value, one.attempt, one.epoch if one.kept else None) for one in tasks]


def test_a_task_whose_ending_was_kept_shows_the_attempt_that_led_to_it() -> None:
    play = Theatre(CHAIN, fails=[("two", 1)])
    play.start()
    redriven(play)
    play.play_on()
    before = RunLook(play.store, in_epoch(play.run, 0)).all_tasks()[0]
    assert told(seen(play)) == [
        ("one", "succeeded", 1, 0),
        ("two", "failed", 1, None),
        ("three", "upstream_failed", 0, None),
    ]
    kept = seen(play)[0]
    assert kept == before.model_copy(update={"kept": True})
    assert [one.log_stream for one in kept.attempts] == ["log"]


def test_what_was_kept_twice_is_found_two_epochs_back() -> None:
    play = Theatre(CHAIN, fails=[("two", 1)])
    play.start()
    redriven(play)
    redriven(play)
    assert told(seen(play)) == [
        ("one", "succeeded", 1, 0),
        ("two", "submitted", 1, None),
        ("three", "waiting", 0, None),
    ]


def test_the_attempt_of_a_kept_task_is_found_by_its_name_in_the_plan_of_its_epoch() -> None:
    play = Theatre(CHAIN, fails=[("two", 1)])
    play.start()
    play.play_on()
    # A new first task moves the others on by one.
    first = plan_of(
        (task("zero"), []), (task("one"), []), (task("two", backoff_seconds=1), ["one"]), (task("three"), ["two"])
    )
    play.store.push("play", {}, first, play.clock.now_ms())
    play.plan = first
    redriven(play, version=2)
    assert [(shown.index, *one) for shown, one in zip(seen(play), told(seen(play)), strict=True)][:3] == [
        (0, "zero", "submitted", 1, None),
        (1, "one", "succeeded", 1, 0),
        (2, "two", "submitted", 1, None),
    ]


def test_an_old_attempt_is_not_shown_for_an_ending_that_it_did_not_lead_to() -> None:
    """`two` succeeded in epoch 0; in epoch 1 it never started, for `one` failed or the run was cancelled."""
    for is_cancelled in (False, True):
        play = Theatre(CHAIN)
        play.start()
        play.play_on()
        play.fails.add(("one", 1))
        redriven(play, every=True)
        if is_cancelled:
            request_cancel(play.world(), play.run.run_id, "enough")
            play.deliver_commands()
        play.play_on()
        assert told(seen(play))[1] == ("two", "cancelled" if is_cancelled else "upstream_failed", 0, None)


def test_of_a_run_that_was_never_redriven_each_shard_is_read_once() -> None:
    play = Theatre(plan_of(*((task(f"t{n}"), []) for n in range(300))))
    play.start()
    run, store = play.run, play.world().store
    RunLook(store, run).all_tasks()
    assert (play.calls.count("tasks"), play.calls.count("read_tally")) == (2, 2)


def test_a_task_whose_claim_was_given_back_waits() -> None:
    play = theatre("one")
    assert play.crash(Cut("submit"), play.start)
    claimed = play.record("one")
    assert claimed is not None
    assert claimed.claim is not None
    assert told(seen(play)) == [("one", "claimed", 1, None)]
    play.store.release(claimed.attempt, claimed.claim.owner)
    assert told(seen(play)) == [("one", "waiting", 0, None)]


def test_second_jobs_are_shown_with_their_task() -> None:
    play = theatre("one")
    attempt = play_until_submitted(play)
    play.store.add_second_job(attempt, "b")
    play.store.add_second_job(attempt, "a")
    assert only(seen(play)).second_jobs == ["a", "b"]
