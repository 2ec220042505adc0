"""A run goes from its start to its end, driven by events alone."""

import pytest

from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.advance.submit import PERMISSION_SECONDS
from chalicelib.engine.world.world import Settings
from tests.memory.theatre import Theatre, plan_of, task


def test_a_diamond_runs_to_success_with_one_job_a_task():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["a"]), (task("d"), ["b", "c"])))
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert theatre.endings() == dict.fromkeys("abcd", "succeeded")
    assert len(theatre.jobs()) == 4
    assert [theatre.record(name).state for name in "abcd"] == ["succeeded"] * 4
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/succeeded"}


def test_a_child_is_not_submitted_before_all_its_parents_succeeded():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ()), (task("c"), ["a", "b"])))
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    assert theatre.jobs("c") == []
    theatre.deliver_event(theatre.ending_document(theatre.jobs("b")[0]))
    assert len(theatre.jobs("c")) == 1


def test_a_failure_dooms_what_follows_and_an_all_done_task_still_runs_and_hides_nothing():
    theatre = Theatre(
        plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"]), (task("tidy", TriggerRule.ALL_DONE), ["c"])),
        fails=[("a", 1)],
    )
    theatre.start()
    theatre.play_on()
    assert theatre.endings() == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "tidy": "succeeded"}
    assert theatre.run.state is RunState.FAILED


def test_an_allowed_failure_does_not_fail_the_run():
    theatre = Theatre(plan_of((task("a", allow_failure=True), ()), (task("b"), ())), fails=[("a", 1)])
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_retry_waits_for_its_back_off_and_is_a_new_job():
    theatre = Theatre(plan_of((task("a", attempts=3, backoff_seconds=30), ())), fails=[("a", 1), ("a", 2)])
    theatre.start()
    started_at_ms = theatre.clock.now_ms()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    jobs = theatre.jobs("a")
    assert [theatre.attempt_of(job).number for job in jobs] == [1, 2, 3]
    assert len({job.request.name for job in jobs}) == 3
    assert jobs[2].created_at_ms - started_at_ms >= 60_000
    assert [past.job_id for past in theatre.record("a").past] == [jobs[0].job_id, jobs[1].job_id]


def test_a_back_off_longer_than_a_message_can_be_delayed_is_kept():
    theatre = Theatre(plan_of((task("a", attempts=2, backoff_seconds=3600), ())), fails=[("a", 1)])
    theatre.start()
    theatre.play_swept(for_seconds=4_000)
    first, second = theatre.jobs("a")
    assert second.created_at_ms - first.created_at_ms == 3_600_000


@pytest.mark.parametrize("inline", [0, 5, 1000])
def test_six_hundred_tasks_with_a_fan_in_of_five_hundred_succeed_across_shards(inline):
    roots = [(task(f"root-{n}"), ()) for n in range(500)]
    middle = [(task("join"), [one.name for one, _ in roots])]
    leaves = [(task(f"leaf-{n}"), ["join", f"root-{n}"]) for n in range(98)]
    last = [(task("end", TriggerRule.ALL_DONE), [one.name for one, _ in leaves])]
    theatre = Theatre(plan_of(*roots, *middle, *leaves, *last), settings=Settings(inline_submissions=inline))
    assert theatre.plan.shard_count == 3
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 600


def test_a_submission_that_batch_refuses_fails_the_task_with_batchs_words():
    from tests.memory.batch import SubmitFault

    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.batch.faults.append(SubmitFault.REFUSED)
    theatre.start()
    theatre.play_on()
    assert theatre.endings() == {"a": "failed", "b": "upstream_failed"}
    assert "JobQueue queue not found" in theatre.record("a").result.reason


def test_a_permission_that_is_not_in_force_yet_is_asked_for_again():
    from tests.memory.batch import SubmitFault

    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.batch.faults.extend([SubmitFault.NOT_PERMITTED] * 4)
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 2
    assert theatre.batch.finds == 0, "what was not permitted had no effect, so nobody asks Batch"


def test_a_permission_that_is_missing_for_minutes_is_a_refusal_after_a_few_tries():
    from tests.memory.batch import SubmitFault

    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.batch.faults.extend([SubmitFault.NOT_PERMITTED] * 1000)
    theatre.start()
    started_at_ms = theatre.clock.now_ms()
    theatre.play_on()
    assert theatre.endings() == {"a": "failed", "b": "upstream_failed"}
    assert "not authorized to perform: batch:SubmitJob" in theatre.record("a").result.reason
    waited_seconds = (theatre.clock.now_ms() - started_at_ms) / 1000
    assert PERMISSION_SECONDS <= waited_seconds < 2 * PERMISSION_SECONDS
    assert 1000 - len(theatre.batch.faults) <= 12


def test_a_throttled_submission_is_made_again_soon_and_once():
    from tests.memory.batch import SubmitFault

    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.batch.faults.extend([SubmitFault.THROTTLED, None, SubmitFault.THROTTLED])
    theatre.start()
    started_at_ms = theatre.clock.now_ms()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 2
    assert theatre.batch.finds == 0, "a refusal for the rate surely had no effect, so nobody asks Batch"
    assert theatre.clock.now_ms() - started_at_ms < 60_000
