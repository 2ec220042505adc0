"""Notices in Slack: the function of app.py, the address out of its secret, and a server that plays Slack."""

from __future__ import annotations

import importlib.util
import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from batchwright.local.functions import LambdaContext
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.aws.slack import SlackWebhook
from chalicelib.core.errors import AnswerLost, ChatBusy, UserMistake
from chalicelib.core.lease import Lease
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.webhook_address import VARIABLE, Keeper, WebhookPlace, read_webhook_place
from chalicelib.engine.publishing.slack import post_notice
from chalicelib.wiring import WallClock
from tests.contract import servers
from tests.memory.monitors import MemoryMonitors
from tests.notices import NOTICES
from tests.receivers import HttpReceiver, Reply, http_receiver

pytestmark = pytest.mark.long

SECRET_PATH = "/services/T01/B02/planted-webhook-secret"
NOTICE = NOTICES[NoticeKind.RUN_FAILED]
BODY = json.dumps(NOTICE.document())
PLACE = WebhookPlace(Keeper.SECRETS_MANAGER, "batchwright-slack")


class Keeping:
    """Secrets Manager and SSM as far as they are asked; counts how often."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked: list[dict[str, Any]] = []

    def get_secret_value(self, **params: Any) -> dict[str, Any]:
        self.asked.append(params)
        return {"SecretString": self.addresses.pop(0) if self.addresses[1:] else self.addresses[0]}

    def get_parameter(self, **params: Any) -> dict[str, Any]:
        return {"Parameter": {"Value": self.get_secret_value(**params)["SecretString"]}}


def webhook(keeping: Keeping, place: WebhookPlace = PLACE) -> SlackWebhook:
    return SlackWebhook(place, lambda: keeping, lambda: keeping, loopback=True)


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger at DEBUG; at the end, nothing of the address was in any line."""
    with caplog.at_level(logging.DEBUG):
        yield caplog
    # At the end of a test, `caplog.text` is empty already.
    lines = [f"{one.getMessage()} {one.exc_text or ''}" for one in caplog.get_records("call")]
    assert not any("planted-webhook-secret" in line for line in lines)


def post(chat: SlackWebhook, body: str = BODY) -> None:
    """Post a notice of which nobody remembers that it was posted."""
    post_notice(chat, WallClock(), MemoryMonitors(), Lease("a", WallClock().now_ms() + 90_000), body)


def posted(slack: HttpReceiver) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in slack.received]


def test_a_notice_arrives_as_blocks_and_the_address_is_read_once(everything_logged: pytest.LogCaptureFixture) -> None:
    with http_receiver() as slack:
        keeping = Keeping(slack.url(SECRET_PATH))
        chat = webhook(keeping)
        for _ in range(3):
            post(chat)
    assert [one.path for one in slack.received] == [SECRET_PATH] * 3
    assert slack.received[0].headers["Content-Type"] == "application/json; charset=utf-8"
    [message, _, _] = posted(slack)
    assert message["blocks"][0]["text"]["text"].endswith("failed")
    assert "Killed" in json.dumps(message)
    assert keeping.asked == [{"SecretId": "batchwright-slack"}]


def test_a_parameter_is_read_decrypted() -> None:
    with http_receiver() as slack:
        keeping = Keeping(slack.url(SECRET_PATH))
        webhook(keeping, read_webhook_place("/team/slack")).post({"text": "hello"})
    assert keeping.asked == [{"Name": "/team/slack", "WithDecryption": True}]
    assert posted(slack) == [{"text": "hello"}]


def test_a_secure_parameter_of_ssm_is_read_in_clear(everything_logged: pytest.LogCaptureFixture) -> None:
    with http_receiver() as slack, mock_aws():
        ssm = servers.client("ssm")
        ssm.put_parameter(Name="/team/slack", Type="SecureString", Value=slack.url(SECRET_PATH))
        everything_logged.clear()  # the call above is the user's, and holds it
        SlackWebhook(read_webhook_place("/team/slack"), lambda: ssm, lambda: ssm, loopback=True).post({"text": "hello"})
        assert "GetParameter" in everything_logged.text
    assert posted(slack) == [{"text": "hello"}]


def test_a_busy_slack_is_asked_again_after_the_time_that_it_names(everything_logged: pytest.LogCaptureFixture) -> None:
    with http_receiver(Reply(429, "rate_limited", (("Retry-After", "1"),)), Reply()) as slack:
        post(webhook(Keeping(slack.url(SECRET_PATH))))
    assert posted(slack)[0] == posted(slack)[1]
    assert len(slack.received) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(429, "", (("Retry-After", "120"),)), ChatBusy),
        (Reply(429, "", (("Retry-After", "tomorrow"),)), ChatBusy),
        (Reply(500), AnswerLost),
        (Reply(503), AnswerLost),
    ],
)
def test_what_may_pass_is_raised_so_that_lambda_tries_again(
    reply: Reply, error: type[Exception], everything_logged: pytest.LogCaptureFixture
) -> None:
    with http_receiver(reply, Reply()) as slack:
        chat = webhook(Keeping(slack.url(SECRET_PATH)))
        with pytest.raises(error) as raised:
            post(chat)
        post(chat)
    assert len(slack.received) == 2
    assert "planted" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "reply", [Reply(400, "invalid_blocks"), Reply(400, f"see {SECRET_PATH}"), Reply(404, "no_service")]
)
def test_what_slack_never_takes_is_logged_and_dropped(
    reply: Reply, everything_logged: pytest.LogCaptureFixture
) -> None:
    with http_receiver(reply) as slack:
        post(webhook(Keeping(slack.url(SECRET_PATH))))
    assert f"dropped: Slack: {reply.status}" in everything_logged.text
    assert ("invalid_blocks" in everything_logged.text) == (reply.body == "invalid_blocks")


def test_an_address_that_was_renewed_is_read_again(everything_logged: pytest.LogCaptureFixture) -> None:
    with http_receiver(Reply(404, "no_service"), Reply()) as slack:
        keeping = Keeping(slack.url(SECRET_PATH), slack.url("/services/renewed"))
        chat = webhook(keeping)
        post(chat)
        post(chat)
    assert [one.path for one in slack.received] == [SECRET_PATH, "/services/renewed", "/services/renewed"]
    assert len(keeping.asked) == 2


def test_a_redirect_is_not_followed(everything_logged: pytest.LogCaptureFixture) -> None:
    with http_receiver() as elsewhere, http_receiver(Reply(302, "", (("Location", elsewhere.url("/")),))) as slack:
        post(webhook(Keeping(slack.url(SECRET_PATH))))
    assert elsewhere.received == []
    assert "dropped: Slack: 302" in everything_logged.text


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/planted-webhook-secret", "http://127.0.0.1:1/planted-webhook-secret\x7f"]
)
def test_a_slack_that_is_not_there_is_told_without_its_address(
    address: str, everything_logged: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AnswerLost) as raised:
        webhook(Keeping(address)).post({"text": "hello"})
    chain = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert "planted" not in "".join(traceback.format_exception(raised.value)) + repr(chain)
    assert chain[1:] == [None, None]


def test_without_the_variable_of_tests_no_address_but_slacks_is_asked(
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    with http_receiver() as slack:
        keeping = Keeping(slack.url(SECRET_PATH))
        with pytest.raises(UserMistake) as mistake:
            SlackWebhook(PLACE, lambda: keeping, lambda: keeping).post({"text": "hello"})
    assert slack.received == []
    assert "planted" not in "".join(traceback.format_exception(mistake.value))


def sns_event(message: str) -> dict[str, Any]:
    """What SNS calls a function with: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html"""
    sns = {
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": "t",
        "Subject": "s",
        "Message": message,
        "MessageAttributes": {},
    }
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def app_module() -> Any:
    """app.py, imported anew with the environment as it is."""
    spec = importlib.util.spec_from_file_location("app_for_slack", PROJECT_FOLDER / "app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Wired:
    """As much of the wiring as the function asks for."""

    def __init__(self, chat: SlackWebhook) -> None:
        self._chat = chat

    def post_notice(self, body: str, request_id: str) -> None:
        post(self._chat, body)


def test_the_function_is_there_only_where_a_webhook_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not hasattr(app_module(), "on_notices")
    monkeypatch.setenv(VARIABLE, "secret:batchwright-slack")
    monkeypatch.setenv("BATCHWRIGHT_TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:batchwright-dev-notices")
    module = app_module()
    [source] = [one for one in module.app.event_sources if type(one).__name__ == "SNSEventConfig"]
    assert (source.name, source.topic) == ("on_notices", "arn:aws:sns:us-east-1:111122223333:batchwright-dev-notices")
    with http_receiver() as slack:
        module.wired = lambda: Wired(webhook(Keeping(slack.url(SECRET_PATH))))
        module.on_notices(sns_event(BODY), LambdaContext("on_notices"))
    assert len(slack.received) == 1
