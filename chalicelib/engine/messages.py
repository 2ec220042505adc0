"""A batch of queue messages: handled each on its own account, deleted when done, seen again when not, given up when
they keep failing.

Chalice cannot ask Lambda for partial batch responses, so what is done is deleted here, one by one, and the handler
raises if anything is left: Lambda then leaves the rest on the queue (docs/architecture.md).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from chalicelib.core.commands import decode
from chalicelib.core.errors import BatchwrightError, TryAgain
from chalicelib.core.figures import Source
from chalicelib.core.jobchange import JobChange, MalformedEvent, is_from, read_event
from chalicelib.core.jobrecord import JobRecord
from chalicelib.core.lease import NoticeClaim
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM, RECEIPTS_MAXIMUM
from chalicelib.core.observed import read_job
from chalicelib.core.queueblocked import Blocked, blocked_notice, read_blocked
from chalicelib.engine import noting
from chalicelib.engine.commands import carry_out
from chalicelib.engine.events import handle_changes
from chalicelib.engine.observe import known_here, may_be_recorded, observe_event
from chalicelib.engine.tell import publish
from chalicelib.engine.world import DONE, Done, NotYet, Outcome, World
from chalicelib.ports.services import Commands, DeadLetters, Inbox

log = logging.getLogger(__name__)

# The first looks come soon, for most claims are open for milliseconds; the later ones wait the lease out.
_LOOK_AGAIN_SECONDS = (2, 10)
FAILED_AGAIN_SECONDS = (1, 5, 20, 60)
"""How long a message that failed waits after each receipt but its last, which ends with the dead letters."""
LETTER_REASON_CHARACTERS = 500
"""How much of a reason goes to the dead letters. It says what is wrong with a message, and is no copy of it."""
OUTAGE_SECONDS = 60
"""How long a message waits, from its third delivery on, for a service that fails."""


About = Mapping[str, Any]
"""The `extra` of a log call (noting.py)."""


class MessagesLeft(BatchwrightError):
    """Try again: some messages of the batch are not done. Those that are were deleted."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a queue message; `receive_count` counts its deliveries from 1."""

    body: str
    receipt_handle: str
    receive_count: int
    sent_at_ms: int | None = None
    first_received_at_ms: int | None = None


def messages_of(lambda_event: Mapping[str, Any]) -> list[Message]:
    """The messages in the event with which Lambda's SQS event source calls a function."""
    return [_message(record, record["attributes"]) for record in lambda_event["Records"]]


def _message(record: Mapping[str, Any], attributes: Mapping[str, str]) -> Message:
    sent, first_received = (attributes.get(name) for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"))
    return Message(
        body=record["body"],
        receipt_handle=record["receiptHandle"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        sent_at_ms=int(sent) if sent else None,
        first_received_at_ms=int(first_received) if first_received else None,
    )


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
            document = json.loads(message.body)
            change, record, block = read_event(document), read_job(document), read_blocked(document)
            if not is_from(document, world.home):
                # Runs go by the identity that their jobs carry.
                record, block = None, None
        except (ValueError, RecursionError, MalformedEvent) as error:
            verdicts[place] = Failed(f"not a readable event: {error}")
            continue
        if block is not None:
            blocked[place] = block
        if change is not None:
            changes[place] = change
        if record is not None and may_be_recorded(world, record):
            records[place] = record
    together = list(changes.values())
    handled = _try(partial(handle_changes, world, together))
    if not isinstance(handled, list):
        # One of them may be the cause, and must not take the others with it.
        handled = [
            _try_one(partial(handle_changes, world, [change]), noting.ids(change.attempt, job_id=change.job_id))
            for change in together
        ]
    for place, verdict in zip(changes, handled, strict=True):
        verdicts[place] = verdict
    about = {place: noting.ids(job_id=record.job_id) for place, record in records.items()}
    about |= {place: noting.ids(change.attempt, job_id=change.job_id) for place, change in changes.items()}
    later = {*records, *blocked}
    first = [place for place in range(len(messages)) if place not in later]
    left = _conclude(world, Source.EVENTS, mailbox, messages, verdicts, about, first)
    _note_handled(world, changes, verdicts, first)
    for place, block in blocked.items():
        verdicts[place] = _try_one(partial(_tell_blocked, world, block), noting.ids(job_id=block.job.job_id))
    _observe(world, records, verdicts)
    left += _conclude(world, Source.EVENTS, mailbox, messages, verdicts, about, sorted(later))
    _note_handled(world, changes, verdicts, sorted(later))
    _raise_if_left(left, len(messages))


def _note_handled(
    world: World, changes: Mapping[int, JobChange], verdicts: Sequence[Outcome | Failed], places: Sequence[int]
) -> None:
    for place in places:
        if place in changes and isinstance(verdicts[place], Done):
            noting.event_handled(world, changes[place])


def _observe(world: World, records: Mapping[int, JobRecord], verdicts: list[Outcome | Failed]) -> None:
    """Record the jobs of those events that are done so far. The latest of a job stands for all of it; where it cannot
    be recorded, they all come again."""
    latest: dict[str, JobRecord] = {}
    for place, record in sorted(records.items(), key=lambda item: item[1].order):
        if isinstance(verdicts[place], Done):
            latest[record.job_id] = record
    observed = {
        job_id: _try_one(partial(_observe_job, world, record), noting.ids(job_id=job_id))
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
    verdicts = [_try_one(partial(_carry_out, world, message.body)) for message in messages]
    _raise_if_left(
        _conclude(world, Source.COMMANDS, mailbox, messages, verdicts, {}, range(len(messages))), len(messages)
    )


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
    except MalformedEvent as error:
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
) -> list[str]:
    """Of the messages at these places delete what is done, copied or given up, and put off what is not; why, of each
    that stays on the queue. `about` are the ids of messages by their places, as far as they are known."""
    gone: list[str] = []
    left: list[str] = []
    for place in places:
        message, verdict = messages[place], verdicts[place]
        match verdict:
            case Done():
                stays, why = False, ""
            case NotYet():
                noting.not_yet(world, source, verdict.why, about.get(place))
                stays, why = not _copied(mailbox, message, verdict), verdict.why
            case Failed():
                given_up = _given_up(mailbox, message, verdict.reason, about.get(place))
                noting.message_failed(world, source, given_up=given_up)
                stays, why = not given_up, verdict.reason
        if stays:
            left.append(why)
        else:
            gone.append(message.receipt_handle)
    if gone:
        mailbox.inbox.delete(gone)
    return left


def _raise_if_left(left: Sequence[str], count: int) -> None:
    if left:
        raise MessagesLeft(f"{len(left)} of {count} messages are not done: {'; '.join(left)}")


def _copied(mailbox: Mailbox, message: Message, verdict: NotYet) -> bool:
    """Have the message seen again later; whether by a copy of it, so that it may be deleted itself."""
    if message.receive_count <= len(_LOOK_AGAIN_SECONDS):
        _put_off(mailbox, message, min(verdict.after_seconds, _LOOK_AGAIN_SECONDS[message.receive_count - 1]))
        return False
    # Waiting is not failing: a new copy starts its receipts anew, so that it is never taken for poison.
    delay_seconds = min(verdict.after_seconds, QUEUE_DELAY_SECONDS_MAXIMUM)
    return _went_through("copied", partial(mailbox.again.send, [message.body], delay_seconds))


def _given_up(mailbox: Mailbox, message: Message, reason: str, about: About | None) -> bool:
    """Have a message that failed tried again soon, or on its last receipt put with the dead letters; whether it is
    there, so that it may be deleted. Where that fails, SQS moves it by itself at the next receipt, without a reason."""
    if message.receive_count < RECEIPTS_MAXIMUM:
        _put_off(mailbox, message, FAILED_AGAIN_SECONDS[message.receive_count - 1])
        return False
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
