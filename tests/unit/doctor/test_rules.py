"""Every rule of the doctor: broken once, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batchwright.doctor.reader import Doctor
from batchwright.doctor.rules import NEVER_MS, Finding, Severity, patience_of
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Claim, PastEpoch, Redrive, Run, Scope, Tally, TaskRecord
from chalicelib.core.states import RunState, TaskState
from chalicelib.engine.world.world import Settings
from tests.memory.store import MemoryStore
from tests.memory.theatre import plan_of, task

SETTINGS = Settings(lease_seconds=90, sweep_seconds=300, quiet_seconds=900)
PATIENCE = patience_of(SETTINGS)
LATE_MS = (90 + 3 * 300) * 1000
BEGUN_MS = 1_000_000
ENDED_MS = 2_000_000
NOW_MS = ENDED_MS + 10_000
PLAN = plan_of((task("first"), ()), (task("second"), ["first"]), (task("third"), ["second"]))
RUN = Run(
    "play-1", "play", 1, PLAN.digest, {}, RunState.RUNNING, BEGUN_MS, "digest", sweep_at_ms=NOW_MS + 1, swept_at_ms=1
)
FULL = Tally(succeeded=0b111)


class Made:
    """A run made by hand in a store, and what the doctor says of it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.push("play", {}, PLAN, BEGUN_MS)
        self.store._runs[RUN.run_id] = RUN

    def run(self, **changes: Any) -> None:
        self.store._runs[RUN.run_id] = replace(self.store._runs[RUN.run_id], **changes)

    def ended(self, tally: Tally = FULL) -> None:
        """The run has ended, with everything as it must be then."""
        self.run(state=RunState.SUCCEEDED, ended_at_ms=ENDED_MS, sweep_at_ms=None)
        self.tally(tally)
        for index in range(3):
            self.record(index, state=TaskState.SUCCEEDED, job_id=f"job-{index}", result=JobResult("job", True))

    def tally(self, tally: Tally, epoch: int = 0, shard: int = 0) -> None:
        self.store._tallies[RUN.run_id, epoch, shard] = tally

    def record(self, index: int, epoch: int = 0, **fields: Any) -> None:
        given = {"claim": Claim("owner", BEGUN_MS + 90_000), "claimed_at_ms": BEGUN_MS, **fields}
        self.store._put(TaskRecord(Attempt(RUN.run_id, epoch, index, 1), **given))

    def findings(self, now_ms: int = NOW_MS) -> list[Finding]:
        return Doctor(self.store, None, PATIENCE, lambda: now_ms).look([RUN.run_id]).findings

    def told(self, now_ms: int = NOW_MS) -> list[tuple[str, str, str]]:
        return [(one.severity.value, one.place, one.value) for one in self.findings(now_ms)]


@pytest.fixture
def made() -> Made:
    return Made()


def test_a_run_that_ended_as_it_should_is_not_told_of_however_old_it_is(made: Made) -> None:
    made.ended()
    assert made.findings(NEVER_MS // 2) == []


def test_patience_is_a_lease_and_three_sweeps() -> None:
    assert (PATIENCE.late_ms, PATIENCE.quiet_ms) == (LATE_MS, 900_000)


def test_a_claim_is_told_of_once_its_lease_and_the_sweeps_after_it_are_over(made: Made) -> None:
    made.record(0, state=TaskState.CLAIMED)
    late_ms = BEGUN_MS + 90_000 + LATE_MS
    made.run(sweep_at_ms=late_ms)
    assert made.findings(late_ms) == []
    [found] = made.findings(late_ms + 1)
    assert (found.severity, found.rule) == (Severity.LATE, "a dead claim is taken over")
    assert found.value == "claimed, without a job, and nobody's for 16 min"
    assert found.place == "task 0 'first'"


def test_a_claim_that_was_given_back_counts_from_its_first_time(made: Made) -> None:
    made.record(0, state=TaskState.CLAIMED, claim=Claim("owner", 0))
    late_ms = BEGUN_MS + LATE_MS
    made.run(sweep_at_ms=late_ms)
    assert made.findings(late_ms) == []
    assert len(made.findings(late_ms + 1)) == 1


def test_a_paused_run_may_leave_its_claims_and_retries_alone_for_ever(made: Made) -> None:
    made.run(state=RunState.PAUSED, switches=1, sweep_at_ms=NEVER_MS)
    made.record(0, state=TaskState.CLAIMED)
    made.record(1, state=TaskState.WAITING, job_id="job-1", retry_at_ms=BEGUN_MS)
    assert made.findings(NEVER_MS // 2) == []


def test_a_retry_that_never_came_is_told_of(made: Made) -> None:
    made.record(0, state=TaskState.WAITING, job_id="job-0", retry_at_ms=BEGUN_MS)
    made.run(sweep_at_ms=NEVER_MS)
    assert made.findings(BEGUN_MS + LATE_MS) == []
    assert made.told(BEGUN_MS + LATE_MS + 1) == [("late", "task 0 'first'", "its retry is due for 16 min")]


def test_a_terminal_record_without_its_tally_entry_is_told_of_at_once(made: Made) -> None:
    made.record(0, state=TaskState.SUCCEEDED)
    assert made.told() == [("error", "task 0 'first'", "the record is succeeded, the tally has nothing")]


def test_a_terminal_record_with_another_tally_entry_is_told_of(made: Made) -> None:
    made.ended(Tally(succeeded=0b101, failed=0b010))
    made.run(state=RunState.FAILED)
    assert made.told() == [("error", "task 1 'second'", "the record is succeeded, the tally has failed")]


def test_an_open_record_of_a_run_that_ended_long_ago_is_told_of(made: Made) -> None:
    made.ended()
    made.record(1, state=TaskState.RUNNING, job_id="job-1")
    assert made.findings(ENDED_MS + LATE_MS) == []
    found = made.told(ENDED_MS + LATE_MS + 1)
    assert found == [("late", "task 1 'second'", "tallied as succeeded, and the record is running")]


def test_a_task_in_two_sets_is_told_of(made: Made) -> None:
    made.tally(Tally(succeeded=0b001, failed=0b001))
    made.record(0, state=TaskState.SUCCEEDED)
    assert ("error", "task 0 'first'", "tallied as succeeded and failed") in made.told()


def test_a_task_that_ended_by_a_job_and_was_never_claimed_is_told_of(made: Made) -> None:
    made.tally(Tally(succeeded=0b001, skipped=0b110))
    made.run(state=RunState.SUCCEEDED, ended_at_ms=ENDED_MS, sweep_at_ms=None)
    assert made.told() == [("error", "task 0 'first'", "tallied as succeeded, and it was never claimed")]


def test_records_and_tally_entries_beyond_the_plan_are_told_of(made: Made) -> None:
    made.tally(Tally(succeeded=0b10000))
    made.record(3, state=TaskState.RUNNING)
    made.record(256, state=TaskState.RUNNING)
    assert [found[1:] for found in made.told()] == [
        ("task 4", "a tally entry, and the plan has 3 tasks"),
        ("task 3", "a record in state running, and the plan has 3 tasks"),
        ("task 256", "a record in state running, and the plan has 3 tasks"),
    ]


def test_a_run_that_goes_on_though_all_its_tasks_ended_is_told_of(made: Made) -> None:
    made.ended()
    made.run(state=RunState.RUNNING, ended_at_ms=None, sweep_at_ms=NEVER_MS)
    assert made.findings(BEGUN_MS + LATE_MS) == []
    assert made.told(BEGUN_MS + LATE_MS + 1) == [("late", "run", "running, and every task has ended")]


def test_a_run_that_ended_before_its_tasks_is_told_of(made: Made) -> None:
    made.ended(Tally(succeeded=0b001))
    made.store._tasks.clear()
    made.record(0, state=TaskState.SUCCEEDED)
    assert made.told() == [("error", "run", "succeeded, and 'second', 'third' are in no tally")]


def test_a_run_that_ended_otherwise_than_its_tallies_say_is_told_of(made: Made) -> None:
    made.ended()
    made.run(state=RunState.FAILED)
    assert made.told() == [("error", "run", "the run is failed, its tallies say succeeded")]


def test_a_cancelled_run_may_have_any_endings(made: Made) -> None:
    made.ended()
    made.run(state=RunState.CANCELLED)
    assert made.findings() == []


def test_a_run_whose_sweep_never_came_is_told_of(made: Made) -> None:
    made.run(sweep_at_ms=BEGUN_MS)
    assert made.findings(BEGUN_MS + LATE_MS) == []
    assert made.told(BEGUN_MS + LATE_MS + 1) == [("late", "run", "due for 16 min")]


def test_a_run_that_goes_on_and_is_due_for_no_sweep_is_told_of(made: Made) -> None:
    made.run(sweep_at_ms=None)
    assert made.told() == [("error", "run", "running, and no sweep is due")]


def _plan_is_gone(made: Made) -> None:
    made.run(plan_digest="0" * 64)


def _record_is_broken(made: Made) -> None:
    made.store.run = _raise  # type: ignore[method-assign]


def _tasks_are_broken(made: Made) -> None:
    made.store.tasks = _raise  # type: ignore[method-assign]


def _raise(*_: object) -> Any:
    raise KeyError("state")


@pytest.mark.parametrize(
    ("breaking", "rule", "value"),
    [
        (_plan_is_gone, "a run's plan can be read", f"plan {'0' * 64} is not in the store"),
        (_record_is_broken, "a run's record can be read", "KeyError: 'state'"),
        (_tasks_are_broken, "tallies and records can be read", "KeyError: 'state'"),
    ],
)
def test_what_cannot_be_read_is_told_of_and_no_reason_to_stop(
    made: Made, breaking: Callable[[Made], None], rule: str, value: str
) -> None:
    breaking(made)
    [found] = made.findings()
    assert (found.run_id, found.rule, found.value) == (RUN.run_id, rule, value)


def redriven(made: Made, tally: Tally, *, prepared: bool = True) -> None:
    """The run failed with its last task, and was redriven from there."""
    made.ended(Tally(succeeded=0b011, failed=0b100))
    made.record(2, state=TaskState.FAILED)
    past = (PastEpoch(1, PLAN.digest, RunState.FAILED, ENDED_MS),)
    made.run(
        state=RunState.RUNNING,
        epoch=1,
        ended_at_ms=None,
        sweep_at_ms=NOW_MS,
        redrive=Redrive(Scope.FROM_FAILED, prepared=prepared),
        past=past,
    )
    made.tally(tally, epoch=1)


def test_a_redriven_run_keeps_endings_without_records(made: Made) -> None:
    redriven(made, Tally(succeeded=0b011))
    assert made.findings() == []


def test_a_kept_ending_that_is_not_there_is_told_of(made: Made) -> None:
    redriven(made, Tally(succeeded=0b001))
    assert made.told() == [("error", "epoch 1, task 1 'second'", "succeeded before, and the tally has nothing")]


def test_a_redriven_run_that_was_swept_and_not_prepared_is_told_of(made: Made) -> None:
    redriven(made, Tally(), prepared=False)
    assert made.told() == [("error", "epoch 1", "a sweep looked at it, and its tallies are not prepared")]
    made.run(swept_at_ms=None)
    assert made.findings() == []


def test_an_epoch_that_a_redrive_ended_is_looked_at_too(made: Made) -> None:
    redriven(made, Tally(succeeded=0b011))
    made.tally(Tally(succeeded=0b001, failed=0b100))
    found = [(place, value) for _, place, value in made.told()]
    assert ("epoch 0, task 1 'second'", "the record is succeeded, the tally has nothing") in found
    assert ("epoch 0", "failed, and 'second' is in no tally") in found


def test_what_an_earlier_epoch_left_open_is_late_only_once_the_run_is_over(made: Made) -> None:
    redriven(made, Tally(succeeded=0b011))
    made.record(1, state=TaskState.RUNNING, job_id="job-1")
    made.run(sweep_at_ms=NEVER_MS)
    assert made.findings(NEVER_MS // 2) == []
    over_ms = ENDED_MS + 10**9
    made.tally(FULL, epoch=1)
    made.record(2, epoch=1, state=TaskState.SUCCEEDED)
    made.run(state=RunState.SUCCEEDED, ended_at_ms=over_ms, sweep_at_ms=None)
    assert made.findings(over_ms + LATE_MS) == []
    found = made.told(over_ms + LATE_MS + 1)
    assert found == [("late", "epoch 0, task 1 'second'", "tallied as succeeded, and the record is running")]


@pytest.mark.parametrize("ending", [RunState.SUCCEEDED, RunState.FAILED])
def test_a_run_that_ended_by_the_earlier_rule_is_no_finding(made: Made, ending: RunState) -> None:
    plan = plan_of((task("first", allow_failure=True), ()), (task("second"), ["first"]), (task("third"), ["first"]))
    made.store.push("play", {}, plan, BEGUN_MS)
    made.run(plan_digest=plan.digest, state=ending, ended_at_ms=ENDED_MS, sweep_at_ms=None)
    made.tally(Tally(failed=0b001, upstream_failed=0b110))
    made.record(0, state=TaskState.FAILED, job_id="job-0", result=JobResult("job", False))
    assert made.told() == []
