"""Messages that cannot be handled: tried five times, soon at first, and then kept with their reason."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import TryAgain
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.core.run.commands import SubmitTasks, encode
from chalicelib.engine.inbox.messages import (
    FAILED_AGAIN_SECONDS,
    LETTER_REASON_CHARACTERS,
    Mailbox,
    Message,
    MessagesLeft,
    handle_commands,
    handle_events,
    messages_of,
)
from tests.memory.queue import MemoryCommands, MemoryDeadLetters
from tests.memory.theatre import Theatre, plan_of, task

PLAN = plan_of((task("a"), ()), (task("b"), ["a"]))
SECRET = "hunter2"


@pytest.fixture
def theatre() -> Theatre:
    theatre = Theatre(PLAN)
    theatre.events = MemoryCommands(theatre.clock, visibility_seconds=360, receive_limit=RECEIPTS_MAXIMUM)
    theatre.start()
    return theatre


def fail_until_the_last_receipt(theatre: Theatre) -> list[float]:
    """Deliver what is on the events queue on all receipts but the last; the seconds between them."""
    waits = []
    for _ in range(RECEIPTS_MAXIMUM - 1):
        with pytest.raises(MessagesLeft):
            theatre.deliver_events()
        due_ms = theatre.events.next_visible_at_ms
        waits.append((due_ms - theatre.clock.now_ms()) / 1000)
        theatre.clock.advance_to(due_ms)
    return waits


def test_poison_goes_to_the_dead_letters_on_its_fifth_receipt_with_its_reason(theatre):
    theatre.events.send(["not json"])
    assert fail_until_the_last_receipt(theatre) == [1, 5, 20, 60] == list(FAILED_AGAIN_SECONDS)
    assert theatre.dead.letters == []
    assert theatre.deliver_events() == 1, "nothing is left, so nothing is raised"
    [letter] = theatre.dead.letters
    assert (letter.body, letter.receive_count) == ("not json", 5)
    assert letter.reason == "not a readable event: Expecting value: line 1 column 1 (char 0)"
    assert (theatre.events.bodies, theatre.events.dead) == ([], [])


@pytest.mark.parametrize("error", [TryAgain("SendMessage: the queue is busy"), RuntimeError("no permission")])
def test_poison_that_cannot_be_put_there_stays_for_sqs_to_move_and_takes_nothing_with_it(theatre, error):
    theatre.events.send(["not json"])
    fail_until_the_last_receipt(theatre)
    theatre.dead.errors.append(error)
    theatre.events.send(["{}"])
    with pytest.raises(MessagesLeft, match="1 of 2"):
        theatre.deliver_events()
    assert (theatre.dead.letters, theatre.events.bodies) == ([], ["not json"])
    theatre.clock.advance(seconds=361)
    assert theatre.deliver_events() == 0
    assert [message.body for message in theatre.events.dead] == ["not json"]


def test_a_command_that_cannot_be_carried_out_goes_to_the_dead_letters_too(theatre):
    body = encode(SubmitTasks(theatre.run.run_id, 0, (99,)))
    theatre.commands.send([body])
    for _ in FAILED_AGAIN_SECONDS:
        with pytest.raises(MessagesLeft):
            theatre.deliver_commands()
        theatre.clock.advance_to(theatre.commands.next_visible_at_ms)
    theatre.deliver_commands()
    [letter] = theatre.dead.letters
    assert (letter.body, letter.receive_count) == (body, 5)
    assert letter.reason == f"run {theatre.run.run_id} has 2 tasks, and none of index 99"
    assert theatre.store.task(theatre.run.run_id, 0, 99) is None


def test_a_message_that_recovers_on_its_last_receipt_is_done(theatre):
    theatre.events.send([theatre.ending_document(theatre.jobs("a")[0])])
    store, theatre.store = theatre.store, Broken()
    fail_until_the_last_receipt(theatre)
    theatre.store = store
    theatre.deliver_events()
    assert theatre.dead.letters == []
    assert theatre.endings() == {"a": "succeeded"}


class Broken:
    """A store that fails in a way that nobody foresaw, with a long story."""

    def __getattr__(self, name):
        def fail(*_, **__):
            raise ZeroDivisionError("oh " * 1000)

        return fail


def test_a_long_reason_is_cut(theatre):
    theatre.events.send([theatre.ending_document(theatre.jobs("a")[0])])
    theatre.store = Broken()
    fail_until_the_last_receipt(theatre)
    theatre.deliver_events()
    assert len(theatre.dead.letters[0].reason) == LETTER_REASON_CHARACTERS


@pytest.mark.parametrize("value", [[SECRET * 500], {SECRET * 500: 1}, SECRET * 500, [{"value": SECRET * 500}]])
@pytest.mark.parametrize("field", ["jobId", "status", "parameters", "attempts", "kind", "run_id", "indexes", "more"])
def test_a_reason_quotes_little_of_a_wrong_value(theatre, field, value):
    event = json.loads(theatre.ending_document(theatre.jobs("a")[0]))
    event["detail"][field] = value
    command = {"kind": "submit_tasks", "run_id": "r", "epoch": 0, "indexes": [], field: value}
    for handle, document in ((handle_events, event), (handle_commands, command)):
        mailbox = Mailbox(theatre.events, theatre.events, theatre.dead)
        handle(theatre.world(), mailbox, [Message(json.dumps(document), "handle", RECEIPTS_MAXIMUM)])
    assert all(SECRET * 10 not in letter.reason for letter in theatre.dead.letters)


def test_the_times_that_sqs_tells_go_with_the_message(theatre):
    record = {
        "messageId": "one",
        "body": "not json",
        "receiptHandle": "handle",
        "attributes": {
            "ApproximateReceiveCount": "5",
            "SentTimestamp": "1000",
            "ApproximateFirstReceiveTimestamp": "2000",
        },
    }
    messages = messages_of({"Records": [record, {**record, "attributes": {"ApproximateReceiveCount": "6"}}]})
    handle_events(theatre.world(), Mailbox(theatre.events, theatre.events, theatre.dead), messages)
    assert [(one.sent_at_ms, one.first_received_at_ms) for one in theatre.dead.letters] == [(1000, 2000), (None, None)]
    assert [one.receive_count for one in theatre.dead.letters] == [5, 6]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just(SECRET * 500),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
FIELDS = ("jobId", "jobName", "status", "parameters", "attempts", "startedAt", "stoppedAt", "container", "statusReason")
some_commands = st.dictionaries(
    st.sampled_from(["kind", "run_id", "epoch", "index", "indexes", "number", "job_id", "reason", "failed_number"]),
    anything | st.sampled_from(["submit_tasks", "retry_task", "job_refused", "cancel_run"]),
)


@st.composite
def strange_events(draw):
    """The end of a's job, with fields that are anything; its environment holds a secret."""
    theatre = Theatre(PLAN)
    theatre.start()
    event = json.loads(theatre.ending_document(theatre.jobs("a")[0]))
    event["detail"]["container"]["environment"] = [{"name": "PASSWORD", "value": SECRET}]
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        event["detail"][name] = draw(anything)
    return event


# What bytes look like as text, lone surrogates included.
some_bytes = st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")) | st.text(st.characters())
bodies = some_bytes | (anything | strange_events() | some_commands).map(json.dumps)


@pytest.mark.parametrize("handle", [handle_events, handle_commands])
@given(st.lists(bodies, min_size=1, max_size=4), st.integers(1, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_body_takes_its_siblings_with_it_and_no_reason_holds_a_body(handle, strange, receive_count):
    theatre = Theatre(PLAN)
    run = theatre.start()
    wanted = theatre.ending_document(theatre.jobs("a")[0])
    if handle is handle_commands:
        theatre.deliver_event(wanted)
        wanted = encode(SubmitTasks(run.run_id, 0, (1,)))
    queue, dead = MemoryCommands(theatre.clock), MemoryDeadLetters()
    queue.send([*strange, wanted])
    messages = [Message(m.body, m.receipt_handle, receive_count) for m in queue.receive(10)]
    try:
        handle(theatre.world(), Mailbox(queue, queue, dead), messages)
    except MessagesLeft as left:
        assert SECRET * 10 not in str(left)
        assert queue.bodies, "what is left is on the queue"
    # A strange sibling may be a readable copy of the same event, or one that says the opposite: either is handled.
    assert theatre.endings().get("a") in ("succeeded", "failed")
    assert wanted not in queue.bodies
    for letter in dead.letters:
        assert receive_count >= RECEIPTS_MAXIMUM
        assert SECRET * 10 not in letter.reason
