"""Services that fail for longer than a message has receipts: the run goes on once they are back."""

import contextlib

from chalicelib.core.errors import TryAgain
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.core.states import RunState
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.batch import SubmitFault
from tests.memory.queue import MemoryCommands
from tests.memory.theatre import Theatre, plan_of, task


def theatre_with_dead_letters(*tasks) -> Theatre:
    theatre = Theatre(plan_of(*tasks))
    theatre.events = MemoryCommands(theatre.clock, visibility_seconds=360, receive_limit=RECEIPTS_MAXIMUM)
    theatre.commands = MemoryCommands(theatre.clock, visibility_seconds=360, receive_limit=RECEIPTS_MAXIMUM)
    return theatre


def keep_failing(theatre: Theatre, name: str, times: int = 1_000_000) -> None:
    """Let the next calls of that name fail."""

    def fail() -> None:
        if times > 1:
            keep_failing(theatre, name, times - 1)
        raise TryAgain(f"{name} does not answer")

    theatre.hooks[name] = fail


def wait_for_the_next_message(queue: MemoryCommands, theatre: Theatre) -> None:
    due_ms = queue.next_visible_at_ms
    assert due_ms is not None, "the message is gone"
    theatre.clock.advance_to(max(due_ms, theatre.clock.now_ms()))


def test_a_table_that_fails_for_longer_than_a_message_has_receipts_loses_nothing():
    theatre = theatre_with_dead_letters((task("a"), ()), (task("b"), ["a"]))
    theatre.start()
    theatre.tell()

    for name in ("tally", "observe"):
        keep_failing(theatre, name)
    for _ in range(4 * RECEIPTS_MAXIMUM):
        wait_for_the_next_message(theatre.events, theatre)
        with contextlib.suppress(MessagesLeft):
            theatre.deliver_events(limit=1)
    theatre.hooks.clear()
    theatre.play_on()
    assert theatre.events.dead == theatre.dead.letters == []
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_failure_that_is_over_delays_its_message_by_seconds():
    theatre = theatre_with_dead_letters((task("a"), ()), (task("b"), ["a"]))
    theatre.start()

    keep_failing(theatre, "tally", times=2)
    begun_ms = theatre.clock.now_ms()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert theatre.clock.now_ms() - begun_ms < 30_000


def test_a_chunk_stops_at_the_first_submission_that_batch_does_not_answer():
    # 25 time-outs of ten seconds each would outlive the Lambda, and its message would use up its receipts.
    theatre = theatre_with_dead_letters(*[(task(f"task-{n}"), ()) for n in range(25)])
    theatre.batch.faults.extend([SubmitFault.LOST_BEFORE_EFFECT] * 3)
    theatre.start()
    with contextlib.suppress(MessagesLeft):
        theatre.deliver_commands()
    assert len(theatre.batch.faults) == 2
    assert [record.attempt.index for record in theatre.store.tasks(theatre.run.run_id, 0, 0)] == [0]
    theatre.play_on()
    assert theatre.commands.dead == theatre.dead.letters == []
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 25
