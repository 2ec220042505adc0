"""A batch of queue messages: handled each on its own account, deleted when done, seen again when not.

Chalice cannot ask Lambda for partial batch responses, so what is done is deleted here, one by one, and the handler
raises if anything is left: Lambda then leaves the rest on the queue (docs/architecture.md).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.core.commands import decode
from chalicelib.core.errors import BatchwrightError, TryAgain
from chalicelib.core.jobchange import JobChange, MalformedEvent, read_event
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.engine.commands import carry_out
from chalicelib.engine.events import handle_changes
from chalicelib.engine.world import DONE, NotYet, Outcome, World
from chalicelib.ports import Commands, Inbox

log = logging.getLogger(__name__)

# The first looks come soon, for most claims are open for milliseconds; the later ones wait the lease out.
_LOOK_AGAIN_SECONDS = (2, 10)
OUTAGE_SECONDS = 60
"""How long a message waits, from its third delivery on, for a service that fails."""


class MessagesLeft(BatchwrightError):
    """Try again: some messages of the batch are not done. Those that are were deleted."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a queue message; `receive_count` counts its deliveries from 1."""

    body: str
    receipt_handle: str
    receive_count: int


def messages_of(lambda_event: Mapping[str, Any]) -> list[Message]:
    """The messages in the event with which Lambda's SQS event source calls a function."""
    return [
        Message(record["body"], record["receiptHandle"], int(record["attributes"]["ApproximateReceiveCount"]))
        for record in lambda_event["Records"]
    ]


@dataclass(frozen=True, slots=True)
class Failed:
    """The message could not be handled; it stays on the queue, and goes to the dead letters when it keeps failing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A queue as its consumer sees it. `again` sends to the same queue."""

    inbox: Inbox
    again: Commands


def handle_events(world: World, mailbox: Mailbox, messages: Sequence[Message]) -> None:
    """Handle a batch of the events queue. Raises MessagesLeft when any is not done."""
    verdicts: list[Outcome | Failed] = [DONE] * len(messages)
    changes: dict[int, JobChange] = {}
    for place, message in enumerate(messages):
        try:
            change = read_event(json.loads(message.body))
        except (ValueError, RecursionError, MalformedEvent) as error:
            verdicts[place] = Failed(f"not a readable event: {error}")
            continue
        if change is not None:
            changes[place] = change
    together = list(changes.values())
    handled = _try(partial(handle_changes, world, together))
    if not isinstance(handled, list):
        # One of them may be the cause, and must not take the others with it.
        handled = [_try_one(partial(handle_changes, world, [change])) for change in together]
    for place, verdict in zip(changes, handled, strict=True):
        verdicts[place] = verdict
    _conclude(mailbox, messages, verdicts)


def handle_commands(world: World, mailbox: Mailbox, messages: Sequence[Message]) -> None:
    """Carry out a batch of the commands queue. Raises MessagesLeft when any is not done."""
    _conclude(mailbox, messages, [_try_one(partial(_carry_out, world, message.body)) for message in messages])


def _carry_out(world: World, body: str) -> list[Outcome]:
    return [carry_out(world, decode(body))]


def _try_one(handle: Callable[[], Sequence[Outcome]]) -> Outcome | Failed:
    handled = _try(handle)
    return handled[0] if isinstance(handled, list) else handled


def _try(handle: Callable[[], Sequence[Outcome]]) -> list[Outcome | Failed] | NotYet | Failed:
    """The outcomes, or the one verdict on a handling that raised."""
    try:
        return list(handle())
    except TryAgain as error:
        # An outage of minutes or hours is no fault of the message; it must not end in the dead letters for it.
        return NotYet(OUTAGE_SECONDS, str(error))
    except MalformedEvent as error:
        return Failed(str(error))
    except Exception as error:
        log.exception("a message could not be handled")
        return Failed(f"{type(error).__name__}: {error}")


def _conclude(mailbox: Mailbox, messages: Sequence[Message], verdicts: Sequence[Outcome | Failed]) -> None:
    """Delete what is done, put off what is not yet, and raise if anything stays on the queue."""
    done: list[str] = []
    left: list[str] = []
    for message, verdict in zip(messages, verdicts, strict=True):
        if isinstance(verdict, Failed):
            left.append(verdict.reason)
        elif not isinstance(verdict, NotYet) or _copied(mailbox, message, verdict):
            done.append(message.receipt_handle)
        else:
            left.append(verdict.why)
    if done:
        mailbox.inbox.delete(done)
    if left:
        raise MessagesLeft(f"{len(left)} of {len(messages)} messages are not done: {'; '.join(left)}")


def _copied(mailbox: Mailbox, message: Message, verdict: NotYet) -> bool:
    """Have the message seen again later; whether by a copy of it, so that it may be deleted itself."""
    try:
        if message.receive_count <= len(_LOOK_AGAIN_SECONDS):
            seconds = min(verdict.after_seconds, _LOOK_AGAIN_SECONDS[message.receive_count - 1])
            mailbox.inbox.postpone(message.receipt_handle, seconds)
            return False
        # Waiting is not failing: a new copy starts its receipts anew, so that it is never taken for poison.
        mailbox.again.send([message.body], min(verdict.after_seconds, QUEUE_DELAY_SECONDS_MAXIMUM))
    except TryAgain as failure:
        # It comes back by itself, only later; the others must not wait for it.
        log.warning("a message could not be put off: %s", failure)
        return False
    return True
