"""What is said of a filter policy is what an SNS does with it: MiniStack's judgement, and what moto delivers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.services import sns as ministack_sns
from moto import mock_aws

from batchwright.subscriptions.filter_policy import Attributes, lets_through
from chalicelib.aws.sns import message_attribute
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.publication import attribute_values
from tests.contract import servers
from tests.notices import NOTICES

NAMES = ("kind", "severity", "workflow", "monitor", "queue")
# Few and alike, so that rules meet values.
VALUES = st.sampled_from(["run_failed", "run_late", "Run_Failed", "error", "r", "a*b", "axb", "run"])
COMPARISONS = st.one_of(
    *(
        st.fixed_dictionaries({name: VALUES | st.sampled_from(["run_", "*", "a*", "*_failed", "d"])})
        for name in ("prefix", "suffix", "equals-ignore-case", "wildcard")
    )
)
RULES = st.one_of(
    VALUES,
    st.integers(1, 3),
    COMPARISONS,
    st.fixed_dictionaries({"exists": st.booleans()}),
    st.fixed_dictionaries({"anything-but": VALUES | st.lists(VALUES, min_size=1, max_size=3) | COMPARISONS}),
    st.just({"numeric": ["=", 1]}),
)
POLICIES = st.dictionaries(st.sampled_from(NAMES), st.lists(RULES, min_size=1, max_size=3), max_size=4)
NESTED = st.builds(
    lambda policy, members: {**policy, "$or": members} if members else policy,
    POLICIES,
    st.just([]) | st.lists(POLICIES, min_size=1, max_size=3),
)
SEVERAL = st.lists(VALUES, min_size=1, max_size=3).map(tuple)
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES), VALUES | SEVERAL, min_size=1)


@settings(max_examples=150, deadline=None)
@given(NESTED, ATTRIBUTES)
def test_a_policy_lets_through_what_ministack_lets_through(policy: dict[str, Any], attributes: Attributes) -> None:
    sent = {name: message_attribute(value) for name, value in attributes.items()}
    theirs = ministack_sns._matches_filter_policy({"attributes": {"FilterPolicy": json.dumps(policy)}}, sent)
    ours = lets_through(policy, attributes)
    # Of a lone member SNS takes `$or` for a name of an attribute, whose rules are then none that we know.
    assert ours is theirs or (ours is None and len(policy.get("$or", [])) == 1)


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"kind": ["run_failed", "task_failed"]},
        {"severity": ["error"], "workflow": ["movie_ratings"]},
        {"monitor": ["nightly"]},
        # moto compares single strings alone, so not of `queue`, which has several.
        {"workflow": [{"prefix": "movie"}]},
        {"workflow": [{"exists": False}]},
        {"kind": [{"anything-but": ["run_started"]}], "queue": [{"exists": True}]},
    ],
)
def test_a_policy_lets_through_what_moto_delivers(policy: dict[str, Any]) -> None:
    with mock_aws():
        sns, sqs = servers.client("sns"), servers.client("sqs")
        topic = sns.create_topic(Name="told")["TopicArn"]
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        filtered = {"FilterPolicy": json.dumps(policy)} if policy else {}
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={**filtered, "RawMessageDelivery": "true"}
        )
        for kind, notice in NOTICES.items():
            sent = {name: message_attribute(value) for name, value in attribute_values(notice).items()}
            sns.publish(TopicArn=topic, Message=kind, MessageAttributes=sent)
        delivered: set[str] = set()
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            delivered |= {one["Body"] for one in found}
    assert delivered == {kind for kind in NoticeKind if lets_through(policy, attribute_values(NOTICES[kind]))}


@pytest.mark.parametrize(
    "rule",
    [None, True, {"cidr": "10.0.0.0/8"}, {"anything-but": {"cidr": "10.0.0.0/8"}}, {"later": "x"}, {"a": 1, "b": 2}],
)
def test_nothing_is_claimed_of_what_is_not_understood(rule: Any) -> None:
    attributes = {"kind": "run_failed", "severity": "error"}
    assert lets_through({"kind": [rule]}, attributes) is None
    assert lets_through({"kind": [rule, "run_failed"]}, attributes) is True
    assert lets_through({"kind": [rule], "severity": ["info"]}, attributes) is False
