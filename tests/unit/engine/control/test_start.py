"""Starting a run: once for a key, nothing for a mistake, and the rest of a start that died."""

from dataclasses import replace
from itertools import count

import pytest

from chalicelib.core.errors import IdempotencyConflict, UnknownWorkflow, UserMistake
from chalicelib.core.states import RunState
from chalicelib.engine.control.start import start_run
from chalicelib.engine.world.world import Settings
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Cut, Theatre, plan_of, task

DEFINITION = {
    "params": {
        "films": {"type": "integer", "required": True},
        "genre": {"type": "string", "enum": ["drama", "noir"], "default": "noir"},
    }
}
PLAN = plan_of((task("a"), ()), (task("b"), ()), (task("c"), ["a", "b"]))


def theatre_with(command: str = "true", **settings) -> Theatre:
    one = task("a")
    plan = plan_of((replace(one, job=replace(one.job, command=(command,))), ()), (task("b"), ["a"]))
    return Theatre(plan, definition=DEFINITION, settings=Settings(**settings))


def nothing_is_left(theatre: Theatre) -> bool:
    return (theatre.store.list_runs("play", 10).runs, theatre.jobs(), theatre.commands.bodies) == ((), [], [])


def test_a_run_starts_with_its_params_completed_and_its_roots_submitted():
    theatre = theatre_with("count ${params.films} ${params.genre}")
    run = theatre.start(params={"films": 3})
    assert run.state is RunState.RUNNING
    assert run.params == {"films": 3, "genre": "noir"}
    assert run.created_at_ms == theatre.clock.now_ms()
    assert [job.request.command for job in theatre.jobs()] == [("count 3 noir",)]


def test_the_same_key_is_the_same_run_and_starts_nothing_twice():
    theatre = Theatre(PLAN)
    first = theatre.start()
    theatre.clock.advance(seconds=5)
    assert theatre.start() == first
    assert len(theatre.jobs()) == 2
    theatre.play_on()
    again = theatre.start()
    assert again.run_id == first.run_id
    assert again.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 3


def test_another_key_is_another_run():
    theatre = Theatre(PLAN)
    assert theatre.start("one").run_id != theatre.start("two").run_id
    assert len(theatre.jobs()) == 4


def test_the_same_key_for_something_else_is_refused_by_name_and_changes_nothing():
    theatre = theatre_with()
    theatre.start(params={"films": 3})
    before = (theatre.run, len(theatre.jobs()))
    for params in ({"films": 4}, {"films": 3, "genre": "drama"}):
        with pytest.raises(IdempotencyConflict, match="idempotency key 'key' started run 'play-"):
            theatre.start(params=params)
    with pytest.raises(IdempotencyConflict):
        start_run(theatre.world(), "play", {"films": 3}, "key", version=1)
    assert (theatre.run, len(theatre.jobs())) == before


def test_the_same_key_goes_on_meaning_its_run_after_a_new_version_was_pushed():
    theatre = theatre_with()
    first = theatre.start(params={"films": 3})
    newer = {"params": {"films": {"type": "string", "required": True}}}
    theatre.store.push("play", newer, theatre.plan, theatre.clock.now_ms())
    assert theatre.start(params={"films": 3}) == first


def test_a_version_is_started_as_it_was_pushed():
    theatre = theatre_with()
    theatre.store.push("play", {}, PLAN, theatre.clock.now_ms())
    old = start_run(theatre.world(), "play", {"films": 3}, "old", version=1)
    new = start_run(theatre.world(), "play", {}, "new")
    assert (old.version, new.version) == (1, 2)
    assert new.plan_digest == PLAN.digest


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "param 'films' is required"),
        ({"films": "three"}, "param 'films' must be an integer, not 'three'"),
        ({"films": True}, "param 'films' must be an integer"),
        ({"films": 3, "genre": "noire"}, "param 'genre' must be one of"),
        ({"films": 3, "filmz": 3}, "param 'filmz' is not declared by the workflow"),
    ],
)
def test_wrong_params_are_refused_and_leave_nothing_behind(params, says):
    theatre = theatre_with()
    with pytest.raises(UserMistake, match=says):
        theatre.start(params=params)
    assert nothing_is_left(theatre)
    assert theatre.start(params={"films": 3}).state is RunState.RUNNING, "the key was not used up"


def test_a_value_that_breaks_a_limit_of_batch_once_rendered_leaves_nothing_behind():
    theatre = theatre_with("x" * 8_192 + "${params.films}")
    with pytest.raises(UserMistake, match=r"task 'a'.*8,192"):
        theatre.start(params={"films": 3})
    assert nothing_is_left(theatre)


def test_an_unknown_workflow_or_version_is_refused_by_name():
    theatre = Theatre(PLAN)
    with pytest.raises(UnknownWorkflow, match="no workflow 'plays' was pushed"):
        start_run(theatre.world(), "plays", {}, "key")
    for version in (0, 2, -1):
        with pytest.raises(UnknownWorkflow, match=f"no workflow 'play' in version {version} was pushed"):
            start_run(theatre.world(), "play", {}, "key", version=version)
    assert nothing_is_left(theatre)


@pytest.mark.parametrize("inline", [0, 5])
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_start_that_died_at_any_call_is_completed_by_the_next_one(after_effect, inline):
    cuts = 0
    for call in count():
        theatre = Theatre(PLAN, settings=Settings(inline_submissions=inline))
        if not theatre.crash(Cut(call, after_effect), theatre.start):
            break
        cuts += 1
        theatre.start()
        theatre.play_on()
        assert theatre.run.state is RunState.SUCCEEDED
        assert len(theatre.jobs()) == 3, "no attempt has two jobs"
    assert cuts >= 4


def test_a_start_that_died_between_the_run_and_its_roots_left_a_run_and_no_job():
    theatre = Theatre(PLAN)
    assert theatre.crash(Cut("create_run", after_effect=True), theatre.start)
    assert theatre.run.state is RunState.RUNNING
    assert theatre.jobs() == []
    theatre.start()
    assert len(theatre.jobs()) == 2


def test_roots_that_could_not_be_submitted_are_seen_to_though_nobody_calls_again():
    theatre = Theatre(PLAN)
    theatre.batch.faults.extend([SubmitFault.LOST_AFTER_EFFECT, SubmitFault.THROTTLED])
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 3


def test_a_lease_longer_than_a_message_can_be_delayed_does_not_stop_a_start():
    theatre = Theatre(PLAN, settings=Settings(lease_seconds=1000))
    theatre.batch.faults.append(SubmitFault.LOST_BEFORE_EFFECT)
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_many_roots_go_to_the_commands_queue_in_chunks():
    theatre = Theatre(plan_of(*[(task(f"t{n}"), ()) for n in range(60)]))
    theatre.start()
    assert len(theatre.commands.bodies) == 3
    assert theatre.jobs() == []
    theatre.play_on()
    assert len(theatre.jobs()) == 60
