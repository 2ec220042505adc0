"""A notice that SNS delivers is posted, tried again, or dropped."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.core.errors import AnswerLost, ChatBusy, ChatRefused
from chalicelib.core.figures import Figure
from chalicelib.core.notices import NoticeKind
from chalicelib.engine.posting import post_notice
from tests.memory.figures import MemoryFigures
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


def test_a_notice_is_posted_once() -> None:
    chat = ScriptedChat()
    post_notice(chat, Clock(), BODY)
    [message] = chat.posted
    assert message["text"].endswith("movie-ratings: run movie-ratings-7k2m9qx4 failed".replace("-r", "_r", 1))


def test_a_notice_that_the_chat_never_takes_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    chat, figures = ScriptedChat(ChatRefused("Slack: 404 no_service")), MemoryFigures()
    post_notice(chat, Clock(), BODY, figures)
    assert figures.of(Figure.TELLINGS_REFUSED) == 1
    assert "dropped: Slack: 404 no_service" in caplog.text
    post_notice(chat, Clock(), BODY, figures)
    assert (len(chat.posted), figures.of(Figure.TELLINGS_REFUSED)) == (1, 1)


def test_a_chat_that_is_busy_for_a_moment_is_waited_for() -> None:
    chat, clock = ScriptedChat(ChatBusy("429", 1), ChatBusy("429", 2)), Clock()
    post_notice(chat, clock, BODY)
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
        post_notice(chat, Clock(), BODY)
    assert chat.posted == []


@pytest.mark.parametrize(
    "body", ["no JSON, planted", "[" * 100_000, "{}", '{"version": "1", "id": "planted"}', '"planted"']
)
def test_what_is_no_notice_is_dropped_and_not_repeated_in_the_log(body: str, caplog: pytest.LogCaptureFixture) -> None:
    chat, figures = ScriptedChat(), MemoryFigures()
    with caplog.at_level(logging.DEBUG):
        post_notice(chat, Clock(), body, figures)
    assert chat.posted == []
    assert figures.of(Figure.TELLINGS_REFUSED) == 1
    assert "dropped" in caplog.text
    assert "planted" not in caplog.text
