"""What an ending makes ready, skipped or doomed, over levels and shards; and the closing of the loop."""

from copy import deepcopy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core import limits
from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.run.advance import advance, is_full, may_have_ended, run_ending
from chalicelib.core.run.records import Tally
from chalicelib.core.states import RunState, TaskState, TriggerRule
from tests import oracle
from tests.memory.theatre import plan_of, task
from tests.simulation.plans import random_plan

FAILED, SUCCEEDED = TaskState.FAILED, TaskState.SUCCEEDED
SKIPPED, DOOMED = TaskState.SKIPPED, TaskState.UPSTREAM_FAILED

CHAIN = plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"]), (task("d", TriggerRule.ALL_DONE), ["c"]))


@pytest.fixture(autouse=True)
def shards_of_two(monkeypatch):
    monkeypatch.setattr(limits, "SHARD_SIZE", 2)


def tallies_of(plan: Plan, **endings: TaskState) -> dict[int, Tally]:
    """Every shard's tally after these tasks ended so."""
    tallies = {shard: Tally() for shard in range(plan.shard_count)}
    for name, ending in endings.items():
        add(tallies, plan.index_of[name], ending)
    return tallies


def add(tallies: dict[int, Tally], index: int, ending: TaskState) -> None:
    shard = shard_of(index)
    assert tallies[shard].ending_of(offset_of(index)) in (None, ending), "a task ends once"
    tallies[shard] = tallies[shard].adding({ending: 1 << offset_of(index)})


def named(plan: Plan, endings) -> dict[str, TaskState]:
    return {
        one.name: ending
        for index, one in enumerate(plan.tasks)
        for ending, mask in endings.get(shard_of(index), {}).items()
        if mask >> offset_of(index) & 1
    }


def test_a_success_makes_its_child_ready_and_ends_nothing():
    step = advance(CHAIN, tallies_of(CHAIN, a=SUCCEEDED), [0])
    assert (step.ready, step.endings, step.unread) == ((1,), {}, frozenset())


def test_a_failure_dooms_level_by_level_and_readies_who_waited_for_all_to_be_done():
    step = advance(CHAIN, tallies_of(CHAIN, a=FAILED), [0])
    assert named(CHAIN, step.endings) == {"b": DOOMED, "c": DOOMED}
    assert step.ready == (3,)
    assert step.unread == frozenset()


def test_what_it_is_given_stays_as_it_was():
    tallies = tallies_of(CHAIN, a=FAILED)
    before = deepcopy(tallies)
    first = advance(CHAIN, tallies, [0])
    assert tallies == before
    assert advance(CHAIN, tallies, [0]) == first


def test_a_cascade_that_somebody_began_is_walked_to_its_end():
    tallies = tallies_of(CHAIN, a=FAILED, b=DOOMED)
    step = advance(CHAIN, tallies, [0])
    assert named(CHAIN, step.endings) == {"c": DOOMED}
    assert step.ready == (3,)
    step = advance(CHAIN, tallies_of(CHAIN, a=FAILED, b=DOOMED, c=DOOMED), [0])
    assert step.endings == {}
    assert step.ready == (3,), "the walk goes on through tasks that are doomed already"


def test_a_cascade_that_ran_to_its_end_has_nothing_left_to_do():
    tallies = tallies_of(CHAIN, a=FAILED, b=DOOMED, c=DOOMED, d=SUCCEEDED)
    step = advance(CHAIN, tallies, [0])
    assert (step.ready, step.endings, step.unread) == ((), {}, frozenset())


def test_a_skip_is_handed_down_as_a_skip():
    plan = plan_of((task("a"), ()), (task("b", TriggerRule.ONE_FAILED), ["a"]), (task("c"), ["b"]), (task("d"), ["c"]))
    step = advance(plan, tallies_of(plan, a=SUCCEEDED), [0])
    assert named(plan, step.endings) == {"b": SKIPPED, "c": SKIPPED, "d": SKIPPED}


def test_a_shard_that_is_unread_is_asked_for_only_when_its_parents_decide():
    join = plan_of((task("a"), ()), (task("b"), ()), (task("p"), ()), (task("q"), ()), (task("d"), ["a", "b", "q"]))
    known = {0: tallies_of(join, a=SUCCEEDED)[0]}
    step = advance(join, known, [0])
    assert step.unread == frozenset(), "b has not ended, so nothing of shard 1 can matter yet"
    known = {0: tallies_of(join, a=SUCCEEDED, b=SUCCEEDED)[0]}
    assert advance(join, known, [0]).unread == {1}
    known = {0: tallies_of(join, a=FAILED, b=SUCCEEDED)[0]}
    step = advance(join, known, [0])
    assert step.unread == frozenset(), "one failure dooms whatever the others do"
    assert named(join, step.endings) == {"d": DOOMED}


def test_a_doomed_task_of_an_unread_shard_counts_for_its_children():
    # b lies in shard 1, which is unread, and so does its child.
    plan = plan_of((task("a"), ()), (task("x"), ()), (task("b"), ["a"]), (task("c", TriggerRule.ONE_FAILED), ["b"]))
    step = advance(plan, {0: tallies_of(plan, a=FAILED)[0]}, [0])
    assert named(plan, step.endings) == {"b": DOOMED}
    assert step.ready == (3,)
    assert step.unread == frozenset()


def test_a_cascade_crosses_shards_through_what_it_ends_itself():
    plan = plan_of(*[(task(f"t{n}"), [f"t{n - 1}"] if n else []) for n in range(9)])
    step = advance(plan, {0: tallies_of(plan, t0=FAILED)[0]}, [0])
    assert named(plan, step.endings) == {f"t{n}": DOOMED for n in range(1, 9)}


def test_several_endings_are_judged_together():
    plan = plan_of((task("a"), ()), (task("b"), ()), (task("c"), ["a", "b"]), (task("d"), ["b"]))
    step = advance(plan, tallies_of(plan, a=SUCCEEDED, b=SUCCEEDED), [0, 1])
    assert step.ready == (2, 3), "c is named once, though both its parents ended"


def test_a_cancelled_parent_starts_and_ends_nothing():
    step = advance(CHAIN, tallies_of(CHAIN, a=TaskState.CANCELLED), [0])
    assert (step.ready, step.endings, step.unread) == ((), {}, frozenset())


def test_candidates_are_judged_though_nothing_ended_now():
    step = advance(CHAIN, tallies_of(CHAIN, a=SUCCEEDED), [], candidates=[1, 2, 3])
    assert (step.ready, step.endings) == ((1,), {})


def test_a_root_that_is_a_candidate_is_ready_until_it_ended():
    assert advance(CHAIN, tallies_of(CHAIN), [], candidates=[0, 1]).ready == (0,)
    assert advance(CHAIN, tallies_of(CHAIN, a=FAILED, b=DOOMED, c=DOOMED), [], candidates=[0, 3]).ready == (3,)


def test_a_candidate_that_is_doomed_hands_it_down():
    step = advance(CHAIN, tallies_of(CHAIN, a=FAILED), [], candidates=[1])
    assert named(CHAIN, step.endings) == {"b": DOOMED, "c": DOOMED}
    assert step.ready == (3,)


def test_a_candidate_is_named_once_though_its_parent_ended_too():
    step = advance(CHAIN, tallies_of(CHAIN, a=SUCCEEDED), [0], candidates=[1])
    assert step.ready == (1,)


def test_a_candidates_unread_parents_are_asked_for():
    step = advance(CHAIN, {1: tallies_of(CHAIN)[1]}, [], candidates=[2, 3])
    assert (step.ready, step.endings, step.unread) == ((), {}, {0})


@pytest.mark.parametrize(("b", "ending"), [(SUCCEEDED, "cancelled"), (FAILED, "failed")])
def test_a_run_that_keeps_a_cancelled_task_is_cancelled_unless_one_failed(b, ending):
    plan = plan_of((task("a"), ()), (task("b"), ()))
    assert run_ending(plan, tallies_of(plan, a=TaskState.CANCELLED, b=b)) is RunState(ending)


def test_the_last_shard_is_full_with_fewer_tasks():
    plan = plan_of((task("a"), ()), (task("b"), ()), (task("c"), ()))
    tallies = tallies_of(plan, a=SUCCEEDED, c=FAILED)
    assert not is_full(plan, 0, tallies[0])
    assert is_full(plan, 1, tallies[1])


@pytest.mark.parametrize(("b", "ending"), [(SUCCEEDED, "succeeded"), (FAILED, "failed"), (DOOMED, "failed")])
def test_a_missing_result_fails_a_run_unless_the_task_may_fail(b, ending):
    plan = plan_of((task("a", allow_failure=True), ()), (task("b"), ()), (task("tidy", TriggerRule.ALL_DONE), ["b"]))
    assert run_ending(plan, tallies_of(plan, a=FAILED, b=b, tidy=SUCCEEDED)) is RunState(ending)


@pytest.mark.parametrize("parent", [FAILED, DOOMED])
def test_a_task_that_may_fail_may_be_doomed_too(parent):
    plan = plan_of((task("a", allow_failure=True), ()), (task("b", allow_failure=True), ["a"]))
    assert run_ending(plan, tallies_of(plan, a=parent, b=DOOMED)) is RunState.SUCCEEDED


def test_an_ending_by_the_earlier_rule_stays_right():
    plan = plan_of((task("a", allow_failure=True), ()), (task("b"), ["a"]), (task("c"), ()))
    doomed = tallies_of(plan, a=FAILED, b=DOOMED, c=SUCCEEDED)
    failed = tallies_of(plan, a=FAILED, b=DOOMED, c=FAILED)
    assert [may_have_ended(plan, doomed, ending) for ending in (RunState.SUCCEEDED, RunState.FAILED)] == [True, True]
    assert [may_have_ended(plan, failed, ending) for ending in (RunState.SUCCEEDED, RunState.FAILED)] == [False, True]


def test_an_array_of_none_is_skipped_where_it_could_start():
    plan = plan_of((task("a"), ()), (task("b"), ["a"]), (task("c", TriggerRule.NONE_FAILED), ["b"]), (task("d"), ["b"]))
    step = advance(plan, tallies_of(plan, a=SUCCEEDED), [0], empty={1})
    assert (named(plan, step.endings), step.ready) == ({"b": SKIPPED, "d": SKIPPED}, (2,))
    assert advance(plan, tallies_of(plan), [], candidates=[0], empty={1}).ready == (0,)
    assert named(plan, advance(plan, tallies_of(plan, a=FAILED), [0], empty={1}).endings)["b"] == DOOMED
    assert named(plan, advance(plan, tallies_of(plan), [], candidates=[0], empty={0}).endings)["a"] == SKIPPED


def closed(plan: Plan, succeeds, rng: Random) -> tuple[dict[int, Tally], list[int]]:
    """Start the roots, end a random one of what runs, do what follows, and so on until nothing runs.

    What follows is found as the engine finds it: only the ended task's shard is known at first.
    """
    tallies = {shard: Tally() for shard in range(plan.shard_count)}
    started = list(plan.roots)
    running = list(plan.roots)
    while running:
        index = running.pop(rng.randrange(len(running)))
        one = plan.tasks[index]
        good = oracle.failures_of(one, succeeds).end_in_success
        add(tallies, index, SUCCEEDED if good else FAILED)
        known = {shard_of(index): tallies[shard_of(index)]}
        while True:
            step = advance(plan, known, [index])
            if step.unread:
                known |= {shard: tallies[shard] for shard in step.unread}
                continue
            before = dict(tallies)
            for name, ending in named(plan, step.endings).items():
                add(tallies, plan.index_of[name], ending)
            if tallies == before:
                break
            known = {shard_of(index): tallies[shard_of(index)]}
        fresh = [child for child in step.ready if child not in started]
        started += fresh
        running += fresh
    return tallies, started


@given(st.integers(0, 2**32), st.sampled_from([1, 2, 5, 256]))
def test_closing_the_loop_in_any_order_gives_what_the_oracle_gives(seed, shard_size):
    limits.SHARD_SIZE = shard_size  # the fixture puts it back
    rng = Random(seed)
    plan = random_plan(rng)
    fails = {(one.name, number) for one in plan.tasks for number in range(1, 4) if rng.random() < 0.4}

    def succeeds(name: str, number: int) -> bool:
        return (name, number) not in fails

    right = oracle.expected(plan, succeeds)
    for _ in range(3):
        tallies, started = closed(plan, succeeds, rng)
        endings = {
            one.name: tallies[shard_of(index)].ending_of(offset_of(index)) for index, one in enumerate(plan.tasks)
        }
        assert endings == right.tasks
        assert {plan.tasks[index].name for index in started} == {name for name, _ in right.attempts}
        assert all(is_full(plan, shard, tally) for shard, tally in tallies.items())
        assert run_ending(plan, tallies) == right.run
