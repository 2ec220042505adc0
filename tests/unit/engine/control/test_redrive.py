"""Redrive: a run that has ended runs again in part, in an epoch of its own that nothing late of the others touches."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

import pytest

from chalicelib.core import limits
from chalicelib.core.errors import UnknownRun, UnknownWorkflow, UserMistake
from chalicelib.core.plan.model import Plan
from chalicelib.core.run.records import PastEpoch, Scope
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.redrive import redrive_run
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.world import Settings
from tests.memory.theatre import Cut, Theatre, plan_of, task

LOOK_SECONDS = Settings().sweep_seconds

PLAN = plan_of(
    (task("a"), ()),
    (task("b", attempts=2), ["a"]),
    (task("c"), ["a"]),
    (task("d"), ["b"]),
    (task("e", TriggerRule.ALL_DONE), ["c"]),
)


@pytest.fixture(autouse=True)
def shards_of_two(monkeypatch):
    monkeypatch.setattr(limits, "SHARD_SIZE", 2)


def failed(plan: Plan = PLAN, *names: str) -> Theatre:
    """A run that has failed, for its task b (or those named) did; whose jobs succeed from now on."""
    wrong = [(name, number) for name in names or ("b",) for number in (1, 2)]
    theatre = Theatre(plan, wrong)
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.FAILED
    theatre.fails.clear()
    return theatre


def submitted(theatre: Theatre, epoch: int) -> set[str]:
    """The tasks that a job of this epoch was submitted for; each has one."""
    attempts = [theatre.attempt_of(job) for job in theatre.jobs()]
    names = [theatre.plan.tasks[attempt.index].name for attempt in attempts if attempt.epoch == epoch]
    assert len(names) == len(set(names))
    return set(names)


def newer(theatre: Theatre, plan: Plan) -> None:
    """Push another version of the workflow, by which the theatre goes on."""
    theatre.store.push(plan.workflow, {"another": 1}, plan, theatre.clock.now_ms())
    theatre.plan = plan


def test_from_the_failed_tasks_what_succeeded_stands():
    theatre = failed()
    assert theatre.endings() == {n: {"b": "failed", "d": "upstream_failed"}.get(n, "succeeded") for n in "abcde"}
    run = theatre.redrive()
    assert (run.epoch, run.state, run.ended_at_ms) == (1, RunState.RUNNING, None)
    assert run.past == (PastEpoch(1, PLAN.digest, RunState.FAILED, run.past[0].ended_at_ms),)
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert submitted(theatre, 1) == {"b", "d"}
    assert theatre.endings() == dict.fromkeys("abcde", "succeeded")


def test_named_tasks_run_again_and_what_follows_them():
    theatre = failed()
    theatre.redrive(scope=Scope.TASKS, tasks=("b", "c"))
    theatre.play_on()
    assert submitted(theatre, 1) == {"b", "c", "d", "e"}
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_run_stays_failed_while_a_failure_that_nobody_names_stands():
    theatre = failed()
    theatre.redrive(scope=Scope.TASKS, tasks=("c",))
    theatre.play_on()
    assert submitted(theatre, 1) == {"c", "e"}
    assert theatre.run.state is RunState.FAILED


def test_all_tasks_run_again():
    theatre = failed()
    theatre.redrive(scope=Scope.ALL)
    theatre.play_on()
    assert submitted(theatre, 1) == set("abcde")
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_cancelled_run_is_gone_on_with():
    theatre = Theatre(PLAN)
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    theatre.redrive()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert submitted(theatre, 1) == {"b", "c", "d", "e"}


def test_a_task_beside_cancelled_ones_leaves_the_run_cancelled():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ())))
    theatre.start()
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.deliver_commands()
    theatre.play_on()
    theatre.redrive(scope=Scope.TASKS, tasks=("a",))
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.endings() == {"a": "succeeded", "b": "cancelled"}


def test_a_redriven_run_is_redriven_again():
    theatre = failed()
    theatre.fails = {("d", 1)}
    theatre.redrive()
    theatre.play_on()
    assert theatre.run.state is RunState.FAILED
    theatre.fails.clear()
    run = theatre.redrive()
    assert [past.state for past in run.past] == [RunState.FAILED, RunState.FAILED]
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert submitted(theatre, 2) == {"d"}


def test_each_epoch_tells_its_ending_under_an_id_of_its_own():
    theatre = failed()
    theatre.redrive()
    theatre.play_on()
    run_id = theatre.run.run_id
    assert set(theatre.notices.ids) == {f"{run_id}/0/failed", f"{run_id}/1/succeeded"}


@pytest.mark.parametrize("cut", [Cut("change_run", after_effect=True), Cut("publish")])
def test_an_ending_that_was_not_told_yet_is_told_after_the_redrive(cut):
    theatre = Theatre(plan_of((task("a"), ())), [("a", 1)])
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(cut, lambda: theatre.deliver_event(end_of_a))
    theatre.fails.clear()
    theatre.redrive()
    theatre.play_on()
    theatre.clock.advance(seconds=361)
    theatre.play_on()
    run_id = theatre.run.run_id
    assert set(theatre.notices.ids) == {f"{run_id}/0/failed", f"{run_id}/1/succeeded"}


def test_a_newer_version_that_numbers_its_tasks_otherwise_keeps_their_endings_by_name():
    theatre = failed()
    # One task comes first and moves all the others; e is gone, and f is new.
    tasks = {one.name: one for one in PLAN.tasks}
    newer(
        theatre,
        plan_of(
            (task("new"), ()),
            (tasks["a"], ()),
            (tasks["c"], ["a"]),
            (task("b", attempts=3), ["a", "new"]),
            (tasks["d"], ["b"]),
            (task("f"), ["c"]),
        ),
    )
    run = theatre.redrive(version=2)
    assert (run.version, run.plan_digest) == (2, theatre.plan.digest)
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert submitted(theatre, 1) == {"new", "b", "d", "f"}
    assert theatre.endings() == dict.fromkeys(("new", "a", "c", "b", "d", "f"), "succeeded")


def test_a_version_in_which_a_kept_task_is_another_is_refused_and_nothing_changed():
    theatre = failed()
    tasks = {one.name: one for one in PLAN.tasks}
    before = theatre.run
    newer(
        theatre,
        plan_of(
            (task("a", allow_failure=True), ()),
            (tasks["b"], ["a"]),
            (tasks["c"], []),
            (tasks["d"], ["b"]),
            (tasks["e"], ["c"]),
        ),
    )
    with pytest.raises(UserMistake, match=r"'a'.*defines them otherwise"):
        theatre.redrive(version=2)
    assert theatre.run == before
    assert theatre.commands.bodies == []
    theatre.redrive(scope=Scope.ALL, version=2)
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


@pytest.mark.parametrize(
    ("asked", "mistake", "says"),
    [
        ({"scope": Scope.TASKS, "tasks": ("bee",)}, UserMistake, "has no task 'bee'"),
        ({"scope": Scope.TASKS, "tasks": ("d",)}, UserMistake, "task 'd' would not start.*'b' failed"),
        ({"version": 7}, UnknownWorkflow, "no workflow 'play' in version 7 was pushed"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(asked, mistake, says):
    theatre = failed()
    before = theatre.run
    with pytest.raises(mistake, match=says):
        theatre.redrive(**asked)
    assert theatre.run == before
    assert theatre.commands.bodies == []


def test_a_run_that_goes_on_or_that_succeeded_or_that_is_unknown_is_refused():
    theatre = Theatre(PLAN)
    theatre.start()
    with pytest.raises(UserMistake, match="is running; only a run that has ended"):
        theatre.redrive()
    theatre.play_on()
    with pytest.raises(UserMistake, match="nothing to run again"):
        theatre.redrive()
    with pytest.raises(UnknownRun, match="there is no run 'nobody'"):
        redrive_run(theatre.world(), RedriveRequest("nobody"))


def test_late_messages_of_the_earlier_epoch_change_nothing():
    theatre = failed()
    run_id = theatre.run.run_id
    late = [theatre.ending_document(job) for job in theatre.jobs()]
    late += [theatre.document(job, "RUNNING") for job in theatre.jobs()]
    late += [theatre.document(job, "FAILED") for job in theatre.jobs()]
    timer = {"run_id": run_id, "epoch": 0, "index": 1, "failed_number": 1, "not_before_ms": 0}
    job_id = theatre.jobs("b")[0].job_id
    theatre.redrive()
    theatre.deliver_commands()
    jobs, records = len(theatre.jobs()), [theatre.record(name) for name in "abcde"]
    for body in late:
        theatre.deliver_event(body)
    for command in (
        {"kind": "retry_task", "failed_job_id": job_id} | timer,
        {"kind": "submit_tasks", "run_id": run_id, "epoch": 0, "indexes": [1, 3]},
        {"kind": "cancel_run", "run_id": run_id, "epoch": 0, "reason": "late"},
        {"kind": "heal_run", "run_id": run_id, "epoch": 0},
    ):
        theatre.commands.send([json.dumps(command)])
        theatre.deliver_commands()
    assert (len(theatre.jobs()), [theatre.record(name) for name in "abcde"]) == (jobs, records)
    assert theatre.run.state is RunState.RUNNING
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert submitted(theatre, 1) == {"b", "d"}


def test_asking_twice_with_the_epoch_redrives_once():
    theatre = failed()
    first = theatre.redrive(epoch=0)
    assert theatre.redrive(epoch=0).epoch == first.epoch == 1
    theatre.play_on()
    assert theatre.redrive(epoch=0).epoch == 1, "also when the redriven run has ended"
    theatre.play_on()
    assert theatre.run.epoch == 1
    assert submitted(theatre, 1) == {"b", "d"}


@pytest.mark.parametrize(
    "other", [{"scope": Scope.ALL}, {"scope": Scope.TASKS, "tasks": ("b",)}, {"version": 2}, {"epoch": 7}]
)
def test_of_two_different_redrives_the_second_is_refused(other):
    theatre = failed()
    newer(theatre, plan_of(*[(one, [PLAN.tasks[p].name for p in PLAN.parents[i]]) for i, one in enumerate(PLAN.tasks)]))
    theatre.redrive(epoch=0)
    with pytest.raises(UserMistake, match="redriven meanwhile"):
        theatre.redrive(**({"epoch": 0} | other))
    theatre.play_on()
    assert submitted(theatre, 1) == {"b", "d"}


def test_of_two_different_redrives_at_once_one_is_refused():
    theatre = failed()
    theatre.hooks["begin_epoch"] = lambda: theatre.redrive(scope=Scope.ALL)
    with pytest.raises(UserMistake, match="redriven meanwhile"):
        theatre.redrive()
    theatre.play_on()
    assert submitted(theatre, 1) == set("abcde")
    assert theatre.run.state is RunState.SUCCEEDED


def test_of_two_equal_redrives_at_once_both_are_told_of_the_one():
    theatre = failed()
    theatre.hooks["begin_epoch"] = theatre.redrive
    assert theatre.redrive().epoch == 1
    theatre.play_on()
    assert theatre.run.epoch == 1
    assert submitted(theatre, 1) == {"b", "d"}


def test_a_redriven_run_is_paused_resumed_and_cancelled_like_any():
    theatre = failed()
    theatre.redrive()
    assert theatre.pause()
    theatre.play_on()
    assert submitted(theatre, 1) == set()
    theatre.resume()
    theatre.deliver_commands()
    assert submitted(theatre, 1) == {"b"}
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.endings()["a"] == "succeeded", "what was kept stays kept"


def test_a_redrive_that_is_cancelled_before_it_was_prepared_keeps_what_it_keeps():
    theatre = failed()
    theatre.redrive()
    theatre.commands.lose()
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.endings() == {
        "a": "succeeded", "b": "cancelled", "c": "succeeded", "d": "cancelled", "e": "succeeded"
    }  # fmt: skip


def test_a_slow_preparation_does_not_end_what_went_on_meanwhile():
    theatre = failed()
    theatre.redrive()
    body = theatre.commands.bodies[0]

    def another_delivery_goes_on_to_the_end():
        theatre.commands.send([body])
        theatre.play_on()

    theatre.hooks["tally"] = another_delivery_goes_on_to_the_end
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert submitted(theatre, 1) == {"b", "d"}


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("act", ["ask", "prepare"])
def test_a_crash_at_any_call_of_a_redrive_is_healed_by_the_sweep(act, after_effect):
    """Whoever asks asks no more after a crash, and the message is lost."""
    cuts = begun = 0
    for call in count():
        theatre = failed()
        if act == "prepare":
            theatre.redrive()
        if not theatre.crash(Cut(call, after_effect), theatre.redrive if act == "ask" else theatre.deliver_commands):
            break
        cuts += 1
        theatre.commands.lose()
        if theatre.run.epoch == 1:
            begun += 1
            theatre.sweep(after_seconds=LOOK_SECONDS)
            theatre.play_on()
            theatre.sweep(after_seconds=LOOK_SECONDS)
            assert theatre.run.state is RunState.SUCCEEDED
            assert submitted(theatre, 1) == {"b", "d"}
    assert cuts > 5
    assert begun >= 1


def test_a_redrive_after_which_every_event_is_lost_ends_too():
    theatre = failed()
    theatre.redrive()
    theatre.commands.lose()
    for _ in range(20):
        theatre.end_jobs()
        theatre.sweep(after_seconds=LOOK_SECONDS)
        try:
            theatre.deliver_commands(10)
        except MessagesLeft:
            continue
    assert theatre.run.state is RunState.SUCCEEDED
    assert theatre.run.sweep_at_ms is None


def test_params_are_completed_by_the_newer_version():
    definition = {"params": {"year": {"type": "integer", "default": 2026}}}
    theatre = failed()
    newer_plan = replace(PLAN, tasks=tuple(one for one in PLAN.tasks))
    theatre.store.push("play", definition, newer_plan, theatre.clock.now_ms())
    assert theatre.redrive(version=2).params == {"year": 2026}
