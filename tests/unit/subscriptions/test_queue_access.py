"""Whether a queue's policy lets the topic send to it, and the statement that does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchwright.subscriptions.queue_access import lets_send, statement, with_statement

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:told"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:batchwright-prod-notices"
OURS = statement(QUEUE, TOPIC)
ONLY_TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    "given",
    [
        policy(OURS),
        json.dumps({"Statement": OURS}),
        policy(ONLY_TLS, OURS),
        policy({**OURS, "Principal": "*"}),
        policy({**OURS, "Principal": {"AWS": "*"}, "Action": ["SQS:sendmessage"]}),
        policy({**OURS, "Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}, "Action": "sqs:Send*"}),
        policy({**OURS, "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:*:111122223333:batchwright-*"}}}),
        policy({**OURS, "Condition": {"StringEquals": {"aws:SourceAccount": ["111122223333"]}}}),
        policy({"Effect": "Deny", **{k: v for k, v in OURS.items() if k != "Effect"}, "Action": "sqs:Purge*"}, OURS),
        policy({**ONLY_TLS, "Condition": {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}}, OURS),
        policy({k: v for k, v in OURS.items() if k != "Condition"}),
    ],
)
def test_such_a_policy_lets_the_topic_send(given: str) -> None:
    assert lets_send(given, QUEUE, TOPIC) is True


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        policy(),
        policy({**OURS, "Resource": f"{QUEUE}-other"}),
        policy({**OURS, "Principal": {"AWS": "111122223333"}}),
        policy({**OURS, "Action": "sqs:ReceiveMessage"}),
        policy({**OURS, "Condition": {"ArnEquals": {"aws:SourceArn": f"{TOPIC}-2"}}}),
        policy({**OURS, "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}),
        policy(OURS, {**ONLY_TLS, "Condition": {}}),
        policy(OURS, {**ONLY_TLS, "Condition": {"ArnNotEquals": {"aws:SourceArn": f"{TOPIC}-2"}}}),
    ],
)
def test_such_a_policy_does_not(given: str | None) -> None:
    assert lets_send(given, QUEUE, TOPIC) is False


@pytest.mark.parametrize(
    "given",
    [
        policy({**OURS, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}),
        policy(OURS, {**ONLY_TLS, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),
        policy({**OURS, "Principal": {"Service": "sns.eu-south-1.amazonaws.com"}}),
        policy({k: v for k, v in OURS.items() if k != "Action"} | {"NotAction": "sqs:Purge*"}),
    ],
)
def test_of_what_is_not_understood_neither_is_said(given: str) -> None:
    assert lets_send(given, QUEUE, TOPIC) is None


@pytest.mark.parametrize("given", [None, policy(ONLY_TLS, {**OURS, "Sid": "other", "Resource": f"{QUEUE}-other"})])
def test_the_statement_is_added_and_all_others_stay(given: str | None) -> None:
    after = with_statement(given, QUEUE, TOPIC)
    before = json.loads(given)["Statement"] if given else []
    assert json.loads(after) == {"Version": "2012-10-17", "Statement": [*before, OURS]}
    assert lets_send(after, QUEUE, TOPIC) is True
