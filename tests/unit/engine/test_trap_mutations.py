"""That the scenes can fail: each is played once more with the bug it guards against put in on purpose."""

from __future__ import annotations

import inspect

import pytest

from chalicelib.core import limits
from chalicelib.engine.advance import finish, job_events, settle, submit
from chalicelib.engine.control import cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.bug import Bug
from tests.memory.batch import SubmitFault
from tests.memory.store import MemoryStore
from tests.unit.engine import test_races as races
from tests.unit.engine import test_traps as traps

FAILS = (AssertionError, pytest.fail.Exception, MessagesLeft)
"""How a scene fails: by what it asserts, or by a message that is left over where none should be."""


SCENES = {
    "commit while somebody else's claim is open": (
        traps.test_no_commit_while_somebody_elses_claim_of_a_child_is_open,
        Bug(submit, "_claim", {"return NotYet(_seconds_left(stood.claim, now_ms)": "return None and (0"}),
    ),
    "a lost take-over is taken for a job": (
        traps.test_the_loser_of_a_take_over_treats_the_child_as_not_done,
        Bug(submit, "_claim", {"return NotYet(world.settings.lease_seconds": "return None and (0"}),
    ),
    "reads are kept across a write of a cascade": (
        traps.test_after_a_write_of_a_cascade_other_shards_are_read_again,
        Bug(settle, "_cascade", {"        known = newest(touched)": "        known |= newest(touched)"}),
    ),
    "a retry is read off a duplicate": (
        traps.test_a_duplicate_failure_of_attempt_1_does_not_start_attempt_3,
        Bug(
            job_events,
            "_decide",
            {
                "record.attempt != attempt or record.state is TaskState.WAITING": "False",
                "record.job_id not in (None, change.job_id)": "False",
            },
        ),
    ),
    "a retry's claim names neither the attempt nor the job that it replaces": (
        races.test_a_late_timer_of_an_earlier_attempt_starts_nothing,
        Bug(
            MemoryStore,
            "claim",
            {
                "(found.state, found.attempt, found.job_id) != (TaskState.WAITING, before, replaces_job)": (
                    "before and found.state is not TaskState.WAITING"
                )
            },
        ),
    ),
    "an event is observed out of its order": (
        traps.test_a_late_running_event_leaves_a_succeeded_task_alone,
        Bug(
            MemoryStore,
            "observe",
            {"found.state not in states_before(state, job_started_over=job_tries > found.job_tries)": "False"},
        ),
    ),
    "a job's id is recorded whatever became of the claim": (
        traps.test_a_job_that_ends_before_its_id_is_recorded_ends_its_task,
        Bug(MemoryStore, "record_job", {"not _is_open_claim(found, attempt)": "False"}),
    ),
    "an attempt whose job is not known yet cannot be ended": (
        traps.test_a_job_that_fails_before_its_id_is_recorded_is_retried_once,
        Bug(MemoryStore, "wait_for_retry", {"found.job_id not in (None, result.job_id)": "not found.job_id"}),
    ),
    "an event adopts no job": (
        traps.test_a_submit_whose_answer_was_lost_is_adopted_by_the_jobs_own_event,
        Bug(
            MemoryStore,
            "observe",
            {"found.job_id != job_id and not _is_open_claim(found, attempt)": "not found.job_id"},
        ),
    ),
    "a dead owner's job is not looked for": (
        lambda: traps.test_a_submit_whose_answer_was_lost_is_found_by_name_or_made_again_once_the_lease_is_over(
            SubmitFault.LOST_AFTER_EFFECT
        ),
        Bug(submit, "_submit_one", {"_orphan_of(world, facts, attempt, held)": "None"}),
    ),
    "a second job is left alone": (
        traps.test_of_two_jobs_for_one_attempt_the_second_is_terminated,
        Bug(
            submit,
            "terminate_unless_wanted",
            {"if not known and record.job_id:": "if False:", "not known or cancelled": "cancelled"},
        ),
    ),
    "the recorded job of a pair is left alone": (
        traps.test_when_the_unrecorded_job_of_a_pair_succeeds_the_recorded_one_is_terminated,
        Bug(job_events, "_commit", {"before.job_id not in (None, change.job_id)": "False"}),
    ),
}

OLD_LOOKS = {"newest(touched).items()": "touched.items()"}
RACES = {
    "the tallies of a batch's earlier writes are trusted": (
        races.test_a_child_of_two_shards_starts_though_a_parent_ends_between_the_two_writes_of_one_batch,
        Bug(settle, "_cascade", {"\n    known = newest(touched)": "\n    known = dict(touched)"}),
    ),
    "the tallies of a cascade's earlier writes are trusted": (
        races.test_a_child_starts_though_a_parent_ends_between_the_two_writes_of_one_level_of_a_cascade,
        Bug(settle, "_cascade", {"        known = newest(touched)": "        known = dict(touched)"}),
    ),
    "a shard that was not full is trusted not to be": (
        races.test_a_run_ends_though_its_last_task_ends_between_the_two_writes_of_one_batch,
        Bug(finish, "finish_if_full", OLD_LOOKS),
    ),
    "a canceller's first look at a shard is trusted": (
        races.test_a_cancelled_run_ends_though_a_job_ends_while_the_shards_are_looked_at,
        Bug(finish, "finish_if_full", OLD_LOOKS),
    ),
    "a timer that is early is taken for one that is late": (
        races.test_a_retrys_timer_that_is_early_waits_for_the_record,
        Bug(submit, "_past", {"if _is_before(record, wanted):": "if False:"}),
    ),
    "a terminal record is taken for a handled one": (
        races.test_what_a_task_that_ended_without_its_submitters_knowledge_dooms_is_doomed_by_the_redelivery,
        Bug(job_events, "_is_handled", {" and record.result is not None": ""}),
    ),
    "nobody ends a run whose last task was given up": (
        lambda: races.test_a_cancelled_run_ends_though_its_last_task_went_between_two_attempts_meanwhile(None),
        Bug(submit, "_give_up", {"if ours:": "if False:"}),
    ),
    "a cancelled run is not gone through again, so its end is not told": (
        races.test_the_end_of_a_cancelled_run_is_told_though_who_ended_it_died_before_telling,
        Bug(cancel, "cancel_run", {"run.state in (RunState.SUCCEEDED, RunState.FAILED)": "run.state.ended"}),
    ),
    "a canceller waits for a claim whose task was cancelled in the tally": (
        races.test_a_cancelled_tasks_record_is_committed_though_the_canceller_died_between_tally_and_commit,
        Bug(cancel, "_look_at", {" or tally.cancelled & bit": ""}),
    ),
    "a canceller commits what the tally does not hold": (
        races.test_a_task_that_its_refusal_ended_in_the_tally_alone_is_not_committed_as_cancelled,
        Bug(cancel, "_commit", {"tally.ending_of(offset_of(record.attempt.index)) or ": ""}),
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
