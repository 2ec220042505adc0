"""A notice that SNS delivers is posted, tried again, or dropped."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.core.errors import AnswerLost, ChatBusy, ChatRefused, NotTold, Throttled
from chalicelib.core.lease import Lease, NoticeClaim
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.engine.publishing.slack import POST_PREFIX, post_notice
from chalicelib.ports.services import NO_FIGURES, Figures
from tests.memory.figures import MemoryFigures
from tests.memory.monitors import MemoryMonitors
from tests.notices import NOTICES

BODY = json.dumps(NOTICES[NoticeKind.RUN_FAILED].document())


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms

    def wait_until(self, at_ms: int) -> None:
        self.ms = max(self.ms, at_ms)


class ScriptedChat:
    """Raises what it is told to, in turn; then takes everything."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.posted: list[Mapping[str, Any]] = []

    def post(self, message: Mapping[str, Any]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.posted.append(message)


def post(chat: ScriptedChat, clock: Clock, body: str = BODY, figures: Figures = NO_FIGURES) -> None:
    """Post a notice of which nobody remembers that it was posted."""
    post_notice(chat, clock, MemoryMonitors(), Lease("a", 90_000), body, figures)


def test_a_notice_is_posted_once() -> None:
    chat = ScriptedChat()
    post(chat, Clock(), BODY)
    [message] = chat.posted
    assert message["text"].endswith("movie-ratings: run movie-ratings-7k2m9qx4 failed".replace("-r", "_r", 1))


class Rival(ScriptedChat):
    """While the first message is being posted, another invocation is handed the same notice."""

    def __init__(self, posted: MemoryMonitors) -> None:
        super().__init__()
        self.remembered = posted
        self.refused: list[NotTold] = []

    def post(self, message: Mapping[str, Any]) -> None:
        try:
            if not self.refused:
                post_notice(self, Clock(), self.remembered, Lease("b", 90_000), BODY)
        except NotTold as refused:
            self.refused.append(refused)
        super().post(message)


def test_a_notice_that_is_delivered_twice_at_once_is_posted_once() -> None:
    posted = MemoryMonitors()
    chat = Rival(posted)
    post_notice(chat, Clock(), posted, Lease("a", 90_000), BODY)
    assert (len(chat.posted), len(chat.refused)) == (1, 1)
    post_notice(chat, Clock(), posted, Lease("b", 90_000), BODY)
    assert len(chat.posted) == 1, "Lambda repeats the invocation that was refused"


def test_a_notice_whose_post_failed_is_posted_by_the_repetition_and_one_that_was_dropped_is_not() -> None:
    posted, chat = MemoryMonitors(), ScriptedChat(AnswerLost("500"), ChatRefused("400"))
    with pytest.raises(AnswerLost):
        post_notice(chat, Clock(), posted, Lease("a", 90_000), BODY)
    post_notice(chat, Clock(), posted, Lease("b", 90_000), BODY)
    post_notice(chat, Clock(), posted, Lease("c", 90_000), BODY)
    assert (chat.posted, chat.errors) == ([], [])


def test_a_post_whose_invocation_died_is_repeated_once_its_lease_is_over() -> None:
    posted, chat, clock = MemoryMonitors(), ScriptedChat(), Clock()
    assert posted.claim_notice(f"{POST_PREFIX}{json.loads(BODY)['id']}", Lease("dead", 90_000), 0) is NoticeClaim.TAKEN
    with pytest.raises(NotTold):
        post_notice(chat, clock, posted, Lease("a", 150_000), BODY)
    clock.ms = 90_000
    post_notice(chat, clock, posted, Lease("a", 180_000), BODY)
    assert len(chat.posted) == 1


class Forgetful(MemoryMonitors):
    def note_notice_told(self, notice_id: str, now_ms: int) -> None:
        raise Throttled("the table is busy")


def test_a_notice_that_was_posted_is_not_posted_again_because_the_table_is_busy() -> None:
    chat = ScriptedChat()
    post_notice(chat, Clock(), Forgetful(), Lease("a", 90_000), BODY)
    assert len(chat.posted) == 1


def test_a_notice_that_the_chat_never_takes_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    chat, figures = ScriptedChat(ChatRefused("Slack: 404 no_service")), MemoryFigures()
    post(chat, Clock(), BODY, figures)
    assert figures.of(Figure.TELLINGS_REFUSED) == 1
    assert "dropped: Slack: 404 no_service" in caplog.text
    post(chat, Clock(), BODY, figures)
    assert (len(chat.posted), figures.of(Figure.TELLINGS_REFUSED)) == (1, 1)


def test_a_chat_that_is_busy_for_a_moment_is_waited_for() -> None:
    chat, clock = ScriptedChat(ChatBusy("429", 1), ChatBusy("429", 2)), Clock()
    post(chat, clock, BODY)
    assert (len(chat.posted), clock.ms) == (1, 3_000)


@pytest.mark.parametrize(
    "errors",
    [
        [ChatBusy("429", 60)],
        [ChatBusy("429", None)],
        [ChatBusy("429", 1)] * 3,
        [AnswerLost("500")],
    ],
)
def test_a_chat_that_is_busy_for_long_or_down_is_tried_again_by_lambda(errors: list[Exception]) -> None:
    chat = ScriptedChat(*errors)
    with pytest.raises(type(errors[0])):
        post(chat, Clock(), BODY)
    assert chat.posted == []


@pytest.mark.parametrize(
    "body", ["no JSON, planted", "[" * 100_000, "{}", '{"version": "1", "id": "planted"}', '"planted"']
)
def test_what_is_no_notice_is_dropped_and_not_repeated_in_the_log(body: str, caplog: pytest.LogCaptureFixture) -> None:
    chat, figures = ScriptedChat(), MemoryFigures()
    with caplog.at_level(logging.DEBUG):
        post(chat, Clock(), body, figures)
    assert chat.posted == []
    assert figures.of(Figure.TELLINGS_REFUSED) == 1
    assert "dropped" in caplog.text
    assert "planted" not in caplog.text
