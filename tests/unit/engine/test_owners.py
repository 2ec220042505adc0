"""An invocation that meets its own open claim again treats it as anybody's: the job may exist."""

import pytest

from chalicelib.core.errors import TryAgain
from chalicelib.core.states import RunState
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.theatre import Theatre, plan_of, task


def fail() -> None:
    raise TryAgain("the table does not answer")


def test_a_handling_that_failed_between_submitting_and_recording_is_not_repeated_as_its_own_owner():
    # The batch of messages fails as a whole and is then handled message by message, in the same invocation.
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.start()
    theatre.hooks["record_job"] = fail
    with pytest.raises(MessagesLeft):
        theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    assert len(theatre.jobs("b")) == 1
    theatre.play_on()
    assert len(theatre.jobs("b")) == 1, "the orphan was found by its name, or told of itself"
    assert theatre.run.state is RunState.SUCCEEDED


def test_two_copies_of_a_command_in_one_batch_submit_once():
    theatre = Theatre(plan_of((task("a", attempts=2), ())), fails=[("a", 1)])
    theatre.start()
    failure = theatre.ending_document(theatre.jobs("a")[0])
    theatre.deliver_event(failure)
    (timer,) = theatre.commands.bodies
    theatre.commands.send([timer])
    theatre.hooks["record_job"] = fail
    with pytest.raises(MessagesLeft):
        theatre.deliver_commands(limit=2)
    assert len(theatre.jobs("a")) == 2
    theatre.play_on()
    assert len(theatre.jobs("a")) == 2
    assert theatre.run.state is RunState.SUCCEEDED
