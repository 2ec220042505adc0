"""Which endings a redrive keeps: by its scope, by what depends on what, and by what a newer version left as it was."""

from dataclasses import replace

import pytest

from chalicelib.core import limits
from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.run.records import Redrive, Scope, Tally
from chalicelib.core.run.redrive import kept_endings, other_params
from chalicelib.core.states import TaskState, TriggerRule
from tests.memory.theatre import plan_of, task

S, F, K, U, C = TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.CANCELLED
FROM_FAILED, ALL = Redrive(Scope.FROM_FAILED), Redrive(Scope.ALL)


@pytest.fixture(autouse=True)
def shards_of_two(monkeypatch):
    monkeypatch.setattr(limits, "SHARD_SIZE", 2)


def plan() -> Plan:
    return plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"]), (task("d"), ["a"]), (task("e"), ["c", "d"]))


def named(*tasks: str) -> Redrive:
    return Redrive(Scope.TASKS, tasks)


def kept(old: Plan, endings: list[TaskState], redrive: Redrive, new: Plan | None = None) -> dict[str, TaskState]:
    """What is kept, by name; `endings` are those of the old plan's tasks, in order."""
    tallies = {shard: Tally() for shard in range(old.shard_count)}
    for index, ending in enumerate(endings):
        shard = shard_of(index)
        tallies[shard] = tallies[shard].adding({ending: 1 << offset_of(index)})
    new = new or old
    masks = kept_endings(old, tallies, new, redrive)
    return {
        one.name: ending
        for index, one in enumerate(new.tasks)
        for ending, mask in masks.get(shard_of(index), {}).items()
        if mask >> offset_of(index) & 1
    }


@pytest.mark.parametrize(
    ("endings", "stay"),
    [
        ([S, F, U, S, U], "ad"),
        ([F, U, U, U, U], ""),
        ([S, S, S, S, F], "abcd"),
        ([S, C, C, S, C], "ad"),
        ([S, K, K, S, F], "abcd"),
        ([S, F, S, S, S], "ad"),
    ],
)
def test_from_the_failed_what_lasts_stays_unless_something_before_it_runs_again(endings, stay):
    assert "".join(kept(plan(), endings, FROM_FAILED)) == stay


def test_named_tasks_and_all_that_follows_them_run_again_whatever_the_others_ending():
    assert kept(plan(), [S, S, S, S, S], named("b")) == {"a": S, "d": S}
    assert kept(plan(), [S, F, U, S, U], named("d")) == {"a": S, "b": F, "c": U}


def test_all_keeps_nothing():
    assert kept(plan(), [S, S, S, S, S], ALL) == {}


def test_a_run_in_which_all_went_well_has_nothing_to_run_again():
    with pytest.raises(UserMistake, match="nothing to run again"):
        kept(plan(), [S, S, K, S, K], FROM_FAILED)


def test_a_name_that_is_not_there_is_told_with_a_suggestion():
    two = plan_of((task("import"), ()), (task("report"), ["import"]))
    with pytest.raises(UserMistake, match=r"workflow 'play' has no task 'reprot'.*report"):
        kept(two, [S, S], named("reprot"))


def test_a_named_task_whose_parents_forbid_its_start_is_refused_with_how_they_ended():
    with pytest.raises(UserMistake, match=r"task 'c' would not start: its rule is all_success.*'b' failed"):
        kept(plan(), [S, F, U, S, U], named("c"))
    assert kept(plan(), [S, F, U, S, U], named("b", "c")) == {"a": S, "d": S}


def test_a_named_task_whose_rule_bears_the_failure_before_it_is_taken():
    tidy = plan_of((task("a"), ()), (task("tidy", TriggerRule.ALL_DONE), ["a"]))
    assert kept(tidy, [F, S], named("tidy")) == {"a": F}


def test_a_task_behind_a_cancelled_one_is_refused_for_it_would_wait_for_ever():
    with pytest.raises(UserMistake, match="'c' would run again after 'b', which was cancelled; name it too"):
        kept(plan(), [S, C, C, S, C], named("c"))
    with pytest.raises(UserMistake, match="'e' would run again after 'c', which was cancelled"):
        kept(plan(), [S, C, C, S, C], named("d"))


def test_in_a_newer_version_endings_are_kept_by_name_and_new_tasks_run():
    new = plan_of((task("n"), ()), (task("a"), ()), (task("d"), ["a"]), (task("x"), ["n"]))
    assert kept(plan(), [S, F, U, S, U], FROM_FAILED, new) == {"a": S, "d": S}


def test_what_follows_a_new_task_runs_again():
    new = plan_of((task("n"), ()), (task("a"), ["n"]), (task("d"), ["a"]))
    assert kept(plan(), [S, S, S, S, S], FROM_FAILED, new) == {}


@pytest.mark.parametrize(
    "changed",
    [
        plan_of((task("a", attempts=3), ()), (task("b"), ["a"])),
        plan_of((task("a", TriggerRule.ALL_DONE), ()), (task("b"), ["a"])),
    ],
)
def test_a_kept_task_that_is_another_in_the_newer_version_is_refused(changed):
    old = plan_of((task("a"), ()), (task("b"), ["a"]))
    with pytest.raises(UserMistake, match="the endings of 'a' would be kept"):
        kept(old, [S, F], FROM_FAILED, changed)
    assert kept(old, [S, F], named("a"), changed) == {}


def test_a_kept_task_that_waits_for_others_in_the_newer_version_is_refused():
    new = plan_of((task("a"), ()), (task("b"), ["a"]), (task("d"), ()), (task("c"), ["b"]))
    with pytest.raises(UserMistake, match="the endings of 'd' would be kept"):
        kept(plan(), [S, S, F, S, U], FROM_FAILED, new)


def test_the_order_of_parents_makes_no_other_task():
    old = plan_of((task("a"), ()), (task("b"), ()), (task("c"), ["a", "b"]), (task("d"), ()))
    new = plan_of((task("b"), ()), (task("a"), ()), (task("c"), ["b", "a"]), (task("d"), ()))
    assert kept(old, [S, S, S, F], FROM_FAILED, new) == {"a": S, "b": S, "c": S}


def test_of_many_changed_tasks_five_are_named():
    names = [f"t{n}" for n in range(8)]
    old = plan_of(*[(task(name), ()) for name in names], (task("last"), ()))
    new = plan_of(*[(task(name, attempts=2), ()) for name in names], (task("last"), ()))
    with pytest.raises(UserMistake, match="'t4' and 3 more would be kept"):
        kept(old, [*[S] * 8, F], FROM_FAILED, new)


def test_a_kept_task_that_is_made_of_a_param_with_another_value_is_refused():
    one = task("a")
    made = replace(one, job=replace(one.job, environment=(("DAY", "on ${params.day}, ${run.id}"),)))
    two = plan_of((made, ()), (task("b"), ["a"]))
    tallies = {0: Tally().adding({S: 1, F: 2})}
    assert kept_endings(two, tallies, two, FROM_FAILED, {"hour"}) == {0: {S: 1}}
    with pytest.raises(UserMistake, match="the endings of 'a' would be kept, but they were made with another value of"):
        kept_endings(two, tallies, two, FROM_FAILED, {"day", "hour"})
    assert kept_endings(two, tallies, two, ALL, {"day"}) == {}


def test_params_differ_by_their_values_and_true_is_not_1():
    assert other_params({"a": 1, "b": 2, "c": None}, {"a": 1, "b": 3, "d": None}) == {"b"}
    assert other_params({"a": 1, "b": [1]}, {"a": True, "b": [1]}) == {"a"}
