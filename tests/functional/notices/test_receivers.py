"""Notices at real receivers: an SQS subscription, an HTTP endpoint that confirms its own, and Slack's stand-in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from click.testing import Result

from batchwright.local.isolation import LocalSession
from chalicelib.aws.clients import clients
from chalicelib.aws.named_queues import NamedQueues
from chalicelib.aws.sns import SnsNotices
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.schema import read_notice
from chalicelib.core.notice.webhook_address import VARIABLE
from chalicelib.wiring import SLACK_LOOPBACK, wire
from tests.functional.notices.conftest import Queue, Stage
from tests.notices import NOTICES
from tests.receivers import http_receiver

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("nobody_stays_subscribed")]

Give = Callable[..., Result]


def publish(stage: Stage, *kinds: NoticeKind) -> None:
    """Publish notices as the functions do."""
    notices = SnsNotices(stage.client("sns"), stage.topic_arn, NamedQueues(lambda: stage.client("sqs")))
    for kind in kinds:
        notices.publish(NOTICES[kind])


def test_a_queue_hears_everything_in_the_envelope_of_sns(stage: Stage, give: Give, queue: Queue) -> None:
    given = give("subscribe", queue.arn)
    assert given.exit_code == 0, given.output
    assert given.stdout == f"{queue.arn} is told of everything.\n"
    publish(stage, *NoticeKind)
    envelopes = [json.loads(one["Body"]) for one in queue.take(len(NoticeKind))]
    assert {envelope["Subject"] for envelope in envelopes} >= {
        "[error] movie_ratings: run movie-ratings-7k2m9qx4 failed (prod)"
    }
    told = [read_notice(json.loads(envelope["Message"])) for envelope in envelopes]
    assert sorted(told, key=lambda one: one.kind) == sorted(NOTICES.values(), key=lambda one: one.kind)


def test_a_queue_that_wants_it_raw_gets_the_document_alone(stage: Stage, give: Give, queue: Queue) -> None:
    assert give("subscribe", queue.arn, "--raw").exit_code == 0
    publish(stage, NoticeKind.RUN_FAILED)
    [message] = queue.take(1)
    assert json.loads(message["Body"]) == NOTICES[NoticeKind.RUN_FAILED].document()
    assert message["MessageAttributes"]["severity"]["StringValue"] == "error"


def test_the_queue_of_a_run_gets_the_same_document_past_the_topic(stage: Stage, queue: Queue) -> None:
    notices = SnsNotices(stage.client("sns"), stage.topic_arn, NamedQueues(lambda: stage.client("sqs")))
    for kind in NoticeKind:
        notices.send(NOTICES[kind], queue.url.rpartition("/")[2])
    received = queue.take(len(NoticeKind))
    assert {json.loads(one["Body"])["id"] for one in received} == {one.notice_id for one in NOTICES.values()}
    assert {one["MessageAttributes"]["kind"]["StringValue"] for one in received} == set(NoticeKind)
    with pytest.raises(UserMistake, match="batchwright-notices-gone"):
        notices.send(NOTICES[NoticeKind.RUN_FAILED], "batchwright-notices-gone")


def test_a_filter_lets_through_what_was_asked_for(stage: Stage, give: Give, queue: Queue) -> None:
    given = give("subscribe", queue.arn, "--severity", "error", "--severity", "warning", "--workflow", "movie_ratings")
    assert given.stdout == f"{queue.arn} is told of severity error or warning, workflow movie_ratings.\n"
    publish(stage, *NoticeKind)
    told = {json.loads(json.loads(one["Body"])["Message"])["kind"] for one in queue.take(4)}
    assert told == {"run_failed", "run_cancelled", "run_late", "task_failed"}
    # Subscribing again replaces what was heard, and makes no second subscription.
    assert give("subscribe", queue.arn, "--kind", "nothing_ran").exit_code == 0
    assert len(json.loads(give("list", "--json").stdout)) == 1
    publish(stage, *NoticeKind)
    told = {json.loads(json.loads(one["Body"])["Message"])["kind"] for one in queue.take(1)}
    assert told == {"nothing_ran"}


@pytest.mark.parametrize(("wanted", "kinds"), [("default", {"task_failed"}), ("spot", {"task_failed"}), ("gpu", set())])
def test_a_filter_by_queue_lets_through_what_is_about_one_of_several_queues(
    stage: Stage, give: Give, queue: Queue, wanted: str, kinds: set[str]
) -> None:
    assert NOTICES[NoticeKind.TASK_FAILED].queues == ("default", "spot")
    assert give("subscribe", queue.arn, "--queue", wanted, "--raw").exit_code == 0
    # What nobody filters out comes last, and shows that nothing else is to come.
    publish(stage, NoticeKind.TASK_FAILED, NoticeKind.RUN_SUCCEEDED)
    assert give("subscribe", queue.arn, "--raw").exit_code == 0
    publish(stage, NoticeKind.RUN_STARTED)
    told = queue.take(len(kinds) + 1)
    assert {json.loads(one["Body"])["kind"] for one in told} == {*kinds, "run_started"}
    attributes = [one["MessageAttributes"] for one in told if "queue" in one["MessageAttributes"]]
    assert [(one["queue"]["DataType"], one["queue"]["StringValue"]) for one in attributes] == [
        ("String.Array", '["default", "spot"]') for _ in kinds
    ]


def test_what_a_function_needs_besides_is_said_when_it_is_subscribed(give: Give) -> None:
    given = give("subscribe", "arn:aws:lambda:us-east-1:000000000000:function:told")
    assert given.exit_code == 0, given.output
    assert "The function's own policy must let the topic invoke it" in given.stderr


def test_an_endpoint_confirms_its_subscription_and_is_told_from_then_on(stage: Stage, give: Give) -> None:
    with http_receiver(confirms=True) as endpoint:
        address = endpoint.url("/told")
        given = give("subscribe", address, "--kind", "run_failed")
        assert given.stdout == f"{address} has been asked to confirm; it hears nothing before.\n"
        endpoint.wait_for(lambda received: len(received) == 1)
        asked = json.loads(endpoint.received[0].body)
        assert (asked["Type"], asked["TopicArn"]) == ("SubscriptionConfirmation", stage.topic_arn)
        endpoint.wait_for(lambda _: not json.loads(give("list", "--json").stdout)[0]["pending"])
        publish(stage, NoticeKind.RUN_STARTED, NoticeKind.RUN_FAILED)
        endpoint.wait_for(lambda _: bool(endpoint.notifications()))
        [told] = endpoint.notifications()
    assert json.loads(told["Message"]) == NOTICES[NoticeKind.RUN_FAILED].document()
    assert told["MessageAttributes"]["kind"]["Value"] == "run_failed"


def test_an_endpoint_that_does_not_confirm_hears_nothing_and_is_listed_as_pending(stage: Stage, give: Give) -> None:
    with http_receiver() as endpoint:
        assert give("subscribe", endpoint.url("/told")).exit_code == 0
        endpoint.wait_for(lambda received: len(received) == 1)
        publish(stage, NoticeKind.RUN_FAILED)
        listed = give("list")
        assert "not confirmed" in listed.stdout
        refused = give("unsubscribe", endpoint.url("/told"))
        assert (refused.exit_code, "waits to be confirmed" in refused.stderr) == (2, True)
    assert endpoint.notifications() == []


def test_a_subscription_is_ended_by_its_address_or_id(give: Give, queue: Queue) -> None:
    for _ in range(2):
        made = json.loads(give("subscribe", queue.arn, "--json").stdout)
        named = made["subscription_id"] if _ else queue.arn
        assert give("unsubscribe", named).stdout == f"{queue.arn} is not told any more.\n"
    assert give("list").stdout.startswith("Nobody is subscribed")
    unknown = give("unsubscribe", queue.arn)
    assert (unknown.exit_code, "is not subscribed" in unknown.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "is no address that can be subscribed"),
        (["a@example.com", "--kind", "run_faild"], "did you mean 'run_failed'?"),
        (["a@example.com", "--severity", "bad"], "there are info, warning, error"),
        (["a@example.com", "--raw"], "--raw is for queues and HTTP endpoints"),
    ],
)
def test_a_mistake_is_told_and_nobody_is_subscribed(give: Give, words: list[str], said: str) -> None:
    refused = give("subscribe", *words)
    assert refused.exit_code == 2, refused.output
    assert said in refused.stderr
    assert json.loads(give("list", "--json").stdout) == []


def test_a_test_notice_arrives_where_its_kind_is_heard(give: Give, queue: Queue) -> None:
    assert give("subscribe", queue.arn, "--kind", "run_failed", "--raw").exit_code == 0
    published = give("test")
    assert published.stdout.startswith("Published test/run_failed/")
    assert give("test", "--kind", "run_late").exit_code == 0
    [message] = queue.take(1)
    told = read_notice(json.loads(message["Body"]))
    assert told.notice_id in published.stdout
    assert told.subject == "a test: nothing happened (run_failed)"
    assert told.stage == "local"


def test_slack_is_posted_to_once_by_what_the_environment_wires(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    with http_receiver() as slack, caplog.at_level(logging.DEBUG):
        address = slack.url("/services/planted-webhook-secret")
        stage.client("secretsmanager").create_secret(Name="team/slack", SecretString=address)
        caplog.clear()  # the call above is the user's, and holds it
        environment = {**stage.environment, VARIABLE: "secret:team/slack", SLACK_LOOPBACK: "1"}
        wired = wire(environment, clients(LocalSession(stage.environment)))
        for _ in range(2):
            wired.post_notice(json.dumps(NOTICES[NoticeKind.QUEUE_BLOCKED].document()), "request")
    [posted] = slack.received
    assert "INSUFFICIENT_INSTANCE_CAPACITY" in posted.body
    assert "GetSecretValue" in caplog.text
    assert "planted-webhook-secret" not in caplog.text
