"""A batch of queue messages: each is handled on its own account, and what is left says why."""

import contextlib
import json

import pytest

from chalicelib.core.chain import BEGINNING, COPIED_AT_RECEIPT, HOPS, HOPS_MAXIMUM, WAITS_SINCE_MS, Chain
from chalicelib.core.errors import TryAgain
from chalicelib.core.run.commands import SubmitTasks, encode
from chalicelib.core.states import RunState
from chalicelib.engine.inbox.messages import MessagesLeft, messages_of
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Theatre, plan_of, task

PLAN = plan_of((task("a"), ()), (task("b"), ()), (task("c"), ["a"]), (task("d"), ["b"]))
POISON = ["not json", "[]", '{"source":"aws.batch","detail-type":"Batch Job State Change"}', "[" * 100_000, "9" * 5000]


@pytest.fixture
def theatre() -> Theatre:
    theatre = Theatre(PLAN)
    theatre.start()
    return theatre


def end_of(theatre: Theatre, name: str) -> str:
    return theatre.ending_document(theatre.jobs(name)[0])


def seconds_until_visible(theatre: Theatre, queue) -> float:
    return (queue.next_visible_at_ms - theatre.clock.now_ms()) / 1000


def poisonous(theatre: Theatre) -> str:
    """An event that is well-formed, but whose handling fails: the plan of its run is gone."""
    event = json.loads(end_of(theatre, "a"))
    event["detail"]["parameters"]["batchwright_run"] = "broken"
    return json.dumps(event)


class Broken:
    """The store, but for one run that cannot be read."""

    def __init__(self, store, error: Exception) -> None:
        self._store = store
        self._error = error

    def __getattr__(self, name):
        return getattr(self._store, name)

    def run(self, run_id):
        if run_id == "broken":
            raise self._error
        return self._store.run(run_id)


@pytest.mark.parametrize("poison", POISON)
def test_a_message_that_cannot_be_read_stays_and_the_others_are_handled_and_deleted(theatre, poison):
    theatre.events.send([end_of(theatre, "a"), poison, end_of(theatre, "b")])
    with pytest.raises(MessagesLeft, match=r"^1 of 3 messages are not done: "):
        theatre.deliver_events()
    assert theatre.events.bodies == [poison]
    assert theatre.endings() == {"a": "succeeded", "b": "succeeded"}
    assert len(theatre.jobs("c") + theatre.jobs("d")) == 2


@pytest.mark.parametrize(
    ("error", "says"), [(ZeroDivisionError("oh"), "ZeroDivisionError: oh"), (TryAgain("not now"), "not now")]
)
def test_a_message_whose_handling_fails_stays_and_the_others_are_handled_and_deleted(theatre, error, says):
    poison = poisonous(theatre)
    theatre.store = Broken(theatre.store, error)
    theatre.events.send([end_of(theatre, "a"), poison, end_of(theatre, "b")])
    with pytest.raises(MessagesLeft, match=f"^1 of 3 messages are not done: {says}$"):
        theatre.deliver_events()
    assert theatre.events.bodies == [poison]
    assert len(theatre.jobs("c") + theatre.jobs("d")) == 2


def test_the_exception_says_of_each_message_left_why(theatre):
    theatre.batch.faults.append(SubmitFault.LOST_BEFORE_EFFECT)
    theatre.events.send([end_of(theatre, "a"), "not json"])
    with pytest.raises(MessagesLeft) as left:
        theatre.deliver_events()
    assert str(left.value) == (
        "2 of 2 messages are not done: SubmitJob: the answer never came; "
        "not a readable event: Expecting value: line 1 column 1 (char 0)"
    )


def test_nothing_is_raised_for_what_is_done_or_not_our_concern(theatre):
    theatre.events.send([end_of(theatre, "a"), "{}", '{"source":"aws.s3"}', end_of(theatre, "a")])
    assert theatre.deliver_events() == 4
    assert theatre.events.bodies == []


def test_an_event_that_waits_is_seen_after_2_and_10_seconds_and_then_when_the_lease_is_over(theatre):
    # b's job may exist: the claim is open until its lease of 90 seconds is over.
    theatre.batch.faults.append(SubmitFault.LOST_BEFORE_EFFECT)
    theatre.events.send([end_of(theatre, "a")])
    for seconds in (2, 10, 78):
        with pytest.raises(MessagesLeft, match="1 of 1"):
            theatre.deliver_events()
        assert seconds_until_visible(theatre, theatre.events) == seconds
        theatre.clock.advance(seconds=seconds)
    theatre.deliver_events()
    assert theatre.events.sent == 1, "no copy was needed"
    theatre.clock.advance(seconds=361)
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 4


def test_a_message_that_waits_at_its_fourth_receipt_goes_on_as_a_copy(theatre):
    theatre.store = Broken(theatre.store, TryAgain("not now"))
    poison = poisonous(theatre)
    theatre.events.send([poison])
    for seconds in (2, 10, 60):
        with pytest.raises(MessagesLeft):
            theatre.deliver_events()
        theatre.clock.advance(seconds=seconds)
    theatre.deliver_events()
    assert theatre.events.bodies == [poison], "one copy, and the old message is gone"
    assert seconds_until_visible(theatre, theatre.events) == 60
    theatre.clock.advance(seconds=60)
    (copy,) = theatre.events.receive()
    assert copy.receive_count == 1, "a copy is never taken for poison"
    assert copy.chain == Chain(1, theatre.clock.now_ms() - 132_000)


def test_a_message_that_waits_after_its_last_hop_goes_to_the_dead_letters_with_the_reason(theatre):
    theatre.store = Broken(theatre.store, TryAgain("not now"))
    theatre.events.send([poisonous(theatre)], chain=Chain(HOPS_MAXIMUM, theatre.clock.now_ms()))
    for _ in range(COPIED_AT_RECEIPT):
        with contextlib.suppress(MessagesLeft):
            theatre.deliver_events()
        theatre.clock.advance(seconds=60)
    assert theatre.events.bodies == []
    (letter,) = theatre.dead.letters
    assert letter.reason == "waited for 180 seconds in vain: not now"


def test_an_event_that_waits_for_a_moment_is_seen_after_that_moment(theatre):
    theatre.batch.faults.extend([SubmitFault.THROTTLED] * 4)
    theatre.events.send([end_of(theatre, "a")])
    for raises in (True, True, True, False):
        if raises:
            with pytest.raises(MessagesLeft, match="Too Many Requests"):
                theatre.deliver_events()
        else:
            theatre.deliver_events()
        assert seconds_until_visible(theatre, theatre.events) == 2
        theatre.clock.advance(seconds=2)


def test_a_command_that_waits_is_seen_again_in_the_same_way(theatre):
    theatre.batch.faults.extend([SubmitFault.LOST_BEFORE_EFFECT])
    theatre.commands.send([encode(SubmitTasks(theatre.run.run_id, 0, (2,)))])
    for seconds in (2, 10, 78):
        with pytest.raises(MessagesLeft):
            theatre.deliver_commands()
        assert seconds_until_visible(theatre, theatre.commands) == seconds
        theatre.clock.advance(seconds=seconds)


@pytest.mark.parametrize("value", ["", "none", "-1", "1e3", "9" * 16])
def test_an_attribute_that_is_no_count_begins_a_chain(value):
    attributes = {HOPS: {"stringValue": value, "dataType": "String"}, WAITS_SINCE_MS: {}}
    record = {"messageId": "1", "body": "", "receiptHandle": "r", "messageAttributes": attributes}
    (message,) = messages_of({"Records": [{**record, "attributes": {"ApproximateReceiveCount": "1"}}]})
    assert message.chain == BEGINNING


@pytest.mark.parametrize("poison", ["not json", "{}", '{"kind":"brew_coffee"}', "[" * 100_000])
def test_a_command_that_is_none_stays_and_the_others_are_carried_out_and_deleted(theatre, poison):
    run_id = theatre.run.run_id
    wanted = [encode(SubmitTasks(run_id, 0, (index,))) for index in (2, 3)]
    theatre.commands.send([wanted[0], poison, wanted[1]])
    with pytest.raises(MessagesLeft, match=r"^1 of 3 messages are not done: not a command of ours: "):
        theatre.deliver_commands(10)
    assert theatre.commands.bodies == [poison]
    assert len(theatre.jobs("c") + theatre.jobs("d")) == 2


def test_a_command_whose_handling_fails_stays_alone(theatre):
    theatre.commands.send([encode(SubmitTasks("broken", 0, (0,))), encode(SubmitTasks(theatre.run.run_id, 0, (2,)))])
    theatre.store = Broken(theatre.store, ZeroDivisionError("oh"))
    with pytest.raises(MessagesLeft, match=r"^1 of 2 messages are not done: ZeroDivisionError: oh$"):
        theatre.deliver_commands(10)
    assert len(theatre.jobs("c")) == 1
    assert len(theatre.commands.bodies) == 1


@pytest.mark.parametrize("call", ["postpone", "send"])
def test_a_message_that_cannot_be_put_off_takes_no_others_with_it(theatre, call, monkeypatch):
    theatre.batch.faults.extend([SubmitFault.LOST_BEFORE_EFFECT] * 2)
    end_of_a = end_of(theatre, "a")
    theatre.events.send([end_of_a])
    if call == "send":
        for seconds in (2, 10, 78):
            with pytest.raises(MessagesLeft):
                theatre.deliver_events()
            theatre.clock.advance(seconds=seconds)
    theatre.events.send(["{}"])

    def refuse(*_, **__):
        raise TryAgain("the queue is busy")

    monkeypatch.setattr(theatre.events, call, refuse)
    with pytest.raises(MessagesLeft, match="1 of 2"):
        theatre.deliver_events()
    assert theatre.events.bodies == [end_of_a]


def test_the_events_of_two_runs_in_one_batch_do_not_mix(theatre):
    theatre.clock.advance(seconds=1)
    other = theatre.start("another key")
    first, second = (job for job in theatre.batch.jobs.values() if job.request.name.startswith("a-"))
    theatre.events.send([theatre.ending_document(first), theatre.ending_document(second)])
    theatre.deliver_events()
    runs = theatre.store.list_runs("play", 10).runs
    assert runs[0].run_id == other.run_id
    assert [theatre.store.read_tally(run.run_id, 0, 0).succeeded for run in runs] == [1, 1]
    assert len(theatre.jobs("c")) == 2
