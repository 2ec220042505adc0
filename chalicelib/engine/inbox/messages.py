"""A batch of queue messages: handled each on its own account, deleted when done, seen again when not, given up when
they keep failing.

What is done is deleted here, one by one, and MessagesLeft names the rest. wiring.py turns it into a partial batch
response, where Lambda takes one (docs/explanation/one-event.md).

A message that waits is hidden for longer each time, and copied only when its receipts run out: copies are the rounds
that Lambda counts (core/chain.py).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.job_event import read_envelope
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.chain import (
    BEGINNING,
    COPIED_AT_RECEIPT,
    HOPS,
    WAITS_SINCE_MS,
    Chain,
    wait_seconds,
)
from chalicelib.core.errors import BatchwrightError, MalformedMessage, TryAgain
from chalicelib.core.lease import NoticeClaim
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.core.monitor.blocked_queue import Blocked, blocked_notice, read_blocked
from chalicelib.core.run.commands import decode
from chalicelib.core.telemetry.metrics import Source
from chalicelib.engine.advance.job_events import handle_changes
from chalicelib.engine.inbox.commands import carry_out
from chalicelib.engine.inbox.follow_up import following
from chalicelib.engine.publishing.deliver import publish
from chalicelib.engine.watch.observe import known_here, may_be_recorded, observe_event
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import DONE, Done, NotBefore, NotYet, Outcome, World
from chalicelib.ports.services import Commands, DeadLetters, Inbox

log = logging.getLogger(__name__)

FAILED_AGAIN_SECONDS = (1, 5, 20, 60)
"""How long a message that failed waits after each receipt but its last, which ends with the dead letters."""
LETTER_REASON_CHARACTERS = 500
"""How much of a reason goes to the dead letters. It says what is wrong with a message, and is no copy of it."""
COUNT_DIGITS = 15
"""Maximum digits of a number in a message's attributes: a time in milliseconds has 13."""
OUTAGE_SECONDS = 60
"""How long a message waits for a service that fails, from its third delivery on: so long at least, and longer each
time."""


About = Mapping[str, Any]
"""The `extra` of a log call (world/telemetry.py)."""


class MessagesLeft(BatchwrightError):
    """Try again: some messages of the batch are not done. Those that are were deleted. `message_ids` names the rest."""

    def __init__(self, why: str, message_ids: Sequence[str]) -> None:
        super().__init__(why)
        self.message_ids = tuple(message_ids)


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a queue message; `receive_count` counts its deliveries from 1."""

    body: str
    receipt_handle: str
    receive_count: int
    sent_at_ms: int | None = None
    first_received_at_ms: int | None = None
    message_id: str = ""
    chain: Chain = BEGINNING


def messages_of(lambda_event: Mapping[str, Any]) -> list[Message]:
    """The messages in the event with which Lambda's SQS event source calls a function."""
    return [_message(record, record["attributes"]) for record in lambda_event["Records"]]


def partial_response(left: Sequence[str]) -> dict[str, Any]:
    """What a function answers Lambda whose mapping has ReportBatchItemFailures: the ids of the messages that are left.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}


def _message(record: Mapping[str, Any], attributes: Mapping[str, str]) -> Message:
    sent, first_received = (attributes.get(name) for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"))
    return Message(
        body=record["body"],
        receipt_handle=record["receiptHandle"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        sent_at_ms=int(sent) if sent else None,
        first_received_at_ms=int(first_received) if first_received else None,
        message_id=record["messageId"],
        chain=_chain_of(record.get("messageAttributes") or {}),
    )


def _chain_of(attributes: Mapping[str, Mapping[str, Any]]) -> Chain:
    """The chain by which a message came. Anyone may send to a queue, so what is no number counts as absent."""
    hops, since_ms = (str(attributes.get(name, {}).get("stringValue", "")) for name in (HOPS, WAITS_SINCE_MS))
    return Chain(_count(hops) or 0, _count(since_ms))


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS else None


@dataclass(frozen=True, slots=True)
class Failed:
    """The message could not be handled; it is tried again soon, and goes to the dead letters on its fifth receipt."""

    reason: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A queue as its consumer sees it. `again` sends to the same queue, `dead` to its dead letters."""

    inbox: Inbox
    again: Commands
    dead: DeadLetters


def handle_events(world: World, mailbox: Mailbox, messages: Sequence[Message]) -> None:
    """Handle a batch of the events queue. Raises MessagesLeft when any is not done.

    An event may be a change of a run of ours, news of a job that is recorded, or both; the runs come first, and what is
    theirs alone is deleted before anything else takes time. Or it tells of a queue that is blocked.
    """
    verdicts: list[Outcome | Failed] = [DONE] * len(messages)
    changes: dict[int, JobChange] = {}
    records: dict[int, JobRecord] = {}
    blocked: dict[int, Blocked] = {}
    for place, message in enumerate(messages):
        try:
            event = read_envelope(json.loads(message.body))
            if event is None:
                continue
            job = event.job()
            if job is not None and (change := job.change()) is not None:
                changes[place] = change
            # Runs go by the identity that their jobs carry. What else is known is of this account and region alone.
            if not event.is_from(world.home):
                continue
            if (block := read_blocked(event)) is not None:
                blocked[place] = block
            if job is not None and may_be_recorded(world, job) and (record := job.record()) is not None:
                records[place] = record
        except (ValueError, RecursionError, MalformedMessage) as error:
            verdicts[place] = Failed(f"not a readable event: {error}")
    together = list(changes.values())
    handled = _try(partial(handle_changes, world, together))
    if not isinstance(handled, list):
        # One of them may be the cause, and must not take the others with it.
        handled = [
            _try_one(partial(handle_changes, world, [change]), telemetry.ids(change.attempt, job_id=change.job_id))
            for change in together
        ]
    for place, verdict in zip(changes, handled, strict=True):
        verdicts[place] = verdict
    about = {place: telemetry.ids(job_id=record.job_id) for place, record in records.items()}
    about |= {place: telemetry.ids(change.attempt, job_id=change.job_id) for place, change in changes.items()}
    later = {*records, *blocked}
    first = [place for place in range(len(messages)) if place not in later]
    left = dict(_conclude(world, Source.EVENTS, mailbox, messages, verdicts, about, first))
    _note_handled(world, changes, verdicts, first)
    for place, block in blocked.items():
        verdicts[place] = _try_one(partial(_tell_blocked, world, block), telemetry.ids(job_id=block.job.job_id))
    _observe(world, records, verdicts)
    left |= _conclude(world, Source.EVENTS, mailbox, messages, verdicts, about, sorted(later))
    _note_handled(world, changes, verdicts, sorted(later))
    _raise_if_left(left, messages)


def _note_handled(
    world: World, changes: Mapping[int, JobChange], verdicts: Sequence[Outcome | Failed], places: Sequence[int]
) -> None:
    for place in places:
        if place in changes and isinstance(verdicts[place], Done):
            telemetry.event_handled(world, changes[place])


def _observe(world: World, records: Mapping[int, JobRecord], verdicts: list[Outcome | Failed]) -> None:
    """Record the jobs of those events that are done so far. The latest of a job stands for all of it; where it cannot
    be recorded, they all come again."""
    latest: dict[str, JobRecord] = {}
    for place, record in sorted(records.items(), key=lambda item: item[1].order):
        if isinstance(verdicts[place], Done):
            latest[record.job_id] = record
    observed = {
        job_id: _try_one(partial(_observe_job, world, record), telemetry.ids(job_id=job_id))
        for job_id, record in latest.items()
    }
    for place, record in records.items():
        if isinstance(verdicts[place], Done):
            verdicts[place] = observed[record.job_id]


def _observe_job(world: World, record: JobRecord) -> list[Outcome]:
    observe_event(world, record)
    return [DONE]


def _tell_blocked(world: World, blocked: Blocked) -> list[Outcome]:
    """Tell of a blocked queue, unless that was told; Batch says so every few minutes. Claimed first and noted
    afterwards: an invocation that dies in between leaves an event that tells it again, under the same id."""
    now_ms = world.clock.now_ms()
    if not world.settings.tells_blocked_queues:
        return [DONE]
    notice = blocked_notice(replace(blocked, job=known_here(world, blocked.job)), world.stage, now_ms)
    # Read first, because most events repeat what was told, and a read costs less than a write.
    if world.store.was_told(notice.notice_id, now_ms):
        return [DONE]
    match world.store.claim_notice(notice.notice_id, world.lease(), now_ms):
        case NoticeClaim.TAKEN:
            publish(world, notice)
            world.store.note_notice_told(notice.notice_id, now_ms)
            return [DONE]
        case NoticeClaim.HELD:
            return [NotYet(world.settings.lease_seconds, f"another invocation tells {notice.notice_id}")]
        case NoticeClaim.TOLD:
            return [DONE]


def handle_commands(world: World, mailbox: Mailbox, messages: Sequence[Message]) -> None:
    """Carry out a batch of the commands queue. Raises MessagesLeft when any is not done."""
    verdicts = [_try_one(partial(_carry_out, following(world, message.chain), message.body)) for message in messages]
    left = _conclude(world, Source.COMMANDS, mailbox, messages, verdicts, {}, range(len(messages)))
    _raise_if_left(left, messages)


def _carry_out(world: World, body: str) -> list[Outcome]:
    return [carry_out(world, decode(body))]


def _try_one(handle: Callable[[], Sequence[Outcome]], about: About | None = None) -> Outcome | Failed:
    handled = _try(handle, about)
    return handled[0] if isinstance(handled, list) else handled


def _try(
    handle: Callable[[], Sequence[Outcome]], about: About | None = None
) -> list[Outcome | Failed] | NotYet | Failed:
    """The outcomes, or the one verdict on a handling that raised."""
    try:
        return list(handle())
    except TryAgain as error:
        # An outage of minutes or hours is no fault of the message; it must not end in the dead letters for it.
        return NotYet(OUTAGE_SECONDS, str(error))
    except MalformedMessage as error:
        return Failed(str(error))
    except Exception as error:
        log.exception("a message could not be handled", extra=about)
        return Failed(f"{type(error).__name__}: {error}")


def _conclude(
    world: World,
    source: Source,
    mailbox: Mailbox,
    messages: Sequence[Message],
    verdicts: Sequence[Outcome | Failed],
    about: Mapping[int, About],
    places: Sequence[int],
) -> dict[int, str]:
    """Of the messages at these places delete what is done, copied or given up, and put off what is not. Returns why,
    by place, for each that stays on the queue. `about` are the ids of messages by their places, if they are known."""
    gone: list[str] = []
    left: dict[int, str] = {}
    for place in places:
        message, verdict = messages[place], verdicts[place]
        match verdict:
            case Done():
                stays, why = False, ""
            case NotYet():
                telemetry.not_yet(world, source, verdict.why, about.get(place))
                stays, why = not _waits_elsewhere(world, mailbox, message, verdict, about.get(place)), verdict.why
            case Failed():
                given_up = _given_up(mailbox, message, verdict.reason, about.get(place))
                telemetry.message_failed(world, source, given_up=given_up)
                stays, why = not given_up, verdict.reason
        if stays:
            left[place] = why
        else:
            gone.append(message.receipt_handle)
    if gone:
        mailbox.inbox.delete(gone)
    return left


def _raise_if_left(left: Mapping[int, str], messages: Sequence[Message]) -> None:
    if left:
        why = "; ".join(left[place] for place in sorted(left))
        ids = [messages[place].message_id for place in sorted(left)]
        raise MessagesLeft(f"{len(left)} of {len(messages)} messages are not done: {why}", ids)


def _waits_elsewhere(world: World, mailbox: Mailbox, message: Message, verdict: NotYet, about: About | None) -> bool:
    """Have a message that waits seen again later. True if another message stands for it, so that it may be deleted."""
    now_ms = world.clock.now_ms()
    since_ms = message.chain.waits_since_ms or message.first_received_at_ms or now_ms
    waited_seconds = max(0, now_ms - since_ms) // 1000
    seconds = wait_seconds(
        message.chain,
        message.receive_count,
        verdict.after_seconds,
        waited_seconds,
        exact=isinstance(verdict, NotBefore),
    )
    if message.receive_count < COPIED_AT_RECEIPT:
        _put_off(mailbox, message, seconds)
        return False
    # Waiting is not failing: a new copy starts its receipts anew, so that it is never taken for poison.
    copied = message.chain.copied(since_ms)
    if copied is None:
        return _put_with_the_dead(
            mailbox, message, f"waited for {waited_seconds} seconds in vain: {verdict.why}", about
        )
    return _went_through("copied", partial(mailbox.again.send, [message.body], seconds, copied))


def _given_up(mailbox: Mailbox, message: Message, reason: str, about: About | None) -> bool:
    """Have a message that failed tried again soon, or on its last receipt put with the dead letters; whether it is
    there, so that it may be deleted. Where that fails, SQS moves it by itself at the next receipt, without a reason."""
    if message.receive_count < RECEIPTS_MAXIMUM:
        _put_off(mailbox, message, FAILED_AGAIN_SECONDS[message.receive_count - 1])
        return False
    return _put_with_the_dead(mailbox, message, reason, about)


def _put_with_the_dead(mailbox: Mailbox, message: Message, reason: str, about: About | None) -> bool:
    """Put a message with the dead letters. True if it is there."""
    log.error("a message goes to the dead letters after %d receipts: %s", message.receive_count, reason, extra=about)
    put = partial(
        mailbox.dead.put,
        message.body,
        reason[:LETTER_REASON_CHARACTERS],
        message.receive_count,
        sent_at_ms=message.sent_at_ms,
        first_received_at_ms=message.first_received_at_ms,
    )
    return _went_through("put with the dead letters", put)


def _put_off(mailbox: Mailbox, message: Message, seconds: int) -> None:
    _went_through("put off", partial(mailbox.inbox.postpone, message.receipt_handle, seconds))


def _went_through(what: str, call: Callable[[], None]) -> bool:
    """Whether the call did. A message with which it did not comes back by itself, only later; the others of its batch
    must not wait for it."""
    try:
        call()
    except TryAgain as failure:
        log.warning("a message could not be %s: %s", what, failure)
    except Exception:
        log.exception("a message could not be %s", what)
    else:
        return True
    return False
