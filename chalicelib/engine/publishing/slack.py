"""A notice that SNS delivers is posted to a chat.

Owns what becomes of one that cannot be posted: it is raised, so that Lambda tries again, or logged and dropped. Owns
that a notice is posted once, however often it is delivered.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import ChatBusy, ChatRefused, NotTold, TryAgain, UserMistake
from chalicelib.core.lease import Lease, NoticeClaim
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.publication import cleaned
from chalicelib.core.notice.schema import MalformedNotice, read_notice
from chalicelib.core.notice.slack import slack_message
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.ports.services import NO_FIGURES, Chat, Clock, Figures
from chalicelib.ports.store import Monitors

log = logging.getLogger(__name__)

WAIT_SECONDS_MAXIMUM = 15
"""How long a chat that is busy is waited for within an invocation. Slack takes a message a second, and SNS delivers a
burst at once, so that Lambda's own two repetitions would not do."""
POSTS_MAXIMUM = 3
POST_PREFIX = "slack/"
"""What the ids begin with under which the table remembers what was posted."""


def post_notice(
    chat: Chat, clock: Clock, posted: Monitors, lease: Lease, body: str, figures: Figures = NO_FIGURES
) -> None:
    """Post the notice that a message of the topic holds. Raises TryAgain, UserMistake. What is dropped is counted.

    SNS may deliver a message twice, and a notice may be published twice after a crash: the chat is told once, by the
    invocation whose `lease` on the notice's id `posted` takes."""
    notice = _read(body)
    if notice is None:
        figures.count(Figure.TELLINGS_REFUSED)
        return
    post_id = f"{POST_PREFIX}{notice.notice_id}"
    match posted.claim_notice(post_id, lease, clock.now_ms()):
        case NoticeClaim.TAKEN:
            try:
                _post(chat, clock, slack_message(cleaned(notice)))
            except ChatRefused as refused:
                log.error("the chat does not take a notice, which is dropped: %s", refused)
                figures.count(Figure.TELLINGS_REFUSED)
            except (TryAgain, UserMistake):
                # Lambda repeats the invocation after a minute, which must not find the lease held.
                posted.release_notice(post_id, lease.owner)
                raise
            _note_posted(posted, post_id, clock.now_ms())
        case NoticeClaim.HELD:
            raise NotTold(f"another invocation posts {notice.notice_id}")
        case NoticeClaim.TOLD:
            log.info("%s was posted before", notice.notice_id)


def _note_posted(posted: Monitors, post_id: str, now_ms: int) -> None:
    try:
        posted.note_notice_told(post_id, now_ms)
    except TryAgain as failure:
        # Were it raised, Lambda would repeat the invocation, and that post it again.
        log.warning("it could not be noted that %s is done: %s", post_id, failure)


def _read(body: str) -> Notice | None:
    """The notice; None of what is none, which is told to the log without a word of it."""
    try:
        return read_notice(json.loads(body))
    except (ValueError, RecursionError):
        log.error("a message of the topic is no JSON, and is dropped")
    except MalformedNotice as malformed:
        log.error("a message of the topic is dropped: %s", malformed)
    return None


def _post(chat: Chat, clock: Clock, message: Mapping[str, Any]) -> None:
    for left in reversed(range(POSTS_MAXIMUM)):
        try:
            chat.post(message)
            return
        except ChatBusy as busy:
            if not left or busy.after_seconds is None or busy.after_seconds > WAIT_SECONDS_MAXIMUM:
                raise
            clock.wait_until(clock.now_ms() + busy.after_seconds * 1000)
