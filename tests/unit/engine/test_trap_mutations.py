"""That the scenes can fail: each is played once more with the bug it guards against put in on purpose."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from chalicelib.core import limits
from chalicelib.core.run.records import Tally
from chalicelib.engine.advance import finish, settle
from chalicelib.engine.control import cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.world import DONE
from tests.bug import Bug
from tests.memory.batch import SubmitFault
from tests.memory.store import MemoryStore
from tests.simulation.mutations import MUTATIONS
from tests.unit.engine import test_races as races
from tests.unit.engine import test_traps as traps

FAILS = (AssertionError, pytest.fail.Exception, MessagesLeft)
"""How a scene fails: by what it asserts, or by a message that is left over where none should be."""


def _observe_anything(right, store, attempt, job_id, state, *observed):
    found = store.task(attempt.run_id, attempt.epoch, attempt.index)
    return store._put(replace(found, state=state, job_id=job_id))


def _forget_who_was_told(right, world, command):
    run = world.store.run(command.run_id)
    return DONE if run is not None and run.state.ended else right(world, command)


def _as_if_nobody_tallied(right, world, facts, shard, tally):
    return right(world, facts, shard, replace(tally, cancelled=0))


def _as_cancelled(right, world, facts, work, tally):
    right(world, facts, work, Tally())


PLANTED = {name: mutation.bug for name, mutation in MUTATIONS.items()}
"""The bugs that the simulator catches, too."""
OLD_READS = Bug(finish.newest, lambda right, touched: dict(touched), used_by=settle)
NOT_FULL = PLANTED["a shard that was not full before the last write is trusted not to be"]
CLAIM_IS_DONE = PLANTED["another's open claim is taken for done"]

SCENES = {
    "commit while somebody else's claim is open": (
        traps.test_no_commit_while_somebody_elses_claim_of_a_child_is_open,
        CLAIM_IS_DONE,
    ),
    "a lost take-over is taken for done": (
        traps.test_the_loser_of_a_take_over_treats_the_child_as_not_done,
        CLAIM_IS_DONE,
    ),
    "reads are kept across a write of a cascade": (
        traps.test_after_a_write_of_a_cascade_other_shards_are_read_again,
        PLANTED["a shard's old read is used in a cascade"],
    ),
    "a retry is read off a duplicate": (
        traps.test_a_duplicate_failure_of_attempt_1_does_not_start_attempt_3,
        PLANTED["a retry is read off a repeated failure"],
    ),
    "a retry's claim names neither the attempt nor the job that it replaces": (
        races.test_a_late_timer_of_an_earlier_attempt_starts_nothing,
        PLANTED["a retry's claim does not name the attempt that it replaces"],
    ),
    "an event is observed out of its order": (
        traps.test_a_late_running_event_leaves_a_succeeded_task_alone,
        Bug(MemoryStore.observe, _observe_anything),
    ),
    "a job's id is recorded whatever became of the claim": (
        traps.test_a_job_that_ends_before_its_id_is_recorded_ends_its_task,
        PLANTED["a job's id is recorded whatever became of the claim"],
    ),
    "an attempt whose job is not known yet cannot be ended": (
        traps.test_a_job_that_fails_before_its_id_is_recorded_is_retried_once,
        Bug(
            MemoryStore.wait_for_retry,
            lambda right, store, attempt, result, retry_at_ms: (
                store.task(attempt.run_id, attempt.epoch, attempt.index).job_id is not None
                and right(store, attempt, result, retry_at_ms)
            ),
        ),
    ),
    "an event adopts no job": (
        traps.test_a_submit_whose_answer_was_lost_is_adopted_by_the_jobs_own_event,
        PLANTED["an event adopts no job"],
    ),
    "a dead owner's job is not looked for": (
        lambda: traps.test_a_submit_whose_answer_was_lost_is_found_by_name_or_made_again_once_the_lease_is_over(
            SubmitFault.LOST_AFTER_EFFECT
        ),
        PLANTED["a dead owner's job is not looked for"],
    ),
    "a second job is left alone": (
        traps.test_of_two_jobs_for_one_attempt_the_second_is_terminated,
        PLANTED["a second job is left alive"],
    ),
    "the recorded job of a pair is left alone": (
        traps.test_when_the_unrecorded_job_of_a_pair_succeeds_the_recorded_one_is_terminated,
        PLANTED["the recorded job of a pair is left alive"],
    ),
}

RACES = {
    "the tallies of a batch's earlier writes are trusted": (
        races.test_a_child_of_two_shards_starts_though_a_parent_ends_between_the_two_writes_of_one_batch,
        OLD_READS,
    ),
    "the tallies of a cascade's earlier writes are trusted": (
        races.test_a_child_starts_though_a_parent_ends_between_the_two_writes_of_one_level_of_a_cascade,
        OLD_READS,
    ),
    "a shard that was not full is trusted not to be": (
        races.test_a_run_ends_though_its_last_task_ends_between_the_two_writes_of_one_batch,
        NOT_FULL,
    ),
    "a canceller's first look at a shard is trusted": (
        races.test_a_cancelled_run_ends_though_a_job_ends_while_the_shards_are_looked_at,
        NOT_FULL,
    ),
    "a timer that is early is taken for one that is late": (
        races.test_a_retrys_timer_that_is_early_waits_for_the_record,
        PLANTED["a timer that is faster than the record is dropped"],
    ),
    "a terminal record is taken for a handled one": (
        races.test_what_a_task_that_ended_without_its_submitters_knowledge_dooms_is_doomed_by_the_redelivery,
        PLANTED["a terminal record is taken for a handled one"],
    ),
    "nobody ends a run whose last task was given up": (
        lambda: races.test_a_cancelled_run_ends_though_its_last_task_went_between_two_attempts_meanwhile(None),
        PLANTED["nobody ends a run whose last task was given up"],
    ),
    "a cancelled run is not gone through again, so its end is not told": (
        races.test_the_end_of_a_cancelled_run_is_told_though_who_ended_it_died_before_telling,
        Bug(cancel.cancel_run, _forget_who_was_told),
    ),
    "a canceller waits for a claim whose task was cancelled in the tally": (
        races.test_a_cancelled_tasks_record_is_committed_though_the_canceller_died_between_tally_and_commit,
        Bug(cancel._look_at, _as_if_nobody_tallied),
    ),
    "a canceller commits what the tally does not hold": (
        races.test_a_task_that_its_refusal_ended_in_the_tally_alone_is_not_committed_as_cancelled,
        Bug(cancel._commit, _as_cancelled),
    ),
}


def play(scene) -> None:
    """A scene of shards of two takes the fixture's name as its argument, and does not look at it."""
    scene(*[None for name in inspect.signature(scene).parameters if name == "shards_of_two"])


@pytest.mark.parametrize("name", SCENES)
def test_a_trap_that_is_fallen_into_is_seen(name, monkeypatch):
    scene, bug = SCENES[name]
    play(scene)
    bug.put_in(monkeypatch)
    with pytest.raises(FAILS):
        play(scene)


@pytest.mark.parametrize("name", RACES)
def test_a_race_that_is_lost_is_seen(name, monkeypatch):
    scene, bug = RACES[name]
    if "shards_of_two" in inspect.signature(scene).parameters:
        monkeypatch.setattr(limits, "SHARD_SIZE", 2)
    play(scene)
    bug.put_in(monkeypatch)
    with pytest.raises(FAILS):
        play(scene)
